/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For return-target.test.mjs: reads return targets, each with a NUL behind it, and writes what sk_url_local_target() makes of each, also with a
 * NUL behind it; nothing but the NUL for one that is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_pools.h>

#include "core/url.h"

int main(void)
{
    apr_pool_t *pool;
    char *line = NULL;
    size_t size = 0;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return EXIT_FAILURE;
    }
    while (getdelim(&line, &size, '\0', stdin) > 0) {
        const char *target = sk_url_local_target(pool, line);
        fputs(target ? target : "", stdout);
        putchar('\0');
        apr_pool_clear(pool);
    }
    free(line);
    apr_terminate();
    return EXIT_SUCCESS;
}
