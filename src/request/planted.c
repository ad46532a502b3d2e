/* SPDX-License-Identifier: Apache-2.0 */
#include "request/planted.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_request.h>
#include <apr_strings.h>

#include "config/config.h"
#include "request/guard.h"
#include "session/cookies.h"
#include "session/login_state.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

static bool is_ours(const char *name, const void *r)
{
    return sk_attempt_is_cookie(name) || sk_guard_is_cookie(name)
           || sk_cookies_is_session(r, name, strlen(name));
}

/* ---- what the application sees ---- */

/*
 * Before .htaccess files are read: neither must their authors get at the visitors' sessions, which they could use elsewhere on the
 * site. mod_session sees the cookies while it loads.
 */
static int map_to_storage(request_rec *r)
{
    if (sk_settings_of(r->server)) {
        sk_cookies_strip(r, is_ours);
    }
    return DECLINED;
}

/* ---- what it sets ---- */

/* The name under which a browser sends it back: "=session=x" is a cookie without a name, and comes back as "session=x". */
static const char *name_of(apr_pool_t *pool, const char *line)
{
    char *name, *end;

    line += strspn(line, " \t");
    line += *line == '=' ? 1 : 0;
    line += strspn(line, " \t");
    name = apr_pstrmemdup(pool, line, strcspn(line, "=;"));
    for (end = name + strlen(name); end > name && (end[-1] == ' ' || end[-1] == '\t'); end--) {
    }
    *end = '\0';
    return name;
}

static const char *keep_unless_planted(void *baton, const char *line)
{
    request_rec *r = baton;
    const char *name = name_of(r->pool, line);

    if (!is_ours(name, r) || sk_cookies_is_sent(r, line)) {
        return line;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "the application sets the cookie %s, which is not its own: taken out of its "
                  "answer",
                  name);
    return NULL;
}

void sk_planted_take_out(request_rec *r)
{
    sk_cookies_change(r->pool, r->headers_out, keep_unless_planted, r);
    sk_cookies_change(r->pool, r->err_headers_out, keep_unless_planted, r);
}

void sk_planted_hook(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
