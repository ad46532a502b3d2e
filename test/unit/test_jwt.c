/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jwt.h"

#include "support.h"

#define ISSUER "https://acme.scalekit.com"
#define CLIENT "skc_58300000000000001"
#define KID "snk_12345678901234567"
#define HEADER "{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}"
#define CLAIMS "{\"sub\":\"usr_1\"}"
#define NOW 1758265000

static apr_pool_t *keys_pool;
static EVP_PKEY *ours, *theirs, *weak;

static int start(void **state)
{
    if (support_start(state) != 0 || apr_pool_create(&keys_pool, NULL) != APR_SUCCESS) {
        return -1;
    }
    ours = support_rsa(keys_pool, 2048);
    theirs = support_rsa(keys_pool, 2048);
    weak = support_rsa(keys_pool, 1024);
    return 0;
}

static int stop(void **state)
{
    apr_pool_destroy(keys_pool);
    return support_stop(state);
}

static sk_keyset *parse_keys(apr_pool_t *pool, const char *jwks, const char **error)
{
    *error = NULL;
    return sk_keyset_parse(pool, support_copy(pool, jwks, strlen(jwks)), strlen(jwks), error);
}

static sk_keyset *our_keys(apr_pool_t *pool)
{
    const char *error;
    sk_keyset *keys =
        parse_keys(pool, support_jwks(pool, support_jwk(pool, ours, KID, NULL), NULL), &error);

    assert_non_null(keys);
    return keys;
}

static const char *verdict(apr_pool_t *pool, const char *text, const sk_keyset *keys)
{
    sk_jwt jwt;
    const char *wrong = sk_jwt_parse(pool, support_copy(pool, text, strlen(text) + 1), &jwt);

    return wrong ? wrong : sk_jwt_verify(pool, &jwt, keys);
}

/* ---- key sets ---- */

#define CHANGE(member, value)                                                                  \
    {                                                                                          \
        {member, value},                                                                       \
        {                                                                                      \
            NULL, NULL                                                                         \
        }                                                                                      \
    }

static void keys_that_cannot_verify_rs256_are_ignored(void **state)
{
    /* The smallest number with a byte for every 8 of 2048 bits, but without the first bit. */
    unsigned char small[256] = {0x7f, [255] = 1}, huge[1032] = {0x80, [1031] = 1};
    const struct {
        const char *row;
        support_member change[2];
        bool kept;
    } rows[] = {
        {"as Scalekit has it", CHANGE(NULL, NULL), true},
        {"no use", CHANGE("use", NULL), true},
        {"use enc", CHANGE("use", "\"enc\""), false},
        {"use SIG", CHANGE("use", "\"SIG\""), false},
        {"use a number", CHANGE("use", "1"), false},
        {"no alg", CHANGE("alg", NULL), true},
        {"alg RS384", CHANGE("alg", "\"RS384\""), false},
        {"alg PS256", CHANGE("alg", "\"PS256\""), false},
        {"alg RSA-OAEP", CHANGE("alg", "\"RSA-OAEP\""), false},
        {"alg HS256", CHANGE("alg", "\"HS256\""), false},
        {"alg rs256", CHANGE("alg", "\"rs256\""), false},
        {"alg an array", CHANGE("alg", "[\"RS256\"]"), false},
        {"key_ops verify", CHANGE("key_ops", "[\"verify\"]"), true},
        {"key_ops encrypt", CHANGE("key_ops", "[\"encrypt\"]"), false},
        {"no kty", CHANGE("kty", NULL), false},
        {"kty EC", CHANGE("kty", "\"EC\""), false},
        {"kty oct", CHANGE("kty", "\"oct\""), false},
        {"kty rsa", CHANGE("kty", "\"rsa\""), false},
        {"no kid", CHANGE("kid", NULL), false},
        {"an empty kid", CHANGE("kid", "\"\""), false},
        {"a kid that is a number", CHANGE("kid", "17"), false},
        {"a kid with a NUL", CHANGE("kid", "\"" KID "\\u0000x\""), false},
        {"no n", CHANGE("n", NULL), false},
        {"an empty n", CHANGE("n", "\"\""), false},
        {"a padded n",
         CHANGE("n", apr_psprintf(*state, "\"%s==\"", support_modulus(*state, ours))), false},
        {"n not base64url", CHANGE("n", "\"+/+/\""), false},
        {"n a number", CHANGE("n", "65537"), false},
        {"n of 1024 bits",
         CHANGE("n", apr_psprintf(*state, "\"%s\"", support_modulus(*state, weak))), false},
        {"n of 2047 bits",
         CHANGE("n", apr_psprintf(*state, "\"%s\"", support_base64url(*state, small, 256))),
         false},
        {"n of 1024 bits behind zeros",
         CHANGE("n", apr_psprintf(*state, "\"%s%s\"", support_repeat(*state, 'A', 172),
                                  support_modulus(*state, weak))),
         false},
        {"n of 8256 bits",
         CHANGE("n", apr_psprintf(*state, "\"%s\"", support_base64url(*state, huge, 1032))),
         false},
        {"no e", CHANGE("e", NULL), false},
        {"an empty e", CHANGE("e", "\"\""), false},
        {"e not base64url", CHANGE("e", "\"AQ=B\""), false},
        {"an e of 4 bytes", CHANGE("e", "\"_____w\""), true},
        {"an e of 5 bytes", CHANGE("e", "\"AQAAAAE\""), false},
        {"an e as long as n",
         CHANGE("e", apr_psprintf(*state, "\"%s\"", support_modulus(*state, ours))), false},
        {"e = 0", CHANGE("e", "\"AA\""), false},
        {"e with a NUL", CHANGE("e", "\"AQAB\\u0000\""), false},
        {"n with a NUL",
         CHANGE("n", apr_psprintf(*state, "\"%s\\u0000\"", support_modulus(*state, ours))),
         false},
        {"n of 100 KB",
         CHANGE("n", apr_psprintf(*state, "\"%s\"", support_repeat(*state, 'x', 100000))),
         false},
        {"e = 1, with which everybody can sign", CHANGE("e", "\"AQ\""), false},
        {"an even e", CHANGE("e", "\"Ag\""), false},
        {"a private key", CHANGE("d", "\"AQAB\""), true},
        {"a certificate", CHANGE("x5c", "[\"AAAA\"]"), true},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *error, *jwk = support_jwk(*state, ours, KID, rows[i].change);
        sk_keyset *keys = parse_keys(*state, support_jwks(*state, jwk, NULL), &error);
        support_expect((keys != NULL) == rows[i].kept, "%s", rows[i].row);
        support_expect((error == NULL) == (keys != NULL), "%s: error %s", rows[i].row, error);
        if (keys) {
            support_expect(sk_keyset_has(keys, KID), "%s: not found", rows[i].row);
        }
    }
}

