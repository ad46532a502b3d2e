/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims of a token whose signature is right (core/jwt). The input is the claims, in JSON.
 *
 * No claims pass for two kinds of token; those that pass have our issuer and are of this hour.
 */
#include <json-c/json.h>

#include "core/json.h"
#include "core/jwt.h"
#include "fuzz.h"

enum { NOW = 1700000000, SKEW = 60 };

static const char issuer[] = "https://acme.scalekit.com", client[] = "skc_1";

static const char *check(apr_pool_t *pool, const sk_jwt *jwt, sk_jwt_kind kind)
{
    sk_jwt_rules rules = {0};

    rules.kind = kind;
    rules.issuer = issuer;
    rules.audience = rules.client_id = client;
    rules.nonce = "nonce";
    rules.access_token = "access";
    rules.now = NOW;
    rules.skew = SKEW;
    return sk_jwt_check(pool, jwt, &rules);
}

static bool is_text(json_object *claims, const char *name, const char *expected)
{
    const char *text = sk_json_text(sk_json_member(claims, name));

    return text && strcmp(text, expected) == 0;
}

/* A number, whatever json-c would make of other things. */
static double number(json_object *claims, const char *name)
{
    json_object *value = sk_json_member(claims, name);

    HOLDS(json_object_is_type(value, json_type_int)
          || json_object_is_type(value, json_type_double));
    return json_object_get_double(value);
}

static void expect_good(json_object *claims, sk_jwt_kind kind)
{
    HOLDS(is_text(claims, "iss", issuer));
    if (kind != SK_JWT_LOGOUT || sk_json_member(claims, "exp")) {
        HOLDS(number(claims, "exp") > NOW - SKEW - 1);
    }
    if (sk_json_member(claims, "nbf")) {
        HOLDS(number(claims, "nbf") < NOW + SKEW + 1);
    }
    HOLDS(number(claims, "iat") < NOW + SKEW + 1);
    if (kind != SK_JWT_IDP) {
        HOLDS(sk_json_member(claims, "aud"));
    }
    if (kind == SK_JWT_ID || kind == SK_JWT_ACCESS) {
        HOLDS(sk_json_text(sk_json_member(claims, "sub")));
    }
    if (kind == SK_JWT_ID && sk_json_member(claims, "nonce")) {
        HOLDS(is_text(claims, "nonce", "nonce"));
    }
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    sk_jwt jwt = {"", "k1", NULL, sk_json_parse(pool, (const char *)bytes, length)};
    int kind, passed = 0;

    for (kind = SK_JWT_ID; jwt.claims && kind <= SK_JWT_LOGOUT; kind++) {
        if (!check(pool, &jwt, (sk_jwt_kind)kind)) {
            expect_good(jwt.claims, (sk_jwt_kind)kind);
            passed++;
        }
    }
    HOLDS(passed <= 1);
}
