/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once the configuration is read: the servers' directives become settings.
 */
#ifndef SK_CONFIG_CHECK_H
#define SK_CONFIG_CHECK_H

#include <httpd.h>

/**
 * The check_config hook: turns each server's directives into settings and has the doctor look at them. Part of
 * `httpd -t`. A server that cannot work stops the start with one line that names directive, virtual host and remedy.
 */
int sk_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                    server_rec *main_server);

#endif
