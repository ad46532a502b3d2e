/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key sets (core/jwt). The input is the JWKS.
 *
 * A key that is taken is RSA, of 2048 bits at least and for RS256 signatures. The one token that was signed verifies
 * with its own key alone.
 */
#include <json-c/json.h>

#include "core/json.h"
#include "core/jwt.h"
#include "core/text.h"
#include "fuzz.h"
#include "genuine.h"

static const char *text_of(json_object *object, const char *name)
{
    return sk_json_text(sk_json_member(object, name));
}

static bool is_or_lacks(json_object *object, const char *name, const char *expected)
{
    const char *text = text_of(object, name);

    return !sk_json_member(object, name) || (text && strcmp(text, expected) == 0);
}

/* 2048 bits are 342 digits in base64url. */
static bool is_good(json_object *jwk, const char *kid)
{
    const char *its = text_of(jwk, "kid"), *n = text_of(jwk, "n");

    return its && strcmp(its, kid) == 0 && sk_json_member(jwk, "kty")
           && is_or_lacks(jwk, "kty", "RSA") && is_or_lacks(jwk, "use", "sig")
           && is_or_lacks(jwk, "alg", "RS256") && n && strlen(n) >= 342 && text_of(jwk, "e");
}

static void expect_good_keys(json_object *array, const sk_keyset *keys)
{
    size_t i, j, count = json_object_array_length(array);

    for (i = 0; i < count; i++) {
        const char *kid = text_of(json_object_array_get_idx(array, i), "kid");
        if (!kid || !sk_keyset_has(keys, kid)) {
            continue;
        }
        for (j = 0; j < count && !is_good(json_object_array_get_idx(array, j), kid); j++) {
        }
        HOLDS(j < count);
    }
}

/* Zeros in front do not make it another number. */
static bool is_genuine_modulus(apr_pool_t *pool, const char *n)
{
    size_t length = 0;
    const unsigned char *bytes =
        n ? sk_text_base64url_decode(pool, n, strlen(n), &length) : NULL;

    for (; length > 0 && *bytes == 0; bytes++, length--) {
    }
    return length > 0 && strcmp(sk_text_base64url(pool, bytes, length), GENUINE_N) == 0;
}

static void expect_only_its_own(apr_pool_t *pool, json_object *array, const sk_keyset *keys)
{
    size_t i, count = json_object_array_length(array);
    sk_jwt jwt;

    HOLDS(!sk_jwt_parse(pool, GENUINE_TOKEN, &jwt));
    if (sk_jwt_verify(pool, &jwt, keys)) {
        return;
    }
    for (i = 0; i < count; i++) {
        json_object *jwk = json_object_array_get_idx(array, i);
        const char *kid = text_of(jwk, "kid");
        if (kid && strcmp(kid, "k1") == 0 && is_genuine_modulus(pool, text_of(jwk, "n"))) {
            return;
        }
    }
    HOLDS(!"verified with a key of the set");
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *json = (const char *)bytes, *error = NULL;
    const sk_keyset *keys = sk_keyset_parse(pool, json, length, &error);
    json_object *array;

    HOLDS(!keys == !!error);
    if (keys) {
        array = sk_json_member(sk_json_parse(pool, json, length), "keys");
        HOLDS(!sk_keyset_has(keys, ""));
        expect_good_keys(array, keys);
        expect_only_its_own(pool, array, keys);
    }
}
