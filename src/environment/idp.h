/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that begin at an identity provider: Scalekit sends the browser with a signed request to log in, which says
 * through which connection. It says nothing of a user, and is worth no session: a login of our own comes after it.
 */
#ifndef SK_ENVIRONMENT_IDP_H
#define SK_ENVIRONMENT_IDP_H

#include "core/settings.h"
#include "environment/cache.h"
#include "environment/call.h"
#include "environment/keys.h"

/** What the request asks for; NULL where it does not say. */
typedef struct sk_idp_request {
    const char *organization_id;
    const char *connection_id;
    const char *login_hint;
    const char *relay_state; /* where the visitor wants to go: a stranger wrote it */
} sk_idp_request;

/**
 * Verifies the request and uses it up, for all processes of the server.
 * @param token the JWT in idp_initiated_login
 * @return NULL, or what is wrong, in words for the log
 */
const char *sk_idp_check(const sk_call *call, const sk_settings *settings, sk_keys *keys,
                         const sk_cache *cache, const char *token, sk_idp_request *request);

#endif
