/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jwt.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <cjose/cjose.h>
#include <json-c/json.h>
#include <openssl/evp.h>

#include "core/json.h"
#include "core/text.h"

enum {
    KEYS_MAX = 64,
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 8192,
    KID_MAX = 128,
    IDP_ID_MAX = 128,
    CLAIM_MAX = 1024
};

/* The text of a string member; NULL if it is not there or something else. */
static const char *string_of(json_object *object, const char *name)
{
    return sk_json_text(sk_json_member(object, name));
}

static bool is_or_lacks(json_object *object, const char *name, const char *expected)
{
    return !sk_json_member(object, name) || sk_text_equal(string_of(object, name), expected);
}

/* ---- key sets ---- */

struct sk_keyset {
    apr_hash_t *by_id; /* const char * to cjose_jwk_t * */
};

static apr_status_t release_key(void *key)
{
    cjose_jwk_release(key);
    return APR_SUCCESS;
}

/* An unsigned big-endian integer (RFC 7518 section 6.3.1) without leading zeros; NULL if it is none. */
static const unsigned char *integer_of(apr_pool_t *pool, const char *text, size_t *length)
{
    const unsigned char *bytes = sk_text_base64url_decode(pool, text, strlen(text), length);

    for (; bytes && *length > 0 && *bytes == 0; bytes++) {
        --*length;
    }
    return bytes && *length > 0 ? bytes : NULL;
}

static size_t bits_of(const unsigned char *integer, size_t length)
{
    size_t bits = 8 * length;
    unsigned char first;

    for (first = *integer; !(first & 0x80); first = (unsigned char)(first << 1)) {
        bits--;
    }
    return bits;
}

/* An odd number above 1, and none that makes verifying slow. */
static bool is_exponent(const unsigned char *e, size_t length)
{
    return e && length <= 4 && (e[length - 1] & 1) && (length > 1 || e[0] > 1);
}

/* Only the members that make a public key: cjose has no use for the others, and a stranger wrote them. */
static cjose_jwk_t *import_key(apr_pool_t *pool, const char *n, const char *e)
{
    size_t n_length, e_length;
    const unsigned char *modulus = integer_of(pool, n, &n_length),
                        *exponent = integer_of(pool, e, &e_length);
    const char *json;
    cjose_jwk_t *key;
    cjose_err error;

    if (!modulus || bits_of(modulus, n_length) < RSA_BITS_MIN
        || bits_of(modulus, n_length) > RSA_BITS_MAX || !is_exponent(exponent, e_length)) {
        return NULL;
    }
    json = apr_pstrcat(pool, "{\"kty\":\"RSA\",\"n\":\"", n, "\",\"e\":\"", e, "\"}", NULL);
    key = cjose_jwk_import(json, strlen(json), &error);
    if (key) {
        apr_pool_cleanup_register(pool, key, release_key, apr_pool_cleanup_null);
    }
    return key;
}

/* RFC 7517 section 4.3. */
static bool may_verify(json_object *jwk)
{
    json_object *operations = sk_json_member(jwk, "key_ops");
    size_t i, count = json_object_is_type(operations, json_type_array)
                          ? json_object_array_length(operations)
                          : 0;

    for (i = 0; i < count; i++) {
        if (sk_text_equal(sk_json_text(json_object_array_get_idx(operations, i)), "verify")) {
            return true;
        }
    }
    return !operations;
}

static void add_key(apr_pool_t *pool, sk_keyset *keys, json_object *jwk)
{
    const char *kid = string_of(jwk, "kid"), *n = string_of(jwk, "n"), *e = string_of(jwk, "e");
    cjose_jwk_t *key;

    if (sk_text_equal(string_of(jwk, "kty"), "RSA") && is_or_lacks(jwk, "use", "sig")
        && is_or_lacks(jwk, "alg", "RS256") && may_verify(jwk) && kid && *kid
        && strlen(kid) <= KID_MAX && n && e && (key = import_key(pool, n, e))) {
        apr_hash_set(keys->by_id, apr_pstrdup(pool, kid), APR_HASH_KEY_STRING, key);
    }
}

sk_keyset *sk_keyset_parse(apr_pool_t *pool, const char *json, size_t length,
                           const char **error)
{
    sk_keyset *keys = apr_palloc(pool, sizeof(*keys));
    json_object *array = sk_json_member(sk_json_parse(pool, json, length), "keys");
    size_t i, count;

    if (!json_object_is_type(array, json_type_array)) {
        *error = "it is not a JSON object with an array \"keys\"";
        return NULL;
    }
    keys->by_id = apr_hash_make(pool);
    count = json_object_array_length(array);
    for (i = 0; i < count && apr_hash_count(keys->by_id) < KEYS_MAX; i++) {
        add_key(pool, keys, json_object_array_get_idx(array, i));
    }
    if (apr_hash_count(keys->by_id) == 0) {
        *error = "it holds no RSA key of 2048 bits or more, with a kid, for RS256 signatures";
        return NULL;
    }
    return keys;
}

