/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logout tokens: Scalekit says that a session, or all sessions of a user, have ended (OpenID Connect Back-Channel Logout 1.0).
 */
#ifndef SK_ENVIRONMENT_LOGOUT_TOKEN_H
#define SK_ENVIRONMENT_LOGOUT_TOKEN_H

#include "core/settings.h"
#include "environment/cache.h"
#include "environment/call.h"
#include "environment/keys.h"
#include "environment/revoked.h"

/**
 * Verifies the token, uses it up and bars what it names: the session (sid), or without one the user (sub).
 * @return NULL, or what is wrong, in words for the log
 */
const char *sk_logout_token_take(const sk_call *call, const sk_settings *settings,
                                 sk_keys *keys, const sk_cache *cache,
                                 const sk_revoked *revoked, const char *token);

#endif
