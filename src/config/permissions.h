/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else can get at the files that the administrator keeps secrets in. A weakness is only told, never a reason not to start:
 * volumes of some containers show permissions that nobody can change.
 */
#ifndef SK_CONFIG_PERMISSIONS_H
#define SK_CONFIG_PERMISSIONS_H

#include <apr_pools.h>

/** A file that only root should read and change. @return NULL, or what is weak and the remedy */
const char *sk_permissions_of_file(apr_pool_t *pool, const char *path);

/** A program that root runs, which only root should change. @return as above */
const char *sk_permissions_of_program(apr_pool_t *pool, const char *path);

#endif
