/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the application behind finds: environment variables, request headers. And what it must not find: headers of a
 * stranger that look like ours.
 */
#ifndef SK_REQUEST_EXPORT_H
#define SK_REQUEST_EXPORT_H

#include <apr_pools.h>

void sk_export_hook(apr_pool_t *pool);

#endif
