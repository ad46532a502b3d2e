/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls to /oauth/token, and what comes of them once every token was verified and checked by its kind's rules.
 */
#ifndef SK_ENVIRONMENT_TOKENS_H
#define SK_ENVIRONMENT_TOKENS_H

#include "core/claims.h"
#include "core/oauth.h"
#include "core/settings.h"
#include "environment/call.h"
#include "environment/http.h"
#include "environment/keys.h"

/** Tokens that were believed, and what they say. */
typedef struct sk_grant {
    sk_token_set tokens;
    sk_identity identity;
    apr_time_t access_expiry; /* seconds since the epoch */
} sk_grant;

/** What a code is exchanged with: all that the login attempt knows. */
typedef struct sk_code {
    const char *code;
    const char *redirect_uri;
    const char *verifier;
    const char *nonce;
} sk_code;

/**
 * Exchanges a code for tokens and checks them: the ID token, the access token, and that both speak of one user.
 * @return NULL, or what went wrong, in words for the log
 */
const char *sk_tokens_exchange(const sk_call *call, const sk_settings *settings, sk_http *http,
                               sk_keys *keys, const sk_code *code, sk_grant *grant);

#endif
