/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls to /oauth/token, and what comes of them once every token was verified and checked by its kind's rules.
 */
#ifndef SK_ENVIRONMENT_TOKENS_H
#define SK_ENVIRONMENT_TOKENS_H

#include "core/oauth.h"
#include "core/record.h"
#include "core/settings.h"
#include "environment/call.h"
#include "environment/errands.h"
#include "environment/http.h"
#include "environment/keys.h"

/** What tokens are asked for and checked with. */
typedef struct sk_tokens {
    const sk_settings *settings;
    sk_http *http;
    sk_keys *keys;
    sk_errands *errands; /* which asking and checking is; may be NULL, see sk_errands_run() */
} sk_tokens;

/** What a code is exchanged with: all that the login attempt knows. */
typedef struct sk_code {
    const char *code;
    const char *redirect_uri;
    const char *verifier;
    const char *nonce;
} sk_code;

/**
 * Exchanges a code for tokens and checks them: the ID token, the access token, and that both speak of one user.
 * @param record gets the identity, the tokens and their times; the rest of it is left alone
 * @return NULL, or what went wrong, in words for the log
 */
const char *sk_tokens_exchange(const sk_call *call, const sk_tokens *tokens,
                               const sk_code *code, sk_record *record);

/**
 * Exchanges a record's refresh token for newer tokens, checks them as above, and that they speak of the same user,
 * session and organization. What the answer leaves out (an ID token, a new refresh token) stays as it was, with the claims that only
 * that ID token had; roles, permissions and scopes never do.
 * @param newer a copy of the record with all that is new; after a failure with the new refresh token at least, if one came
 * @param has_ended whether the session is over: Scalekit says that the refresh token is worth nothing any more, or its
 *        answer is about another user, session or organization
 * @return NULL, or what went wrong, in words for the log
 */
const char *sk_tokens_refresh(const sk_call *call, const sk_tokens *tokens,
                              const sk_record *record, sk_record *newer, bool *has_ended);

#endif
