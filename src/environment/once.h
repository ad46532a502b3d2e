/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be used only once: remembers texts by their hashes, in this process, until they are worth nothing anyway.
 */
#ifndef SK_ENVIRONMENT_ONCE_H
#define SK_ENVIRONMENT_ONCE_H

#include <apr_pools.h>
#include <apr_time.h>

typedef struct sk_once sk_once;

typedef enum sk_once_used {
    SK_ONCE_FIRST,
    SK_ONCE_AGAIN, /* it was used before */
    SK_ONCE_FULL   /* nothing more can be remembered: it must not be used */
} sk_once_used;

/** Makes an empty memory for so many texts at a time. NULL if APR cannot make its lock. */
sk_once *sk_once_create(apr_pool_t *pool, int most);

/** Uses a text, which is remembered until then; threads may do so at a time. */
sk_once_used sk_once_use(sk_once *once, const char *text, apr_time_t now, apr_time_t until);

#endif
