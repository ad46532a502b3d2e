/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator wrote: the directives, their records and merges, and how they become core/settings.
 */
#ifndef SK_CONFIG_CONFIG_H
#define SK_CONFIG_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "core/settings.h"

struct sk_environment;

extern module AP_MODULE_DECLARE_DATA auth_scalekit_module;

extern const command_rec sk_config_commands[];

void *sk_config_create_server(apr_pool_t *pool, server_rec *s);
void *sk_config_merge_server(apr_pool_t *pool, void *base, void *add);
void *sk_config_create_policy(apr_pool_t *pool, char *dir);
void *sk_config_merge_policy(apr_pool_t *pool, void *base, void *add);

/** The settings of a server; NULL where the module is not configured. */
const sk_settings *sk_settings_of(const server_rec *s);

/** ScalekitSharedMemory, in bytes: the largest of all servers, which share one memory. */
apr_size_t sk_config_shared_memory(const server_rec *main_server);

/** ScalekitSessionMemo, in bytes: the largest of all servers, which share one in each process. */
apr_size_t sk_config_session_memo(const server_rec *main_server);

/** The policy of a request's directory. */
const sk_policy *sk_policy_of(const request_rec *r);

/** This process's view of the server's environment, once child_init has made it. */
struct sk_environment *sk_environment_of(const server_rec *s);
void sk_environment_set(server_rec *s, struct sk_environment *environment);

#endif
