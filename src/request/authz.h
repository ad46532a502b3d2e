/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Require scalekit-permission, -role, -scope, -organization and -claim: pure look-ups in the record, no side effects. And a user
 * who is known but denied gets 403, not httpd's 401.
 */
#ifndef SK_REQUEST_AUTHZ_H
#define SK_REQUEST_AUTHZ_H

#include <apr_pools.h>

void sk_authz_hook(apr_pool_t *pool);

#endif
