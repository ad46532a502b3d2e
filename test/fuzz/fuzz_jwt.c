/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compact JWS (core/jwt). The input is the token.
 *
 * Nothing verifies but the one token that was signed, in its one spelling. What says what is wrong is fit for a log.
 * A token is kept in a session as it came.
 */
#include <json-c/json.h>

#include "core/json.h"
#include "core/jwt.h"
#include "core/record.h"
#include "fuzz.h"
#include "genuine.h"

static const sk_keyset *genuine_keys(void)
{
    static const char json[] = GENUINE_KEYS;
    static const sk_keyset *keys;
    const char *error;

    if (!keys) {
        keys = sk_keyset_parse(fuzz_lasting_pool(), json, sizeof(json) - 1, &error);
        HOLDS(keys);
    }
    return keys;
}

static void expect_words(const char *wrong)
{
    const char *c;

    HOLDS(*wrong && strlen(wrong) < 128);
    for (c = wrong; *c; c++) {
        HOLDS(*c >= 0x20 && *c < 0x7f);
    }
}

static void expect_rs256(apr_pool_t *pool, const char *text)
{
    size_t length = 0;
    const unsigned char *json =
        sk_text_base64url_decode(pool, text, strcspn(text, "."), &length);
    json_object *header = sk_json_parse(pool, (const char *)json, length);

    HOLDS(strcmp(sk_json_text(sk_json_member(header, "alg")), "RS256") == 0);
    HOLDS(!json_object_object_get_ex(header, "crit", NULL));
}

static void expect_three_parts(const sk_jwt *jwt, const char *text)
{
    const char *first = strchr(text, '.'), *last = strrchr(text, '.');

    HOLDS(strlen(text) <= SK_JWT_MAX);
    HOLDS(first && first < last && !memchr(first + 1, '.', (size_t)(last - first - 1)));
    HOLDS(jwt->text == text && jwt->kid && jwt->claims);
    HOLDS(sk_jwt_expiry(jwt) >= 0 && sk_jwt_issued(jwt) >= 0);
}

static void expect_it_is_kept(apr_pool_t *pool, const char *text)
{
    sk_token token = sk_token_pack(pool, text);

    if (*text) {
        HOLDS(strcmp(sk_token_text(pool, &token), text) == 0);
        HOLDS(token.length <= strlen(text) + 2);
    }
    else {
        HOLDS(!token.bytes);
    }
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *text = fuzz_text(pool, bytes, length);
    bool is_genuine = strcmp(text, GENUINE_TOKEN) == 0;
    sk_jwt jwt;
    const char *wrong = sk_jwt_parse(pool, text, &jwt);

    expect_it_is_kept(pool, text);
    if (!wrong) {
        expect_three_parts(&jwt, text);
        expect_rs256(pool, text);
        wrong = sk_jwt_verify(pool, &jwt, genuine_keys());
    }
    HOLDS(is_genuine == !wrong);
    if (wrong) {
        expect_words(wrong);
    }
}
