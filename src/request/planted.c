/* SPDX-License-Identifier: Apache-2.0 */
#include "request/planted.h"

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "config/config.h"
#include "request/guard.h"
#include "session/cookies.h"
#include "session/hint.h"
#include "session/login_state.h"
#include "session/visit.h"

static ap_filter_rec_t *release_filter;

static bool is_ours(const char *name, const void *r)
{
    return sk_cookies_is_session(r, name, strlen(name)) || sk_attempt_is_cookie(name)
           || sk_hint_is_cookie(name) || sk_guard_is_cookie(name);
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

/* ---- what it sets, and what we do ---- */

static bool has_error(apr_bucket_brigade *brigade)
{
    const apr_bucket *b = APR_BRIGADE_FIRST(brigade);

    for (; b != APR_BRIGADE_SENTINEL(brigade); b = APR_BUCKET_NEXT(b)) {
        if (AP_BUCKET_IS_ERROR(b)) {
            return true;
        }
    }
    return false;
}

/* Where there is an error httpd begins another answer, and ErrorDocument can tell what is in this one. */
static apr_status_t release(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    if (!has_error(brigade)) {
        sk_cookies_release(f->r);
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

/* Behind the last filter that makes an error of an answer (of a Range that is not there), and before what writes the headers. */
static bool put_before_headers(ap_filter_t *own)
{
    ap_filter_t *f = own->r->output_filters;

    while (f && strcasecmp(f->frec->name, "content_length") != 0) {
        f = f->next;
    }
    ap_remove_output_filter(own); /* from behind them, where its type has it */
    if (f) {
        own->next = f->next;
        f->next = own;
    }
    return f;
}

void sk_planted_settle(request_rec *r)
{
    const apr_table_t *outgoing = sk_visit_first(r)->outgoing;

    sk_cookies_take_out(r, is_ours);
    if (outgoing && !apr_is_empty_table(outgoing)
        && !put_before_headers(
            ap_add_output_filter_handle(release_filter, NULL, r, r->connection))) {
        sk_cookies_release(r);
    }
}

void sk_planted_hook(apr_pool_t *pool)
{
    (void)pool;
    release_filter =
        ap_register_output_filter("SCALEKIT_COOKIES", release, NULL, AP_FTYPE_PROTOCOL);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
