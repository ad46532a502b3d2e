/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No cache may show a stranger, or anybody after a logout, what a session decided.
 */
#ifndef SK_REQUEST_CACHE_CONTROL_H
#define SK_REQUEST_CACHE_CONTROL_H

#include <apr_pools.h>

void sk_cache_control_hook(apr_pool_t *pool);

#endif
