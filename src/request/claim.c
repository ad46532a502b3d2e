/* SPDX-License-Identifier: Apache-2.0 */
#include "request/claim.h"

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include "config/config.h"
#include "request/authn.h"
#include "request/backchannel.h"
#include "request/body.h"
#include "request/callback.h"
#include "request/entry.h"
#include "request/logout.h"
#include "request/reply.h"
#include "request/session_api.h"
#include "session/visit.h"

/* Of a body that nobody needs: anybody may send one. */
enum { BODY_MAX = 1024 * 1024 };

static int (*const handlers[SK_ENDPOINTS])(request_rec *) = {
    [SK_ENDPOINT_LOGIN] = sk_entry_handle,
    [SK_ENDPOINT_CALLBACK] = sk_callback_handle,
    [SK_ENDPOINT_LOGOUT] = sk_logout_handle,
    [SK_ENDPOINT_SESSIONS] = sk_session_api_show,
    [SK_ENDPOINT_VALIDATE_TOKEN] = sk_session_api_validate,
    [SK_ENDPOINT_REFRESH_TOKEN] = sk_session_api_refresh,
    [SK_ENDPOINT_BACKCHANNEL_LOGOUT] = sk_backchannel_handle,
};

/* The callback's URL is registered to the letter; the others are also found with a slash behind them. */
static bool is_path(const char *uri, const char *path, sk_endpoint endpoint)
{
    for (; path && *path && *path == *uri; path++, uri++) {
    }
    return path && !*path
           && (!*uri || (endpoint != SK_ENDPOINT_CALLBACK && strcmp(uri, "/") == 0));
}

/* An ErrorDocument that names one of our paths must not run it: only what the browser asked for, or a rewriting of it. */
static bool is_asked_for(const request_rec *r)
{
    return !r->main && (!r->prev || r->prev->status == HTTP_OK);
}

static bool is_claimed(request_rec *r)
{
    return sk_settings_of(r->server) && sk_visit_of(r)->endpoint != SK_ENDPOINT_NONE;
}

static int claim(request_rec *r)
{
    const sk_settings *settings = sk_settings_of(r->server);
    int i, letter = *r->uri ? r->uri[1] & 31 : 0;

    if (!settings || !(settings->path_letters >> letter & 1) || !is_asked_for(r)
        || is_claimed(r)) {
        return DECLINED;
    }
    for (i = 0; i < SK_ENDPOINTS; i++) {
        if (is_path(r->uri, settings->paths[i], (sk_endpoint)i)) {
            sk_visit_of(r)->endpoint = (sk_endpoint)i;
            return OK;
        }
    }
    return DECLINED;
}

/* DONE keeps mod_proxy from mapping the encoded path. */
static int pre_translate_name(request_rec *r)
{
    return claim(r) == OK ? DONE : DECLINED;
}

/* Lets the others translate, keeps their verdict if it is one (a redirect, a denial), and takes back all else. */
static int translate_name(request_rec *r)
{
    sk_visit *visit;
    const char *args, *handler, *path_info;
    char *uri;
    int proxyreq, verdict;

    if (!sk_settings_of(r->server)) {
        return DECLINED;
    }
    visit = sk_visit_of(r);
    if (visit->is_in_translate_name || (!is_claimed(r) && claim(r) != OK)) {
        return DECLINED;
    }
    uri = r->uri;
    args = r->args;
    handler = r->handler;
    path_info = r->path_info;
    proxyreq = r->proxyreq;
    visit->is_in_translate_name = true;
    verdict = ap_run_translate_name(r);
    visit->is_in_translate_name = false;
    if (ap_is_HTTP_VALID_RESPONSE(verdict) && verdict != HTTP_OK) {
        return verdict;
    }
    r->uri = uri;
    r->args = (char *)(size_t)args;
    r->handler = handler;
    r->path_info = (char *)(size_t)path_info;
    r->proxyreq = proxyreq;
    r->filename = apr_pstrcat(
        r->pool, "scalekit:", sk_settings_of(r->server)->paths[visit->endpoint], NULL);
    return OK;
}

/* No file is behind it. */
static int map_to_storage(request_rec *r)
{
    return is_claimed(r) ? OK : DECLINED;
}

/* Nobody is logged in yet where one logs in. What denies for other reasons (Require ip) still does. */
static int access_checker_ex(request_rec *r)
{
    sk_visit *visit;
    int verdict;

    if (!is_claimed(r) || (ap_auth_type(r) && !sk_authn_is_ours(r))) {
        return DECLINED;
    }
    visit = sk_visit_of(r);
    if (visit->is_in_access_checker) {
        return DECLINED;
    }
    visit->is_in_access_checker = true;
    verdict = ap_run_access_checker_ex(r);
    visit->is_in_access_checker = false;
    return verdict == DECLINED ? OK : verdict;
}

/* mod_mime and mod_negotiation stay out; mod_dir leaves requests alone that have a handler. */
static int type_checker(request_rec *r)
{
    if (!is_claimed(r)) {
        return DECLINED;
    }
    r->handler = "scalekit-endpoint";
    return OK;
}

static int fixups(request_rec *r)
{
    if (is_claimed(r)) {
        r->handler = "scalekit-endpoint";
        sk_visit_first(r)->session_decided = true;
    }
    return DECLINED;
}

static int refuse_body(request_rec *r, int status)
{
    sk_problem problem = {0};

    problem.status = status;
    problem.title =
        status == HTTP_REQUEST_ENTITY_TOO_LARGE ? "This is too much" : "This cannot be read";
    problem.detail = "This address needs no more than a short form.";
    problem.has_no_reference = true;
    return sk_reply_problem(r, &problem);
}

/* None of our endpoints needs a body, but for one, which reads it itself. By our own mark, not by r->handler, which SetHandler and RewriteRule overwrite. */
static int handle(request_rec *r)
{
    int status;

    if (!is_claimed(r)) {
        return DECLINED;
    }
    if (sk_visit_of(r)->endpoint != SK_ENDPOINT_BACKCHANNEL_LOGOUT
        && (status = sk_body_read(r, BODY_MAX, NULL)) != OK) {
        return refuse_body(r, status);
    }
    return handlers[sk_visit_of(r)->endpoint](r);
}

void sk_claim_hook(apr_pool_t *pool)
{
    (void)pool;
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 109)
    ap_hook_pre_translate_name(pre_translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
#endif
    ap_hook_translate_name(translate_name, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_access_ex(access_checker_ex, NULL, NULL, APR_HOOK_REALLY_FIRST,
                            AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_type_checker(type_checker, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
