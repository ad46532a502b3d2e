/* SPDX-License-Identifier: Apache-2.0 */
#include "request/cache_control.h"

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>
#include <apr_strings.h>

#include "config/config.h"
#include "request/planted.h"
#include "session/cookies.h"
#include "session/session.h"
#include "session/visit.h"

static ap_filter_rec_t *cache_filter;

static bool has_directive(request_rec *r, const char *value, const char *directive)
{
    return value && ap_find_token(r->pool, value, directive);
}

/* Not "private=X-User", which speaks of one field only, and nothing where a word may stand in quotes. */
static bool is_private(request_rec *r, const char *value)
{
    return has_directive(r, value, "private") && !has_directive(r, value, "public")
           && !ap_strcasestr(value, "s-maxage") && !ap_strcasestr(value, "private=");
}

/* "private, max-age=600" of an application that has thought about it stays; everything else becomes no-store. */
static const char *restricted(request_rec *r, const char *value)
{
    if (value && !strchr(value, '"')
        && (has_directive(r, value, "no-store") || is_private(r, value))) {
        return value;
    }
    return "private, no-store";
}

/* mod_include is not through yet, and may include pages that depend on the session that the browser has. */
static bool may_include_protected(request_rec *r)
{
    const apr_array_header_t *cookies;
    const ap_filter_t *f;
    int i;

    for (f = r->output_filters; f && strcasecmp(f->frec->name, "includes") != 0; f = f->next) {
    }
    cookies = f ? sk_cookies_read(r) : NULL;
    for (i = 0; cookies && i < cookies->nelts; i++) {
        const char *name = APR_ARRAY_IDX(cookies, i, sk_cookie).name;
        if (sk_cookies_is_session(r, name, strlen(name))) {
            return true;
        }
    }
    return false;
}

/* What is said to shared caches alone. */
static void unset_for_shared_caches(apr_table_t *headers)
{
    static const char *const names[] = {"CDN-Cache-Control", "Surrogate-Control",
                                        "Cloudflare-CDN-Cache-Control", "X-Accel-Expires",
                                        NULL};
    const char *const *name;

    for (name = names; *name && !apr_is_empty_table(headers); name++) {
        apr_table_unset(headers, *name);
    }
}

static apr_status_t restrict_caching(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;

    sk_session_review(r);
    sk_planted_settle(r);
    /* mod_session may renew its cookie on a page that is nobody's: a cache would hand it to a stranger. */
    if (sk_visit_first(r)->session_decided || sk_cookies_sends_session(r)
        || may_include_protected(r)) {
        const char *theirs = apr_table_get(r->err_headers_out, "Cache-Control");
        if (!theirs) {
            theirs = apr_table_get(r->headers_out, "Cache-Control");
        }
        apr_table_unset(r->err_headers_out, "Cache-Control");
        apr_table_setn(r->headers_out, "Cache-Control", restricted(r, theirs));
        unset_for_shared_caches(r->headers_out);
        unset_for_shared_caches(r->err_headers_out);
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

static void insert(request_rec *r)
{
    if (sk_settings_of(r->server)) {
        sk_visit_of(r)->is_answering = true;
    }
    if (!r->main && sk_settings_of(r->server)) {
        ap_add_output_filter_handle(cache_filter, NULL, r, r->connection);
    }
}

void sk_cache_control_hook(apr_pool_t *pool)
{
    (void)pool;
    /* Before mod_cache's CACHE_SAVE, which is AP_FTYPE_CONTENT_SET + 1. */
    cache_filter = ap_register_output_filter("SCALEKIT_CACHE_CONTROL", restrict_caching, NULL,
                                             AP_FTYPE_CONTENT_SET);
    ap_hook_insert_filter(insert, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_insert_error_filter(insert, NULL, NULL, APR_HOOK_REALLY_LAST);
}
