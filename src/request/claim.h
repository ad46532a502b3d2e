/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our endpoints: claimed by their path before mod_proxy, mod_rewrite, mod_alias and mod_dir can take them, while the redirects
 * and denials of those still win.
 */
#ifndef SK_REQUEST_CLAIM_H
#define SK_REQUEST_CLAIM_H

#include <apr_pools.h>

void sk_claim_hook(apr_pool_t *pool);

#endif