bool sk_keyset_has(const sk_keyset *keys, const char *kid)
{
    return apr_hash_get(keys->by_id, kid, APR_HASH_KEY_STRING) != NULL;
}

/* ---- taking apart and verifying ---- */

static json_object *parse_part(apr_pool_t *pool, const char *text, size_t text_length)
{
    size_t length;
    unsigned char *json = sk_text_base64url_decode(pool, text, text_length, &length);

    return json ? sk_json_parse(pool, (const char *)json, length) : NULL;
}

const char *sk_jwt_parse(apr_pool_t *pool, const char *text, sk_jwt *jwt)
{
    size_t header_length = strcspn(text, "."), claims_length;
    const char *claims = text + header_length + 1;
    json_object *header;

    if (strlen(text) > SK_JWT_MAX) {
        return "it is too long";
    }
    if (text[header_length] != '.') {
        return "it is not a JWT";
    }
    claims_length = strcspn(claims, ".");
    if (claims[claims_length] != '.' || strchr(claims + claims_length + 1, '.')) {
        return "it is not a JWT of three parts";
    }
    header = parse_part(pool, text, header_length);
    if (!header) {
        return "its header is not a JSON object in base64url";
    }
    if (!sk_text_equal(string_of(header, "alg"), "RS256")) {
        return "it is not signed with RS256";
    }
    /* RFC 7515 section 4.1.11: extensions that are not understood must be refused. */
    if (json_object_object_get_ex(header, "crit", NULL)
        || json_object_object_get_ex(header, "b64", NULL)) {
        return "its header demands extensions";
    }
    jwt->kid = string_of(header, "kid");
    if (!jwt->kid || strlen(jwt->kid) > KID_MAX) {
        return "its header names no key (kid)";
    }
    jwt->type = string_of(header, "typ");
    if (!jwt->type && sk_json_member(header, "typ")) {
        return "its header's typ is no text";
    }
    jwt->claims = parse_part(pool, claims, claims_length);
    if (!jwt->claims) {
        return "its claims are not a JSON object in base64url";
    }
    jwt->text = text;
    return NULL;
}

const char *sk_jwt_verify(apr_pool_t *pool, const sk_jwt *jwt, const sk_keyset *keys)
{
    const cjose_jwk_t *key = apr_hash_get(keys->by_id, jwt->kid, APR_HASH_KEY_STRING);
    const char *signature;
    size_t length;
    cjose_err error;
    cjose_jws_t *jws;
    bool verified;

    if (!key) {
        return apr_psprintf(pool, "its key %s is not in the key set",
                            sk_text_printable(pool, jwt->kid, 40));
    }
    /* cjose is lenient about base64url: a token would have more than one spelling. */
    signature = strrchr(jwt->text, '.') + 1;
    if (!sk_text_base64url_decode(pool, signature, strlen(signature), &length)) {
        return "its signature is not base64url";
    }
    jws = cjose_jws_import(jwt->text, strlen(jwt->text), &error);
    if (!jws) {
        return "its signature cannot be read";
    }
    verified = cjose_jws_verify(jws, key, &error);
    cjose_jws_release(jws);
    return verified ? NULL : "its signature is wrong";
}

/* ---- the rules ---- */

/* A NumericDate (RFC 7519 section 2): -1 if it is not there, -2 if it is none that anybody means. */
static apr_time_t date_of(json_object *claims, const char *name)
{
    static const double latest = 253402300799.0; /* the year 9999 */
    json_object *value = sk_json_member(claims, name);
    double seconds;

    if (!value) {
        return -1;
    }
    if (!json_object_is_type(value, json_type_int)
        && !json_object_is_type(value, json_type_double)) {
        return -2;
    }
    seconds = json_object_get_double(value);
    return isfinite(seconds) && seconds >= 0 && seconds <= latest ? (apr_time_t)seconds : -2;
}

static apr_time_t date_or_0(const sk_jwt *jwt, const char *name)
{
    apr_time_t date = date_of(jwt->claims, name);

    return date > 0 ? date : 0;
}

apr_time_t sk_jwt_expiry(const sk_jwt *jwt)
{
    return date_or_0(jwt, "exp");
}

apr_time_t sk_jwt_issued(const sk_jwt *jwt)
{
    return date_or_0(jwt, "iat");
}

