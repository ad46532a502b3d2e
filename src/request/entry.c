/* SPDX-License-Identifier: Apache-2.0 */
#include "request/entry.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/oauth.h"
#include "core/url.h"
#include "request/callback.h"
#include "request/idp_login.h"
#include "request/login.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

/* A parameter that is passed on to Scalekit, if it makes sense at all. */
static const char *hint(request_rec *r, const char *name)
{
    const char *value = sk_url_query_get(r->pool, r->args, name);

    if (value && !sk_oauth_is_hint(name, value)) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      "the parameter %s is left out: its value is nothing that could be it",
                      name);
        return NULL;
    }
    return value;
}

static sk_login_hints read_hints(request_rec *r)
{
    sk_login_hints hints;

    hints.organization_id = hint(r, "organization_id");
    hints.connection_id = hint(r, "connection_id");
    hints.login_hint = hint(r, "login_hint");
    hints.domain_hint = hint(r, "domain_hint");
    hints.provider = hint(r, "provider");
    hints.prompt = hint(r, "prompt");
    return hints;
}

/* Whoever names one of these wants more than to be logged in somehow. */
static bool asks_for_another_login(const sk_login_hints *hints)
{
    return hints->organization_id || hints->connection_id || hints->provider || hints->prompt;
}

int sk_entry_handle(request_rec *r)
{
    const char *target = sk_url_query_get(r->pool, r->args, "next");
    const char *token = sk_idp_login_token(r);
    const sk_record *record;
    sk_login_hints hints;
    const char *local;

    if (r->method_number != M_GET) {
        return sk_reply_not_allowed(r, "GET, HEAD");
    }
    if (sk_reply_is_for_later(r)) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (token) {
        return sk_idp_login_handle(r, token);
    }
    if (!target) {
        target = sk_url_query_get(r->pool, r->args, "returnTo");
    }
    /* Of an application's own errors its links to the login page may speak as well, but they name a target. */
    if (!target && sk_url_query_has(r->args, "error")) {
        return sk_callback_refuse(r);
    }
    hints = read_hints(r);
    if (!asks_for_another_login(&hints) && sk_session_read(r, &record) == SK_SESSION_VALID) {
        local = sk_url_local_target(r->pool, target);
        return sk_reply_redirect(
            r, apr_pstrcat(r->pool, sk_site_origin(r),
                           local ? local : sk_settings_of(r->server)->after_login, NULL));
    }
    return sk_login_begin(r, target, &hints);
}
