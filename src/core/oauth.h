/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over the wire to Scalekit and back: authorize and logout URLs, token request bodies, token responses.
 * Paths and parameters are those of Scalekit's own SDKs, which hardcode them; none of them uses discovery.
 */
#ifndef SK_CORE_OAUTH_H
#define SK_CORE_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>

#include "core/settings.h"

/** How a login may be steered; NULL where it is not. The names are Scalekit's authorize parameters. */
typedef struct sk_login_hints {
    const char *organization_id;
    const char *connection_id;
    const char *login_hint;
    const char *domain_hint;
    const char *provider;
    const char *prompt;
} sk_login_hints;

/**
 * Can the value stand for this parameter? Ids and providers are words, prompts those that Scalekit knows, a login hint any
 * text without control characters.
 * @param name the authorize parameter
 */
bool sk_oauth_is_hint(const char *name, const char *value);

/** What one login attempt contributes. */
typedef struct sk_authorize {
    const char *redirect_uri;
    const char *state;
    const char *nonce;
    const char *code_challenge; /* S256 */
    sk_login_hints hints;
} sk_authorize;

/** The URL that the browser is sent to. */
const char *sk_oauth_authorize_url(apr_pool_t *pool, const sk_settings *settings,
                                   const sk_authorize *request);

/** The URL that ends the session at Scalekit. `id_token` may be NULL. */
const char *sk_oauth_logout_url(apr_pool_t *pool, const sk_settings *settings,
                                const char *id_token, const char *post_logout_redirect_uri);

/** The S256 challenge of a PKCE verifier (RFC 7636 section 4.2). */
const char *sk_oauth_challenge(apr_pool_t *pool, const char *verifier);

/** The body of the request that exchanges a code. It holds the client secret: cleanse it after use. */
char *sk_oauth_code_body(apr_pool_t *pool, const sk_settings *settings, const char *code,
                         const char *redirect_uri, const char *verifier);

/** The same for the request that refreshes tokens. */
char *sk_oauth_refresh_body(apr_pool_t *pool, const sk_settings *settings,
                            const char *refresh_token);

/** What the token endpoint gave. */
typedef struct sk_token_set {
    /* No tokens: the code or refresh token is used up, revoked or forged */
    bool is_invalid_grant;
    const char *access_token;
    const char *id_token;      /* NULL: none */
    const char *refresh_token; /* NULL: none */
} sk_token_set;

/**
 * Reads the answer of the token endpoint.
 * @param status the HTTP status
 * @return NULL when there are tokens, else what went wrong, in words for the log: the `error` code, nothing else of it
 */
const char *sk_oauth_read_tokens(apr_pool_t *pool, int status, const char *body, size_t length,
                                 sk_token_set *tokens);

#endif