static void a_kid_has_at_most_128_bytes(void **state)
{
    const char *kid = support_repeat(*state, 'k', 128),
               *longer = support_repeat(*state, 'k', 129);
    const char *error;
    sk_keyset *keys = parse_keys(*state,
                                 support_jwks(*state, support_jwk(*state, ours, kid, NULL),
                                              support_jwk(*state, ours, longer, NULL), NULL),
                                 &error);

    assert_non_null(keys);
    assert_true(sk_keyset_has(keys, kid));
    assert_false(sk_keyset_has(keys, longer));
}

/* A key that cannot be: what OpenSSL makes of it is a signature that is wrong. */
static void an_even_modulus_verifies_nothing(void **state)
{
    char *modulus = apr_pstrdup(*state, support_modulus(*state, ours));
    size_t last = strlen(modulus) - 1;
    support_member change[] = {{"n", NULL}, {NULL, NULL}};
    const char *error;
    sk_keyset *keys;

    modulus[last - 1] = 'A'; /* 2048 bits end in the middle of the last character */
    modulus[last] = 'A';
    change[0].json = apr_psprintf(*state, "\"%s\"", modulus);
    keys = parse_keys(
        *state, support_jwks(*state, support_jwk(*state, ours, KID, change), NULL), &error);
    assert_non_null(keys);
    support_expect_verdict(
        "even", verdict(*state, support_sign(*state, ours, EVP_sha256(), HEADER, CLAIMS), keys),
        "signature is wrong");
}

static void other_keys_do_not_disturb(void **state)
{
    /* RFC 7517 appendix A.1 */
    static const char ec[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\","
                             "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                             "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}";
    static const char oct[] =
        "{\"kty\":\"oct\",\"kid\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}";
    const char *error;
    sk_keyset *keys =
        parse_keys(*state,
                   support_jwks(*state, ec, oct, "17", "null", "\"x\"", "[]", "{}",
                                support_jwk(*state, weak, "weak", NULL),
                                support_jwk(*state, ours, KID, NULL),
                                support_jwk(*state, theirs, "second", NULL), NULL),
                   &error);

    assert_non_null(keys);
    assert_true(sk_keyset_has(keys, KID));
    assert_true(sk_keyset_has(keys, "second"));
    assert_false(sk_keyset_has(keys, "ec"));
    assert_false(sk_keyset_has(keys, "oct"));
    assert_false(sk_keyset_has(keys, "weak"));
    assert_false(sk_keyset_has(keys, ""));
    assert_false(sk_keyset_has(keys, "SNK_12345678901234567"));
    assert_false(sk_keyset_has(keys, KID "8"));
}

static void what_is_no_key_set_is_refused(void **state)
{
    static const struct {
        const char *jwks, *error;
    } rows[] = {
        {"", "not a JSON object"},
        {"<html>", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{}", "not a JSON object"},
        {"null", "not a JSON object"},
        {"{\"keys\":{}}", "not a JSON object"},
        {"{\"keys\":null}", "not a JSON object"},
        {"{\"keys\":\"x\"}", "not a JSON object"},
        {"{\"keys\":[]} x", "not a JSON object"},
        {"{\"keys\":[]}", "no RSA key"},
        {"{\"keys\":[1,null,\"x\",[],{}]}", "no RSA key"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *error;
        support_expect(!parse_keys(*state, rows[i].jwks, &error), "%s", rows[i].jwks);
        support_expect_verdict(rows[i].jwks, error, rows[i].error);
    }
}

static void a_key_set_keeps_64_keys(void **state)
{
    const char *jwk = support_jwk(*state, ours, "k0", NULL), *error;
    sk_keyset *keys;
    int i;

    for (i = 1; i < 70; i++) {
        jwk =
            apr_pstrcat(*state, jwk, ",",
                        support_jwk(*state, ours, apr_psprintf(*state, "k%d", i), NULL), NULL);
    }
    keys = parse_keys(*state, support_jwks(*state, jwk, NULL), &error);
    assert_non_null(keys);
    assert_true(sk_keyset_has(keys, "k0"));
    assert_true(sk_keyset_has(keys, "k63"));
    assert_false(sk_keyset_has(keys, "k64"));
    assert_false(sk_keyset_has(keys, "k69"));
}

/* ---- taking apart and verifying ---- */

static void a_token_of_ours_is_taken_apart_and_verified(void **state)
{
    const char *text = support_sign(*state, ours, EVP_sha256(), HEADER, CLAIMS);
    sk_jwt jwt;

    assert_null(sk_jwt_parse(*state, text, &jwt));
    assert_string_equal(jwt.text, text);
    assert_string_equal(jwt.kid, KID);
    assert_non_null(jwt.claims);
    assert_null(sk_jwt_verify(*state, &jwt, our_keys(*state)));
}

static void headers_must_ask_for_rs256_and_nothing_unknown(void **state)
{
    static const struct {
        const char *header, *wrong;
    } rows[] = {
        {HEADER, NULL},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\"}", NULL},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":\"at+jwt\",\"x\":1}", NULL},
        {"{\"alg\":\"none\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"None\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"HS256\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"RS384\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"RS512\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"PS256\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"ES256\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"rs256\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"RS256 \",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":\"RS256\\u0000\",\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":[\"RS256\"],\"kid\":\"" KID "\"}", "RS256"},
        {"{\"alg\":null,\"kid\":\"" KID "\"}", "RS256"},
        {"{\"kid\":\"" KID "\"}", "RS256"},
        {"{}", "RS256"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"crit\":[\"exp\"],\"exp\":1}", "extensions"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"crit\":[]}", "extensions"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"crit\":false}", "extensions"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"b64\":false}", "extensions"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"b64\":true}", "extensions"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":17}", "typ"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\\u0000\"}", "typ"},
        {"{\"alg\":\"none\",\"kid\":\"" KID "\",\"alg\":\"RS256\"}", "header"},
        {"{\"alg\":\"none\",\"kid\":\"" KID "\",\"alg\\u0000x\":\"RS256\"}", "header"},
        {"{\"alg\":\"RS256\",\"kid\":\"x\",\"kid\":\"" KID "\"}", "header"},
        {"{\"alg\":\"RS256\"}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":null}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":17}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", "key"},
        {"{\"alg\":\"RS256\",\"kid\":\"" KID "\\u0000\"}", "kid"},
        {"{\"alg\":\"RS256\",\"kid\":\"another\"}", "another is not in the key set"},
        {"{\"alg\":\"RS256\",\"kid\":\"SNK_12345678901234567\"}", "not in the key set"},
        {"{\"alg\":\"RS256\",\"kid\":\"a\\u001b[31m\\n\xc3\xbc\"}", "not in the key set"},
        {"", "header"},
        {"{", "header"},
        {"[]", "header"},
        {"\"RS256\"", "header"},
        {"null", "header"},
        {HEADER "x", "header"},
    };
    const sk_keyset *keys = our_keys(*state);
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *text = support_sign(*state, ours, EVP_sha256(), rows[i].header, CLAIMS);
        support_expect_verdict(rows[i].header, verdict(*state, text, keys), rows[i].wrong);
    }
}

