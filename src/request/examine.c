/* SPDX-License-Identifier: Apache-2.0 */
#include "request/examine.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include "config/config.h"
#include "environment/environment.h"

APLOG_USE_MODULE(auth_scalekit);

static void log_line(void *baton, sk_level level, const char *line)
{
    const request_rec *r = baton;

    ap_log_error(APLOG_MARK, level == SK_LEVEL_ERROR ? APLOG_ERR : APLOG_WARNING, 0, r->server,
                 "%s", line);
}

static void examine(request_rec *r, sk_environment *environment)
{
    apr_time_t deadline = apr_time_now() + sk_settings_of(r->server)->connect_timeout;
    sk_call call = {r->pool, log_line, r, deadline, false, true};

    sk_environment_examine(&call, environment);
}

/* The answer is out by now; what the visitor asks next on this connection waits for ScalekitTimeout's connect at most. */
static int log_transaction(request_rec *r)
{
    sk_environment *environment = sk_environment_of(r->server);

    if (environment && !sk_environment_is_examined(environment)) {
        examine(r, environment);
    }
    return DECLINED;
}

void sk_examine_hook(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_log_transaction(log_transaction, NULL, NULL, APR_HOOK_REALLY_LAST);
}
