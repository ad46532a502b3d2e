/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Scalekit environment, as this process knows it: it owns the client and the keys, and asks them from the top down.
 */
#ifndef SK_ENVIRONMENT_ENVIRONMENT_H
#define SK_ENVIRONMENT_ENVIRONMENT_H

#include "environment/keys.h"
#include "environment/tokens.h"

typedef struct sk_environment {
    const sk_settings *settings;
    sk_http *http;
    sk_keys *keys;
} sk_environment;

/** Makes the process's view of an environment, after fork. NULL if there is no memory for its locks. */
sk_environment *sk_environment_create(apr_pool_t *pool, const sk_settings *settings);

/** sk_tokens_exchange() with this environment's client and keys. */
const char *sk_environment_login(const sk_call *call, sk_environment *environment,
                                 const sk_code *code, sk_grant *grant);

#endif