static void the_kid_of_a_token_has_at_most_128_bytes(void **state)
{
    size_t length;

    for (length = 128; length <= 129; length++) {
        const char *header = apr_psprintf(*state, "{\"alg\":\"RS256\",\"kid\":\"%s\"}",
                                          support_repeat(*state, 'k', length));
        const char *text = support_sign(*state, ours, EVP_sha256(), header, CLAIMS);
        sk_jwt jwt;
        support_expect_verdict("kid", sk_jwt_parse(*state, text, &jwt),
                               length > 128 ? "kid" : NULL);
    }
}

static void tokens_have_three_parts_in_canonical_base64url(void **state)
{
    const char *text = support_sign(*state, ours, EVP_sha256(), HEADER, CLAIMS);
    const char *claims = strchr(text, '.') + 1, *signature = strchr(claims, '.') + 1;
    const char *header = apr_pstrmemdup(*state, text, (size_t)(claims - 1 - text));
    const char *unsigned_text = apr_pstrmemdup(*state, text, (size_t)(signature - 1 - text));
    const struct {
        const char *text, *wrong;
    } rows[] = {
        {text, NULL},
        {"", "not a JWT"},
        {".", "three parts"},
        {"..", "header"},
        {"...", "three parts"},
        {"not a token", "not a JWT"},
        {"rt_opaque", "not a JWT"},
        {header, "not a JWT"},
        {unsigned_text, "three parts"},
        {apr_pstrcat(*state, text, ".", NULL), "three parts"},
        {apr_pstrcat(*state, text, ".AAAA", NULL), "three parts"},
        {apr_pstrcat(*state, text, ".AAAA.AAAA", NULL), "three parts"},
        {apr_pstrcat(*state, ".", text, NULL), "three parts"},
        {apr_pstrcat(*state, header, "..", signature, NULL), "claims"},
        {apr_pstrcat(*state, header, "=.", claims, NULL), "header"},
        {apr_pstrcat(*state, header, " .", claims, NULL), "header"},
        {apr_pstrcat(*state, " ", text, NULL), "header"},
        {apr_pstrcat(*state, header, ".=", claims, NULL), "claims"},
        {apr_pstrcat(*state, header, ".W10.", signature, NULL), "claims"},
        {apr_pstrcat(*state, header, ".Im5vIG9iamVjdCI.", signature, NULL), "claims"},
        {apr_pstrcat(*state, header, ".bnVsbA.", signature, NULL), "claims"},
        {apr_pstrcat(*state, header, ".e30.", signature, NULL), "signature"},
        {apr_pstrcat(*state, header, ".e31.", signature, NULL), "claims"},
        {apr_pstrcat(*state, unsigned_text, ".", NULL), "signature"},
        {apr_pstrcat(*state, unsigned_text, ".A", NULL), "signature"},
        {apr_pstrcat(*state, unsigned_text, ".AAAA", NULL), "signature"},
        {apr_pstrcat(*state, text, "==", NULL), "signature"},
        {apr_pstrcat(*state, text, "AA", NULL), "signature"},
        {apr_pstrcat(*state, text, "\n", NULL), "signature"},
        {apr_pstrcat(*state, text, " ", NULL), "signature"},
    };
    const sk_keyset *keys = our_keys(*state);
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_verdict(apr_psprintf(*state, "row %d", (int)i),
                               verdict(*state, rows[i].text, keys), rows[i].wrong);
    }
}

/* Otherwise one token has many texts, and what is kept under a text is not found again. */
static void a_signature_has_one_spelling(void **state)
{
    const sk_keyset *keys = our_keys(*state);
    char *text, *last, *c;
    int i = 0;

    do {
        const char *claims = apr_psprintf(*state, "{\"i\":%d}", i++);
        text = apr_pstrdup(*state, support_sign(*state, ours, EVP_sha256(), HEADER, claims));
    } while (!strpbrk(strrchr(text, '.'), "-_"));
    last = text + strlen(text) - 1;
    assert_null(verdict(*state, text, keys));
    ++*last;
    support_expect_verdict("stray bits", verdict(*state, text, keys), "signature");
    --*last;
    for (c = strrchr(text, '.'); *c; c++) {
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    }
    support_expect_verdict("base64", verdict(*state, text, keys), "signature");
}

