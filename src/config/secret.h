/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in directives: the value itself, file:path, env:NAME or exec:path.
 */
#ifndef SK_CONFIG_SECRET_H
#define SK_CONFIG_SECRET_H

#include <stdbool.h>
#include <apr_pools.h>

typedef struct sk_secret {
    char *value;          /* cleansed with the pool */
    const char *weakness; /* who else can get at it, and the remedy; NULL: nobody */
} sk_secret;

/** Is it a reference (file:, env:, exec:), which may be shown, and not the value itself? */
bool sk_secret_is_reference(const char *text);

/** Gets the value. @return NULL, or what is wrong, in words for the administrator that do not contain the value */
const char *sk_secret_read(apr_pool_t *pool, apr_pool_t *ptemp, const char *text,
                           sk_secret *secret);

#endif
