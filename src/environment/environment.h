/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Scalekit environment, as this process knows it: it owns the client and the keys, and asks them from the top down.
 */
#ifndef SK_ENVIRONMENT_ENVIRONMENT_H
#define SK_ENVIRONMENT_ENVIRONMENT_H

#include "environment/idp.h"
#include "environment/keys.h"
#include "environment/once.h"
#include "environment/tokens.h"

typedef struct sk_environment {
    const sk_settings *settings;
    sk_http *http;
    sk_keys *keys;
    sk_once *once; /* IdP-initiated requests that were used */
    int calls_max; /* so many callers may wait for Scalekit at a time in this process */
    int calls;     /* so many do; only touched atomically */
} sk_environment;

/** What the functions below return, this very pointer, when too many others wait for Scalekit already. */
extern const char sk_environment_busy[];

/**
 * Makes the process's view of an environment, after fork.
 * @param calls_max how many callers may wait for Scalekit at a time, so that a hanging one does not hold all threads
 * @return NULL if there is no memory for its locks
 */
sk_environment *sk_environment_create(apr_pool_t *pool, const sk_settings *settings,
                                      int calls_max);

/** sk_tokens_exchange() with this environment's client and keys. */
const char *sk_environment_login(const sk_call *call, sk_environment *environment,
                                 const sk_code *code, sk_grant *grant);

/** sk_idp_check() with this environment's keys. */
const char *sk_environment_idp_initiated(const sk_call *call, sk_environment *environment,
                                         const char *token, sk_idp_request *request);

#endif