static void every_changed_part_breaks_the_signature(void **state)
{
    const sk_keyset *keys = our_keys(*state);
    const char *text = support_sign(*state, ours, EVP_sha256(), HEADER, CLAIMS);
    size_t length = strlen(text), i;

    for (i = 0; i < length; i += 7) {
        char *changed = apr_pstrdup(*state, text);
        changed[i] = changed[i] == 'A' ? 'Q' : 'A';
        support_expect(verdict(*state, changed, keys) != NULL, "character %d", (int)i);
    }
    for (i = 0; i < length; i++) {
        support_expect(verdict(*state, apr_pstrmemdup(*state, text, i), keys) != NULL,
                       "%d characters", (int)i);
    }
}

static void signatures_of_others_are_refused(void **state)
{
    const char *jwk = support_jwk(*state, theirs, KID, NULL);
    const char *embedded =
        apr_psprintf(*state,
                     "{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"jwk\":%s,"
                     "\"jku\":\"https://evil.example/keys\","
                     "\"x5u\":\"https://evil.example/cert\",\"x5c\":[\"AAAA\"]}",
                     jwk);
    const sk_keyset *keys = our_keys(*state);

    support_expect_verdict(
        "another key of the same kid",
        verdict(*state, support_sign(*state, theirs, EVP_sha256(), HEADER, CLAIMS), keys),
        "signature is wrong");
    support_expect_verdict(
        "a weak key of the same kid",
        verdict(*state, support_sign(*state, weak, EVP_sha256(), HEADER, CLAIMS), keys),
        "signature is wrong");
    support_expect_verdict(
        "another digest",
        verdict(*state, support_sign(*state, ours, EVP_sha512(), HEADER, CLAIMS), keys),
        "signature is wrong");
    support_expect_verdict(
        "a key that the token brings along",
        verdict(*state, support_sign(*state, theirs, EVP_sha256(), embedded, CLAIMS), keys),
        "signature is wrong");
    support_expect_verdict(
        "our key, the token's ignored",
        verdict(*state, support_sign(*state, ours, EVP_sha256(), embedded, CLAIMS), keys),
        NULL);
}

static void the_public_key_is_no_hmac_secret(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"kid\":\"" KID "\"}",
        HEADER,
    };
    const sk_keyset *keys = our_keys(*state);
    const char *secrets[] = {support_modulus(*state, ours),
                             support_jwk(*state, ours, KID, NULL)};
    size_t i, j;

    for (i = 0; i < COUNT(headers); i++) {
        for (j = 0; j < COUNT(secrets); j++) {
            support_expect(
                verdict(*state, support_hmac(*state, secrets[j], headers[i], CLAIMS), keys)
                    != NULL,
                "header %d, secret %d", (int)i, (int)j);
        }
    }
}

static void the_right_key_of_several_is_taken(void **state)
{
    const char *jwks = support_jwks(*state, support_jwk(*state, theirs, "theirs", NULL),
                                    support_jwk(*state, ours, KID, NULL), NULL);
    const char *error;
    const sk_keyset *keys = parse_keys(*state, jwks, &error);
    const char *text = support_sign(*state, theirs, EVP_sha256(),
                                    "{\"alg\":\"RS256\",\"kid\":\"theirs\"}", CLAIMS);

    assert_null(verdict(*state, text, keys));
    text = support_sign(*state, ours, EVP_sha256(), HEADER, CLAIMS);
    assert_null(verdict(*state, text, keys));
    text = support_sign(*state, theirs, EVP_sha256(), HEADER, CLAIMS);
    assert_non_null(verdict(*state, text, keys));
}

static void tokens_have_at_most_64_kilobytes(void **state)
{
    const sk_keyset *keys = our_keys(*state);
    size_t fixed = strlen(support_sign(*state, ours, EVP_sha256(), HEADER, "{\"x\":\"\"}"));
    size_t more = (SK_JWT_MAX - fixed) / 4 * 3;
    const char *text, *claims;

    claims = apr_psprintf(*state, "{\"x\":\"%s\"}", support_repeat(*state, 'x', more));
    text = support_sign(*state, ours, EVP_sha256(), HEADER, claims);
    assert_in_range(strlen(text), SK_JWT_MAX - 8, SK_JWT_MAX);
    assert_null(verdict(*state, text, keys));
    claims = apr_psprintf(*state, "{\"x\":\"%s\"}", support_repeat(*state, 'x', more + 8));
    text = support_sign(*state, ours, EVP_sha256(), HEADER, claims);
    assert_true(strlen(text) > SK_JWT_MAX);
    support_expect_verdict("huge", verdict(*state, text, keys), "too long");
    support_expect_verdict("dots", verdict(*state, support_repeat(*state, '.', 100000), keys),
                           "too long");
}

/* ---- the rules ---- */

static const support_member id_claims[] = {
    {"iss", "\"" ISSUER "\""}, {"aud", "[\"" CLIENT "\"]"},
    {"azp", "\"" CLIENT "\""}, {"client_id", "\"" CLIENT "\""},
    {"sub", "\"usr_1\""},      {"exp", "1758266747"},
    {"iat", "1758264947"},     {NULL, NULL},
};

static const support_member access_claims[] = {
    {"iss", "\"" ISSUER "\""}, {"aud", "[\"" CLIENT "\"]"}, {"client_id", "\"" CLIENT "\""},
    {"sub", "\"usr_1\""},      {"exp", "1758265247"},       {"iat", "1758264947"},
    {"nbf", "1758264947"},     {"jti", "\"tkn_1\""},        {NULL, NULL},
};

/* The example of OpenID Connect Core appendix A.3 */
#define ACCESS_TOKEN "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
#define AT_HASH "77QmUPtjPfzWtF2AnpK9RQ"

static const sk_jwt_rules id_rules = {SK_JWT_ID,    ISSUER, CLIENT, CLIENT, "our-nonce",
                                      ACCESS_TOKEN, NOW,    60,     false};
static const sk_jwt_rules access_rules = {SK_JWT_ACCESS, ISSUER, CLIENT, CLIENT, NULL,
                                          NULL,          NOW,    60,     false};

