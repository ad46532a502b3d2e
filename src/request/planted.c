/* SPDX-License-Identifier: Apache-2.0 */
#include "request/planted.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>
#include <apr_strings.h>

#include "config/config.h"
#include "request/guard.h"
#include "session/cookies.h"
#include "session/login_state.h"
#include "session/sent.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

static ap_filter_rec_t *planted_filter;

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
    const session_rec *session = sk_visit_first(r)->pinned;
    const char *name = name_of(r->pool, line);

    if (!is_ours(name, r) || sk_cookies_is_sent(r, line)
        || (session && sk_sent_is(r, session, line))) {
        return line;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "the application sets the cookie %s, which is not its own: taken out of its "
                  "answer",
                  name);
    return NULL;
}

/* mod_session itself may have dropped its cookie by then. */
static const char *keep_unless_planted_late(void *baton, const char *line)
{
    const char *value = strchr(line, '=');

    return value && value[1] == ';' ? line : keep_unless_planted(baton, line);
}

void sk_planted_take_out(request_rec *r)
{
    sk_cookies_change(r->pool, r->headers_out, keep_unless_planted_late, r);
    sk_cookies_change(r->pool, r->err_headers_out, keep_unless_planted_late, r);
}

/* When the handler has said everything, and mod_session, which saves in a filter of its own, has not. */
static apr_status_t take_out(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;

    sk_cookies_change(r->pool, r->headers_out, keep_unless_planted, r);
    sk_cookies_change(r->pool, r->err_headers_out, keep_unless_planted, r);
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

static void insert(request_rec *r)
{
    if (!r->main && sk_settings_of(r->server)) {
        ap_add_output_filter_handle(planted_filter, NULL, r, r->connection);
    }
}

void sk_planted_hook(apr_pool_t *pool)
{
    (void)pool;
    planted_filter =
        ap_register_output_filter("SCALEKIT_PLANTED", take_out, NULL, AP_FTYPE_RESOURCE);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(insert, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_error_filter(insert, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
