/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in httpd's own environment, where mod_php, piped loggers and .htaccess files (PassEnv, ${NAME}, %{osenv:NAME}) would
 * find them.
 */
#ifndef SK_CONFIG_VARIABLES_H
#define SK_CONFIG_VARIABLES_H

#include <apr_pools.h>
#include <apr_tables.h>

/**
 * Takes every variable out of the process environment that holds one of the secrets (const char *), by whatever name. They
 * are back when the configuration's pool goes: the next configuration may ask for them.
 */
void sk_variables_hide(apr_pool_t *pconf, const apr_array_header_t *secrets);

#endif