static const support_member idp_claims[] = {
    {"iss", "\"" ISSUER "\""},       {"organization_id", "\"org_1\""},
    {"connection_id", "\"conn_1\""}, {"login_hint", "\"ada@acme.test\""},
    {"exp", "1758265247"},           {"iat", "1758264947"},
    {"nbf", "1758264947"},           {NULL, NULL},
};

static const sk_jwt_rules idp_rules = {SK_JWT_IDP, ISSUER, CLIENT, CLIENT, NULL,
                                       NULL,       NOW,    60,     false};

static const char *check(apr_pool_t *pool, const support_member *claims,
                         const support_member *changes, const sk_jwt_rules *rules)
{
    const char *text =
        apr_pstrcat(pool, support_unsigned(pool, HEADER, support_object(pool, claims, changes)),
                    ".AAAA", NULL);
    sk_jwt jwt;

    assert_null(sk_jwt_parse(pool, text, &jwt));
    return sk_jwt_check(pool, &jwt, rules);
}

typedef struct rule {
    support_member change[3];
    const char *wrong;
} rule;

#define SAME(wrong)                                                                            \
    {                                                                                          \
        {{NULL, NULL}}, wrong                                                                  \
    }
#define WITH(member, value, wrong)                                                             \
    {                                                                                          \
        {{member, value}, {NULL, NULL}}, wrong                                                 \
    }
#define WITH_TWO(member, value, other, other_value, wrong)                                     \
    {                                                                                          \
        {{member, value}, {other, other_value}, {NULL, NULL}}, wrong                           \
    }

static void expect_rules(apr_pool_t *pool, const rule *rows, size_t count,
                         const support_member *claims, const sk_jwt_rules *rules)
{
    size_t i;

    for (i = 0; i < count; i++) {
        const char *row = support_object(pool, NULL, rows[i].change);
        if (rows[i].change[0].name && !rows[i].change[0].json) {
            row = apr_pstrcat(pool, "no ", rows[i].change[0].name, NULL);
        }
        support_expect_verdict(row, check(pool, claims, rows[i].change, rules), rows[i].wrong);
    }
}

static void what_holds_for_every_token(void **state)
{
    static const rule rows[] = {
        SAME(NULL),
        WITH("iss", NULL, "issuer"),
        WITH("iss", "\"" ISSUER "/\"", "issuer"),
        WITH("iss", "\"https://evil.example\"", "issuer"),
        WITH("iss", "\"HTTPS://ACME.SCALEKIT.COM\"", "issuer"),
        WITH("iss", "\"" ISSUER "\\u0000\"", "issuer"),
        WITH("iss", "\"\\u001b[31m\\r\\nforged log line\"", "issuer"),
        WITH("iss", "[\"" ISSUER "\"]", "issuer"),
        WITH("iss", "\"\"", "issuer"),
        WITH("iss", "17", "issuer"),
        WITH("aud", "\"" CLIENT "\"", NULL),
        WITH("aud", "[\"other\",\"" CLIENT "\"]", NULL),
        WITH("aud", "[1,null,{},\"" CLIENT "\"]", NULL),
        WITH("aud", NULL, "audience"),
        WITH("aud", "null", "audience"),
        WITH("aud", "\"\"", "audience"),
        WITH("aud", "[]", "audience"),
        WITH("aud", "\"other\"", "audience"),
        WITH("aud", "[\"other\"]", "audience"),
        WITH("aud", "\"" CLIENT "2\"", "audience"),
        WITH("aud", "\"other " CLIENT "\"", "audience"),
        WITH("aud", "[[\"" CLIENT "\"]]", "audience"),
        WITH("aud", "{\"" CLIENT "\":\"" CLIENT "\"}", "audience"),
        WITH("aud", "17", "audience"),
        WITH("aud", "true", "audience"),
        WITH("sub", "\"conn_1;google-oauth2|17\"", NULL),
        WITH("sub", "\"J\xc3\xbcrgen\"", NULL),
        WITH("sub", NULL, "sub"),
        WITH("sub", "null", "sub"),
        WITH("sub", "\"\"", "sub"),
        WITH("sub", "17", "sub"),
        WITH("sub", "[\"usr_1\"]", "sub"),
        WITH("sub", "\"usr_1\\n\"", "sub"),
        WITH("sub", "\"usr_1\\u0000\"", "sub"),
        WITH("sub", "\"usr\\u0085\"", "sub"),
        WITH("sub", "\"usr\\u007f\"", "sub"),
        WITH("events", "{\"http://schemas.openid.net/event/backchannel-logout\":{}}", "logout"),
        WITH("events", "{}", "logout"),
    };

    expect_rules(*state, rows, COUNT(rows), id_claims, &id_rules);
    expect_rules(*state, rows, COUNT(rows), access_claims, &access_rules);
}