static const char *check_times(apr_pool_t *pool, const sk_jwt *jwt, const sk_jwt_rules *rules)
{
    apr_time_t exp = date_of(jwt->claims, "exp"), iat = date_of(jwt->claims, "iat"),
               nbf = date_of(jwt->claims, "nbf");

    if (iat < 0) {
        return "it has no valid iat";
    }
    /* Only the final edition of OIDC Back-Channel Logout demands it. */
    if (exp == -1 && rules->kind == SK_JWT_LOGOUT) {
        exp = iat + SK_JWT_LOGOUT_LIFE;
    }
    if (exp < 0) {
        return "it has no valid exp";
    }
    if (nbf == -2) {
        return "its nbf is not valid";
    }
    if (rules->now >= exp + rules->skew) {
        return apr_psprintf(pool,
                            "it expired %" APR_TIME_T_FMT
                            " seconds ago: if this is a new token, a clock is wrong",
                            rules->now - exp);
    }
    if (iat > rules->now + rules->skew || nbf > rules->now + rules->skew) {
        return apr_psprintf(
            pool, "it is from the future, by %" APR_TIME_T_FMT " seconds: a clock is wrong",
            (iat > nbf ? iat : nbf) - rules->now);
    }
    return NULL;
}

/* aud is a string or an array of strings (RFC 7519 section 4.1.3). */
static bool audience_has(json_object *claims, const char *audience)
{
    json_object *aud = sk_json_member(claims, "aud");
    size_t i, count;

    if (json_object_is_type(aud, json_type_string)) {
        return sk_text_equal(string_of(claims, "aud"), audience);
    }
    if (!json_object_is_type(aud, json_type_array)) {
        return false;
    }
    count = json_object_array_length(aud);
    for (i = 0; i < count; i++) {
        json_object *item = json_object_array_get_idx(aud, i);
        if (sk_text_equal(sk_json_text(item), audience)) {
            return true;
        }
    }
    return false;
}

/* OIDC Core section 3.1.3.6: the left half of the access token's SHA-256, in base64url. */
static bool at_hash_matches(apr_pool_t *pool, const char *at_hash, const char *access_token)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    return at_hash && access_token
           && EVP_Digest(access_token, strlen(access_token), digest, &length, EVP_sha256(),
                         NULL)
                  == 1
           && sk_text_equal(at_hash, sk_text_base64url(pool, digest, length / 2));
}

static const char *check_id(apr_pool_t *pool, json_object *claims, const sk_jwt_rules *rules)
{
    if (!is_or_lacks(claims, "azp", rules->client_id)) {
        return "its azp is another client";
    }
    if (!rules->is_refreshed && !is_or_lacks(claims, "nonce", rules->nonce)) {
        return "its nonce is not the one of this login";
    }
    if (sk_json_member(claims, "at_hash")
        && !at_hash_matches(pool, string_of(claims, "at_hash"), rules->access_token)) {
        return "its at_hash does not match the access token";
    }
    /* After a refresh it need have none of these (OIDC Core section 12.2). */
    if (!rules->is_refreshed && !sk_json_member(claims, "azp")
        && !sk_json_member(claims, "at_hash") && !sk_json_member(claims, "c_hash")
        && !sk_json_member(claims, "nonce")) {
        return "it is not an ID token";
    }
    return NULL;
}

static const char *check_access(json_object *claims, const sk_jwt_rules *rules)
{
    if (sk_json_member(claims, "at_hash") || sk_json_member(claims, "c_hash")
        || sk_json_member(claims, "nonce") || sk_json_member(claims, "azp")) {
        return "it is an ID token, not an access token";
    }
    if (!is_or_lacks(claims, "client_id", rules->client_id)) {
        return "its client_id is another client";
    }
    return NULL;
}

static bool is_id(json_object *claims, const char *name, size_t most)
{
    const char *id = string_of(claims, name);

    return id && *id && strlen(id) <= most && sk_text_is_clean(id);
}

