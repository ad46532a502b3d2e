/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Scalekit environment, as this process knows it: it owns what is below and asks it from the top down.
 */
#ifndef SK_ENVIRONMENT_ENVIRONMENT_H
#define SK_ENVIRONMENT_ENVIRONMENT_H

#include "environment/errands.h"
#include "environment/idp.h"
#include "environment/refresh.h"
#include "environment/revoked.h"
#include "environment/table.h"
#include "environment/tokens.h"

typedef struct sk_environment sk_environment;

/**
 * Whether what the functions below return says that it can be tried again in a moment: too many others wait for Scalekit, it
 * failed several times in a row, or its keys are not to be had.
 */
bool sk_environment_is_resting(const char *wrong);

/** What all environments of a process have in common. */
typedef struct sk_process {
    sk_table *table;     /* shared by all processes of the server */
    sk_memo *memo;       /* spares sk_cache_find() work; NULL: none */
    sk_errands *errands; /* who ask and check; NULL: see sk_errands_run() */
    sk_handles *handles;
    /* Requests that the server serves at a time: with a slow Scalekit a tenth may refresh or wait for it, half may log in */
    int workers;
} sk_process;

/** Makes the process's view of an environment, after fork. @return NULL if there is no memory for its locks */
sk_environment *sk_environment_create(apr_pool_t *pool, const sk_settings *settings,
                                      const sk_process *process);

/** Has this process called sk_environment_examine() yet? */
bool sk_environment_is_examined(const sk_environment *environment);

/** Compares what the environment says of itself with the settings, if nobody has done so yet, and warns. */
void sk_environment_examine(const sk_call *call, sk_environment *environment);

/** sk_tokens_exchange() with this environment's client and keys. */
const char *sk_environment_login(const sk_call *call, sk_environment *environment,
                                 const sk_code *code, sk_record *record);

/** sk_refresh() and sk_refresh_follow() in this environment. */
sk_refreshed sk_environment_refresh(const sk_call *call, sk_environment *environment,
                                    sk_refresh_when when, sk_record *record);
sk_refreshed sk_environment_follow(const sk_call *call, sk_environment *environment,
                                   sk_record *record);

/** sk_idp_check() with this environment's keys. */
const char *sk_environment_idp_initiated(const sk_call *call, sk_environment *environment,
                                         const char *token, sk_idp_request *request);

/** sk_logout_token_take() with this environment's keys. */
const char *sk_environment_logout_token(const sk_call *call, sk_environment *environment,
                                        const char *token);

/** Who was barred here. It lives as long as the environment. */
const sk_revoked *sk_environment_revoked(const sk_environment *environment);

/** What processes tell each other about this environment. It lives as long as the environment. */
const sk_cache *sk_environment_cache(const sk_environment *environment);

/** Has the cache lost something that was to stay, for the first time? True once in the life of the table. */
bool sk_environment_begins_to_lose(const sk_environment *environment);

#endif