/* NOW is 1758265000, the skew 60. */
static void what_holds_for_times(void **state)
{
    static const rule rows[] = {
        WITH("exp", "1758265000", NULL),
        WITH("exp", "1758264941", NULL),
        WITH("exp", "1758264940", "expired 60 seconds ago"),
        WITH("exp", "1", "expired"),
        WITH("exp", "0", "exp"),
        WITH("exp", "1758265247.5", NULL),
        WITH("exp", "1.758265247e9", NULL),
        WITH("exp", "253402300799", NULL),
        WITH("exp", "253402300800", "exp"),
        WITH("exp", NULL, "exp"),
        WITH("exp", "null", "exp"),
        WITH("exp", "\"1758265247\"", "exp"),
        WITH("exp", "true", "exp"),
        WITH("exp", "[1758265247]", "exp"),
        WITH("exp", "{}", "exp"),
        WITH("exp", "-1", "exp"),
        WITH("exp", "-1758265247", "exp"),
        WITH("exp", "9223372036854775807", "exp"),
        WITH("exp", "18446744073709551615", "exp"),
        WITH("exp", "99999999999999999999999", "exp"),
        WITH("exp", "1e30", "exp"),
        WITH("exp", "1e300", "exp"),
        WITH("exp", "9223372036854775808", "exp"),
        WITH("exp", "18446744073709551616", "exp"),
        WITH("exp", "-9223372036854775809", "exp"),
        WITH("exp", "1758265247e0", NULL),
        WITH("exp", "-0", "expired"),
        WITH("exp", "1e400", "exp"),
        WITH("exp", "-1e400", "exp"),
        WITH("iat", "1758265060", NULL),
        WITH("iat", "1758265061", "from the future, by 61 seconds"),
        WITH("iat", "253402300800", "iat"),
        WITH("iat", "0", NULL),
        WITH("iat", NULL, "iat"),
        WITH("iat", "\"1758264947\"", "iat"),
        WITH("iat", "-1", "iat"),
        WITH("iat", "1e400", "iat"),
        WITH("iat", "18446744073709551616", "iat"),
        WITH("iat", "-1e300", "iat"),
        WITH("iat", "[]", "iat"),
        WITH("iat", "9223372036854775807", "iat"),
        WITH("iat", "false", "iat"),
        WITH("iat", "1758264947.9", NULL),
        WITH("nbf", NULL, NULL),
        WITH("nbf", "null", NULL),
        WITH("nbf", "1758265060", NULL),
        WITH("nbf", "1758265061", "from the future, by 61 seconds"),
        WITH("nbf", "\"1758264947\"", "nbf"),
        WITH("nbf", "-1", "nbf"),
        WITH("nbf", "1e400", "nbf"),
        WITH("nbf", "1e300", "nbf"),
        WITH("nbf", "[1758264947]", "nbf"),
        WITH("nbf", "true", "nbf"),
        WITH("nbf", "18446744073709551615", "nbf"),
        WITH("nbf", "0", NULL),
        WITH_TWO("iat", "1758265070", "nbf", "1758265090", "by 90 seconds"),
    };

    expect_rules(*state, rows, COUNT(rows), id_claims, &id_rules);
    expect_rules(*state, rows, COUNT(rows), access_claims, &access_rules);
}

static void without_a_skew_times_are_exact(void **state)
{
    static const rule rows[] = {
        WITH("exp", "1758265001", NULL), WITH("exp", "1758265000", "expired"),
        WITH("iat", "1758265000", NULL), WITH("iat", "1758265001", "future"),
        WITH("nbf", "1758265000", NULL), WITH("nbf", "1758265001", "future"),
    };
    sk_jwt_rules exact = access_rules;

    exact.skew = 0;
    expect_rules(*state, rows, COUNT(rows), access_claims, &exact);
}

static void what_holds_for_id_tokens(void **state)
{
    static const rule rows[] = {
        WITH("azp", "\"other\"", "azp"),
        WITH("azp", "\"\"", "azp"),
        WITH("azp", "17", "azp"),
        WITH("azp", "[\"" CLIENT "\"]", "azp"),
        WITH("azp", NULL, "not an ID token"),
        WITH_TWO("azp", NULL, "at_hash", "\"" AT_HASH "\"", NULL),
        WITH_TWO("azp", NULL, "c_hash", "\"BBBBBBBBBBBBBBBBBBBBBB\"", NULL),
        WITH_TWO("azp", NULL, "nonce", "\"our-nonce\"", NULL),
        WITH("nonce", "\"our-nonce\"", NULL),
        WITH("nonce", "\"their-nonce\"", "nonce"),
        WITH("nonce", "\"our-nonce2\"", "nonce"),
        WITH("nonce", "\"our-nonce\\u0000\"", "nonce"),
        WITH("nonce", "\"\"", "nonce"),
        WITH("nonce", "17", "nonce"),
        WITH("nonce", "[\"our-nonce\"]", "nonce"),
        WITH("at_hash", "\"" AT_HASH "\"", NULL),
        WITH("at_hash", "\"AAAAAAAAAAAAAAAAAAAAAA\"", "at_hash"),
        WITH("at_hash", "\"" AT_HASH "==\"", "at_hash"),
        WITH("at_hash", "\"\"", "at_hash"),
        WITH("at_hash", "17", "at_hash"),
        WITH("at_hash", "[\"" AT_HASH "\"]", "at_hash"),
    };

    expect_rules(*state, rows, COUNT(rows), id_claims, &id_rules);
}

static void what_is_missing_in_the_rules_fails_closed(void **state)
{
    static const rule rows[] = {
        SAME(NULL),
        WITH("nonce", "\"our-nonce\"", "nonce"),
        WITH("at_hash", "\"" AT_HASH "\"", "at_hash"),
    };
    sk_jwt_rules without = id_rules;

    without.nonce = without.access_token = NULL;
    expect_rules(*state, rows, COUNT(rows), id_claims, &without);
}

static void what_holds_for_access_tokens(void **state)
{
    static const rule rows[] = {
        WITH("client_id", NULL, NULL),
        WITH("client_id", "\"other\"", "client_id"),
        WITH("client_id", "17", "client_id"),
        WITH("jti", NULL, NULL),
        WITH("at_hash", "\"" AT_HASH "\"", "ID token"),
        WITH("c_hash", "\"BBBBBBBBBBBBBBBBBBBBBB\"", "ID token"),
        WITH("nonce", "\"n\"", "ID token"),
        WITH_TWO("azp", "\"" CLIENT "\"", "jti", NULL, "ID token"),
        WITH("azp", "\"" CLIENT "\"", "ID token"),
    };

    expect_rules(*state, rows, COUNT(rows), access_claims, &access_rules);
}

static void the_audience_of_access_tokens_is_configured(void **state)
{
    static const rule rows[] = {
        SAME("ScalekitAudience"),
        WITH("aud", "\"https://api.example\"", NULL),
        WITH("aud", "[\"" CLIENT "\",\"https://api.example\"]", NULL),
    };
    sk_jwt_rules api = access_rules;

    api.audience = "https://api.example";
    expect_rules(*state, rows, COUNT(rows), access_claims, &api);
}

