/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for what takes much memory on the way. malloc keeps for each thread what it freed last: were that done by the many
 * threads that serve requests, each would keep as much.
 */
#ifndef SK_ENVIRONMENT_ERRANDS_H
#define SK_ENVIRONMENT_ERRANDS_H

#include "environment/call.h"

typedef struct sk_errands sk_errands;

/** @return NULL, or what went wrong, in words for the log */
typedef const char *sk_errand(const sk_call *call, void *baton);

/** After fork. The threads end with the pool, when nobody runs errands any more. NULL: no memory for a lock. */
sk_errands *sk_errands_create(apr_pool_t *pool);

/**
 * Runs an errand and waits for it. Its call is the caller's with a pool of its own, which ends with the errand: what is to
 * last is made in the caller's. There are as many threads as errands were ever run at once, and few if these are few.
 * @param errands NULL: in the caller's thread
 */
const char *sk_errands_run(sk_errands *errands, const sk_call *call, sk_errand *errand,
                           void *baton);

#endif
