/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at Scalekit soon after the start, which must neither fail the start nor hold it up: after the answer to a virtual host's
 * first request, by one process for all.
 */
#ifndef SK_REQUEST_EXAMINE_H
#define SK_REQUEST_EXAMINE_H

#include <apr_pools.h>

void sk_examine_hook(apr_pool_t *pool);

#endif