static void what_holds_for_idp_initiated_requests(void **state)
{
    static const rule rows[] = {
        SAME(NULL),
        WITH("organization_id", NULL, NULL),
        WITH("connection_id", NULL, NULL),
        WITH_TWO("organization_id", NULL, "connection_id", NULL, "neither"),
        WITH_TWO("organization_id", "null", "connection_id", NULL, "no id"),
        WITH("organization_id", "\"\"", "no id"),
        WITH("organization_id", "17", "no id"),
        WITH("organization_id", "[\"org_1\"]", "no id"),
        WITH("connection_id", "\"conn_1\\n\"", "no id"),
        WITH("connection_id", "\"conn_1\\u0000\"", "no id"),
        WITH("login_hint", NULL, NULL),
        WITH("iss", NULL, "issuer"),
        WITH("iss", "\"https://b2b-app.com\"", "issuer"),
        WITH("aud", "\"" CLIENT "\"", NULL),
        WITH("aud", "[\"" CLIENT "\"]", NULL),
        WITH("aud", "\"other\"", "audience"),
        WITH("aud", "null", "audience"),
        WITH("sub", "\"usr_1\"", "another kind"),
        WITH("sub", "null", "another kind"),
        WITH("jti", "\"tkn_1\"", "another kind"),
        WITH("at_hash", "\"" AT_HASH "\"", "another kind"),
        WITH("c_hash", "\"" AT_HASH "\"", "another kind"),
        WITH("azp", "\"" CLIENT "\"", "another kind"),
        WITH("nonce", "\"our-nonce\"", "another kind"),
        WITH("sid", "\"ses_1\"", "another kind"),
        WITH("events", "{}", "another kind"),
        WITH("exp", NULL, "exp"),
        WITH("exp", "1758264940", "expired"),
        WITH("iat", NULL, "iat"),
        WITH("iat", "1758265061", "future"),
        WITH("nbf", NULL, NULL),
        WITH("nbf", "1758265061", "future"),
        /* 15 minutes and the skew, though it lives for a year */
        WITH_TWO("exp", "1789801000", "iat", "1758264041", NULL),
        WITH_TWO("exp", "1789801000", "iat", "1758264040", "older than 15 minutes"),
        WITH_TWO("exp", "1789801000", "iat", "0", "older than 15 minutes"),
    };

    expect_rules(*state, rows, COUNT(rows), idp_claims, &idp_rules);
}

#define LOGOUT_EVENT "{\"http://schemas.openid.net/event/backchannel-logout\":{}}"

static const support_member logout_claims[] = {
    {"iss", "\"" ISSUER "\""}, {"aud", "[\"" CLIENT "\"]"}, {"sub", "\"usr_1\""},
    {"sid", "\"ses_1\""},      {"exp", "1758265247"},       {"iat", "1758264947"},
    {"jti", "\"1\""},          {"events", LOGOUT_EVENT},    {NULL, NULL},
};

static const sk_jwt_rules logout_rules = {SK_JWT_LOGOUT, ISSUER, CLIENT, CLIENT, NULL,
                                          NULL,          NOW,    60,     false};

static void what_holds_for_logout_tokens(void **state)
{
    static const rule rows[] = {
        SAME(NULL),
        WITH("sid", NULL, NULL),
        WITH("sub", NULL, NULL),
        WITH("sub", "\"conn_1;google-oauth2|17\"", NULL),
        WITH_TWO("sid", NULL, "sub", NULL, "neither"),
        WITH_TWO("sid", "null", "sub", NULL, "neither"),
        WITH_TWO("sid", "17", "sub", "\"usr_1\"", "neither"),
        WITH("sid", "\"\"", "neither"),
        WITH("sid", "\"ses_1\\n\"", "neither"),
        WITH("sid", "[\"ses_1\"]", "neither"),
        WITH("sub", "\"\"", "neither"),
        WITH("sub", "\"usr_1\\u0000\"", "neither"),
        WITH("iss", "\"https://other.scalekit.com\"", "issuer"),
        WITH("aud", "\"" CLIENT "\"", NULL),
        WITH("aud", "\"other\"", "audience"),
        WITH("aud", NULL, "audience"),
        WITH("jti", NULL, "jti"),
        WITH("jti", "\"\"", "jti"),
        WITH("jti", "17", "jti"),
        WITH("events", NULL, "not a logout token"),
        WITH("events", "{}", "not a logout token"),
        WITH("events", "[]", "not a logout token"),
        WITH("events", "\"http://schemas.openid.net/event/backchannel-logout\"",
             "not a logout token"),
        WITH("events", "{\"http://schemas.openid.net/event/backchannel-logout\":true}",
             "not a logout token"),
        WITH("events", "{\"http://schemas.openid.net/event/backchannel-logout\":null}",
             "not a logout token"),
        WITH("nonce", "\"our-nonce\"", "nonce"),
        WITH("nonce", "null", "nonce"),
        WITH("exp", "1758264940", "expired"),
        WITH("exp", "\"1758265247\"", "exp"),
        WITH("exp", "null", NULL),
        WITH("exp", NULL, NULL),
        WITH_TWO("exp", NULL, "iat", "1758261341", NULL),
        WITH_TWO("exp", NULL, "iat", "1758261340", "expired"),
        WITH("iat", NULL, "iat"),
        WITH("iat", "1758265061", "future"),
        WITH("nbf", "1758265061", "future"),
        /* an hour and the skew, though it lives for a year */
        WITH_TWO("exp", "1789801000", "iat", "1758261341", NULL),
        WITH_TWO("exp", "1789801000", "iat", "1758261340", "older than an hour"),
    };

    expect_rules(*state, rows, COUNT(rows), logout_claims, &logout_rules);
}