/* OpenID Connect knows no such token: what is in those it knows, also with the value null, is not in this one. */
static const char *check_idp(json_object *claims, const sk_jwt_rules *rules)
{
    static const char *const others[] = {"sub",    "jti",   "at_hash", "c_hash", "azp",
                                         "events", "nonce", "sid",     NULL};
    const char *const *other;
    bool has_organization = json_object_object_get_ex(claims, "organization_id", NULL),
         has_connection = json_object_object_get_ex(claims, "connection_id", NULL);

    for (other = others; *other; other++) {
        if (json_object_object_get_ex(claims, *other, NULL)) {
            return "it is a token of another kind";
        }
    }
    if (json_object_object_get_ex(claims, "aud", NULL)
        && !audience_has(claims, rules->audience)) {
        return "its audience is another client";
    }
    if (!has_organization && !has_connection) {
        return "it names neither an organization nor a connection";
    }
    if ((has_organization && !is_id(claims, "organization_id", IDP_ID_MAX))
        || (has_connection && !is_id(claims, "connection_id", IDP_ID_MAX))) {
        return "its organization_id or connection_id is no id";
    }
    if (rules->now >= date_of(claims, "iat") + SK_JWT_IDP_LIFE + rules->skew) {
        return "it is older than 15 minutes";
    }
    return NULL;
}

/* OIDC Back-Channel Logout 1.0 section 2.6. What is null counts as being there. */
static const char *check_logout(json_object *claims, const sk_jwt_rules *rules)
{
    json_object *events = sk_json_member(claims, "events");
    bool has_sid = json_object_object_get_ex(claims, "sid", NULL),
         has_sub = json_object_object_get_ex(claims, "sub", NULL);

    if (!json_object_is_type(
            sk_json_member(events, "http://schemas.openid.net/event/backchannel-logout"),
            json_type_object)) {
        return "it is not a logout token";
    }
    if (json_object_object_get_ex(claims, "nonce", NULL)) {
        return "it has a nonce, which no logout token has";
    }
    if (!audience_has(claims, rules->audience)) {
        return "its audience is another client";
    }
    if (!is_id(claims, "jti", CLAIM_MAX)) {
        return "it has no valid jti";
    }
    if ((!has_sid && !has_sub) || (has_sid && !is_id(claims, "sid", CLAIM_MAX))
        || (has_sub && !is_id(claims, "sub", CLAIM_MAX))) {
        return "it says neither which session (sid) nor which user (sub)";
    }
    if (rules->now >= date_of(claims, "iat") + SK_JWT_LOGOUT_LIFE + rules->skew) {
        return "it is older than an hour";
    }
    return NULL;
}

static const char *check_token_of_a_user(apr_pool_t *pool, json_object *claims,
                                         const sk_jwt_rules *rules)
{
    const char *sub = string_of(claims, "sub");

    if (!audience_has(claims, rules->audience)) {
        return apr_psprintf(pool, "its audience does not include \"%s\"%s", rules->audience,
                            rules->kind == SK_JWT_ACCESS ? ": see ScalekitAudience" : "");
    }
    if (!sub || !*sub || !sk_text_is_clean(sub)) {
        return "it has no valid sub";
    }
    if (sk_json_member(claims, "events")) {
        return "it is a logout token";
    }
    return NULL;
}

/* Scalekit's are all "JWT" or nothing; one that names its kind (RFC 8725 section 3.11) is of no other. */
static bool is_of_type(const char *type, sk_jwt_kind kind)
{
    static const char media[] = "application/"; /* may be left out: RFC 7515 section 4.1.9 */

    if (type && strncasecmp(type, media, strlen(media)) == 0) {
        type += strlen(media);
    }
    return !type || strcasecmp(type, "JWT") == 0
           || (kind == SK_JWT_ACCESS && strcasecmp(type, "at+jwt") == 0)
           || (kind == SK_JWT_LOGOUT && strcasecmp(type, "logout+jwt") == 0);
}

const char *sk_jwt_check(apr_pool_t *pool, const sk_jwt *jwt, const sk_jwt_rules *rules)
{
    json_object *claims = jwt->claims;
    const char *wrong;

    if (!sk_text_equal(string_of(claims, "iss"), rules->issuer)) {
        return apr_psprintf(pool, "its issuer is \"%s\", expected \"%s\": see ScalekitIssuer",
                            sk_text_printable(pool, string_of(claims, "iss"), 200),
                            rules->issuer);
    }
    if (!is_of_type(jwt->type, rules->kind)) {
        return apr_psprintf(pool, "its typ is \"%s\"", sk_text_printable(pool, jwt->type, 40));
    }
    if ((wrong = check_times(pool, jwt, rules))) {
        return wrong;
    }
    switch (rules->kind) {
    case SK_JWT_ID:
        wrong = check_token_of_a_user(pool, claims, rules);
        return wrong ? wrong : check_id(pool, claims, rules);
    case SK_JWT_ACCESS:
        wrong = check_token_of_a_user(pool, claims, rules);
        return wrong ? wrong : check_access(claims, rules);
    case SK_JWT_IDP:
        return check_idp(claims, rules);
    case SK_JWT_LOGOUT:
        return check_logout(claims, rules);
    }
    return "it is of a kind without rules";
}
