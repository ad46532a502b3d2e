/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Tokens: a compact JWS (RFC 7515), RS256 only, checked against a key set (RFC 7517) and then against the
 * rules of its kind. Scalekit's tokens share keys, `typ`, issuer and often audience: only the kind's own rules tell
 * them apart.
 *
 * Functions that return `const char *` as their verdict return NULL when all is well, else what is wrong in words
 * for the log, which never contain anything of the token but names that were checked for being printable.
 */
#ifndef SK_CORE_JWT_H
#define SK_CORE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>
#include <apr_time.h>

struct json_object;

/** Longer tokens are refused unread; 500 permissions of the longest kind fit. */
#define SK_JWT_MAX 65536

typedef struct sk_keyset sk_keyset;

/**
 * Reads a JWKS and keeps the keys that can verify RS256: RSA of 2048 bits or more, with a `kid`, and not said to be for
 * something else. They are released with the pool.
 * @return NULL if it is no JWKS or holds no such key; then *error says why
 */
sk_keyset *sk_keyset_parse(apr_pool_t *pool, const char *json, size_t length,
                           const char **error);

/** Is there a key of this id? */
bool sk_keyset_has(const sk_keyset *keys, const char *kid);

/** A token taken apart, not yet believed. */
typedef struct sk_jwt {
    const char *text;
    const char *kid;
    const char *type;           /* the header's typ; NULL: it has none */
    struct json_object *claims; /* an object; released with the pool */
} sk_jwt;

/** Takes a token apart: three parts, a header that asks for RS256 and nothing that we do not know, claims. */
const char *sk_jwt_parse(apr_pool_t *pool, const char *text, sk_jwt *jwt);

/** Verifies the signature with the key of the token's `kid`. Keys may be used by several threads at a time. */
const char *sk_jwt_verify(apr_pool_t *pool, const sk_jwt *jwt, const sk_keyset *keys);

typedef enum sk_jwt_kind {
    SK_JWT_ID, /* aud is the client, azp is the client; nonce and at_hash where it has them */
    SK_JWT_ACCESS, /* aud is the audience; has neither azp, at_hash nor nonce */
    SK_JWT_IDP, /* asks for a login: names an organization or a connection, nobody and no token */
    SK_JWT_LOGOUT /* says that sessions have ended (OIDC Back-Channel Logout 1.0 section 2.4) */
} sk_jwt_kind;

/** So many seconds after its iat a token of this kind is too old, whatever its exp says. */
#define SK_JWT_IDP_LIFE 900
#define SK_JWT_LOGOUT_LIFE 3600

typedef struct sk_jwt_rules {
    sk_jwt_kind kind;
    const char *issuer;
    /* SK_JWT_ID, SK_JWT_LOGOUT: the client id; SK_JWT_IDP: too, where it has an aud */
    const char *audience;
    const char *client_id;
    const char *nonce;        /* SK_JWT_ID: ours, enforced where the token carries one */
    const char *access_token; /* SK_JWT_ID: the token that at_hash speaks of */
    apr_time_t now;           /* in seconds since the epoch, as everything here */
    apr_time_t skew;
    /* SK_JWT_ID: it came with a refresh, where no browser was between (OIDC Core section 12.2); its nonce is not looked at. */
    bool is_refreshed;
} sk_jwt_rules;

/** Checks the claims of a token whose signature was verified. */
const char *sk_jwt_check(apr_pool_t *pool, const sk_jwt *jwt, const sk_jwt_rules *rules);

/** The claims `exp` and `iat` in seconds, 0 if it is not there or no number. */
apr_time_t sk_jwt_expiry(const sk_jwt *jwt);
apr_time_t sk_jwt_issued(const sk_jwt *jwt);

#endif