/* They share keys, `typ`, issuer and audience. */
static void one_kind_of_token_is_not_the_other(void **state)
{
    static const support_member full_id[] = {
        {"at_hash", "\"" AT_HASH "\""},
        {"c_hash", "\"BBBBBBBBBBBBBBBBBBBBBB\""},
        {NULL, NULL},
    };
    static const support_member with_connection[] = {
        {"connection_id", "\"conn_1\""}, {"organization_id", "\"org_1\""}, {NULL, NULL}};

    assert_null(check(*state, id_claims, full_id, &id_rules));
    assert_null(check(*state, access_claims, NULL, &access_rules));
    support_expect_verdict("ID as access", check(*state, id_claims, full_id, &access_rules),
                           "ID token");
    support_expect_verdict("ID as access", check(*state, id_claims, NULL, &access_rules),
                           "ID token");
    support_expect_verdict("access as ID", check(*state, access_claims, NULL, &id_rules),
                           "not an ID token");
    support_expect(check(*state, idp_claims, NULL, &id_rules) != NULL, "IdP-initiated as ID");
    support_expect(check(*state, idp_claims, NULL, &access_rules) != NULL,
                   "IdP-initiated as access");
    support_expect_verdict("ID as IdP-initiated",
                           check(*state, id_claims, with_connection, &idp_rules),
                           "another kind");
    support_expect_verdict("access as IdP-initiated",
                           check(*state, access_claims, with_connection, &idp_rules),
                           "another kind");
    support_expect_verdict("logout as IdP-initiated",
                           check(*state, logout_claims, with_connection, &idp_rules),
                           "another kind");
    support_expect_verdict("logout as ID", check(*state, logout_claims, full_id, &id_rules),
                           "logout");
    support_expect_verdict("logout as access",
                           check(*state, logout_claims, NULL, &access_rules), "logout");
    support_expect_verdict("ID as logout", check(*state, id_claims, full_id, &logout_rules),
                           "not a logout token");
    support_expect_verdict("access as logout",
                           check(*state, access_claims, NULL, &logout_rules),
                           "not a logout token");
    support_expect_verdict("IdP-initiated as logout",
                           check(*state, idp_claims, NULL, &logout_rules),
                           "not a logout token");
}

static void a_typ_that_names_another_kind_is_refused(void **state)
{
    static const struct {
        const char *typ;
        bool any, access, logout;
    } rows[] = {
        {"\"JWT\"", true, true, true},
        {"\"jwt\"", true, true, true},
        {"\"application/jwt\"", true, true, true},
        {"null", true, true, true},
        {"\"at+jwt\"", false, true, false},
        {"\"application/at+jwt\"", false, true, false},
        {"\"logout+jwt\"", false, false, true},
        {"\"dpop+jwt\"", false, false, false},
        {"\"JWE\"", false, false, false},
        {"\"\"", false, false, false},
        {"\"JWT \"", false, false, false},
    };
    const struct {
        const char *name;
        const support_member *claims;
        const sk_jwt_rules *rules;
    } kinds[] = {
        {"ID", id_claims, &id_rules},
        {"IdP-initiated", idp_claims, &idp_rules},
        {"access", access_claims, &access_rules},
        {"logout", logout_claims, &logout_rules},
    };
    size_t i, j;

    for (i = 0; i < COUNT(rows); i++) {
        const char *header = apr_psprintf(
            *state, "{\"alg\":\"RS256\",\"kid\":\"" KID "\",\"typ\":%s}", rows[i].typ);
        for (j = 0; j < COUNT(kinds); j++) {
            const char *claims = support_object(*state, kinds[j].claims, NULL);
            const char *text =
                apr_pstrcat(*state, support_unsigned(*state, header, claims), ".AAAA", NULL);
            bool expected = j == 2 ? rows[i].access : j == 3 ? rows[i].logout : rows[i].any;
            sk_jwt jwt;
            assert_null(sk_jwt_parse(*state, text, &jwt));
            support_expect_verdict(apr_pstrcat(*state, kinds[j].name, " ", rows[i].typ, NULL),
                                   sk_jwt_check(*state, &jwt, kinds[j].rules),
                                   expected ? NULL : "its typ is");
        }
    }
}

static void the_expiry_is_a_date_or_zero(void **state)
{
    static const struct {
        const char *exp;
        apr_time_t expiry;
    } rows[] = {
        {"1758265247", 1758265247},
        {"1758265247.9", 1758265247},
        {"0", 0},
        {NULL, 0},
        {"null", 0},
        {"-5", 0},
        {"\"1758265247\"", 0},
        {"true", 0},
        {"1e300", 0},
        {"9223372036854775807", 0},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const support_member change[] = CHANGE("exp", rows[i].exp);
        const char *claims = support_object(*state, access_claims, change);
        sk_jwt jwt;
        assert_null(sk_jwt_parse(
            *state,
            apr_pstrcat(*state, support_unsigned(*state, HEADER, claims), ".AAAA", NULL),
            &jwt));
        support_expect(sk_jwt_expiry(&jwt) == rows[i].expiry, "%s", rows[i].exp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_that_cannot_verify_rs256_are_ignored),
        TEST(a_kid_has_at_most_128_bytes),
        TEST(an_even_modulus_verifies_nothing),
        TEST(other_keys_do_not_disturb),
        TEST(what_is_no_key_set_is_refused),
        TEST(a_key_set_keeps_64_keys),
        TEST(a_token_of_ours_is_taken_apart_and_verified),
        TEST(headers_must_ask_for_rs256_and_nothing_unknown),
        TEST(the_kid_of_a_token_has_at_most_128_bytes),
        TEST(tokens_have_three_parts_in_canonical_base64url),
        TEST(a_signature_has_one_spelling),
        TEST(every_changed_part_breaks_the_signature),
        TEST(signatures_of_others_are_refused),
        TEST(the_public_key_is_no_hmac_secret),
        TEST(the_right_key_of_several_is_taken),
        TEST(tokens_have_at_most_64_kilobytes),
        TEST(what_holds_for_every_token),
        TEST(what_holds_for_times),
        TEST(without_a_skew_times_are_exact),
        TEST(what_holds_for_id_tokens),
        TEST(what_is_missing_in_the_rules_fails_closed),
        TEST(what_holds_for_access_tokens),
        TEST(the_audience_of_access_tokens_is_configured),
        TEST(what_holds_for_idp_initiated_requests),
        TEST(what_holds_for_logout_tokens),
        TEST(one_kind_of_token_is_not_the_other),
        TEST(a_typ_that_names_another_kind_is_refused),
        TEST(the_expiry_is_a_date_or_zero),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
