/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_auth_scalekit: Scalekit in front of anything httpd serves.
 *
 * The front door: the module record and the registration of hooks. What happens is in the rooms below: config/ (what the
 * administrator wrote), request/ (one HTTP request), session/ (one visitor), environment/ (one Scalekit environment), core/.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <ap_mpm.h>
#include <apr_strings.h>

#include "config/check.h"
#include "config/config.h"
#include "core/sk_version.h"
#include "environment/environment.h"
#include "request/authn.h"
#include "request/authz.h"
#include "request/cache_control.h"
#include "request/claim.h"
#include "request/examine.h"
#include "request/export.h"
#include "request/planted.h"
#include "request/reply.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (!sk_session_hook()) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, NULL,
                     "mod_auth_scalekit: this mod_session does not export its hooks, without "
                     "which logins "
                     "would get lost: use one that was built as a shared module");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static const char *own_paths(apr_pool_t *pool, const sk_settings *settings)
{
    const char *list = "";
    int i;

    for (i = 0; i < SK_ENDPOINTS; i++) {
        if (settings->paths[i]) {
            list = apr_pstrcat(pool, list, " ", settings->paths[i], NULL);
        }
    }
    return list;
}

/* Seen by all processes and both generations of a reload; the children inherit the handle. */
static sk_table *table;

static void log_to_server(void *baton, sk_level level, const char *line)
{
    ap_log_error(APLOG_MARK, level == SK_LEVEL_ERROR ? APLOG_ERR : APLOG_WARNING, 0, baton,
                 "%s", line);
}

static void log_settings(apr_pool_t *pool, const server_rec *s)
{
    for (; s; s = s->next) {
        const sk_settings *settings = sk_settings_of(s);
        if (settings) {
            ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "%s: Scalekit at %s; our own paths:%s",
                         settings->name, settings->env_url, own_paths(pool, settings));
        }
    }
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *main_server)
{
    sk_call call = {pconf, log_to_server, main_server, 0, false, false};

    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    /* httpd tells it with ServerTokens Full only. */
    ap_add_version_component(pconf, "mod_auth_scalekit/" SK_VERSION);
    log_settings(ptemp, main_server);
    table =
        sk_table_open(&call, main_server->process->pool, sk_config_shared_memory(main_server));
    return table && sk_http_start() == APR_SUCCESS ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int ask_mpm(int what)
{
    int answer = 0;

    return ap_mpm_query(what, &answer) == APR_SUCCESS && answer > 0 ? answer : 1;
}

/* Connections, locks and threads belong to a process: they are made after fork. */
static void child_init(apr_pool_t *pchild, server_rec *main_server)
{
    apr_size_t size = sk_config_session_memo(main_server);
    sk_memo *memo = size ? sk_memo_create(pchild, size) : NULL;
    int threads = ask_mpm(AP_MPMQ_MAX_THREADS);
    sk_process process = {table, memo, threads > 1 ? sk_errands_create(pchild) : NULL,
                          sk_http_handles(pchild), threads * ask_mpm(AP_MPMQ_MAX_DAEMONS)};
    server_rec *s;

    sk_session_begin_child(memo);
    for (s = main_server; s; s = s->next) {
        const sk_settings *settings = sk_settings_of(s);
        sk_environment *environment = settings && process.handles
                                          ? sk_environment_create(pchild, settings, &process)
                                          : NULL;
        sk_environment_set(s, environment);
        if (settings && !environment) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                         "%s: this process has no memory for locks: nobody can log in",
                         settings->name);
        }
    }
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(sk_config_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    sk_claim_hook(pool);
    sk_authn_hook(pool);
    sk_authz_hook(pool);
    sk_export_hook(pool);
    sk_planted_hook(pool);
    sk_cache_control_hook(pool);
    sk_reply_hook(pool);
    sk_examine_hook(pool);
}

module AP_MODULE_DECLARE_DATA auth_scalekit_module = {
    STANDARD20_MODULE_STUFF, sk_config_create_policy, sk_config_merge_policy,
    sk_config_create_server, sk_config_merge_server,  sk_config_commands,
    register_hooks,          AP_MODULE_FLAG_NONE,
};
