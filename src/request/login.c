/* SPDX-License-Identifier: Apache-2.0 */
#include "request/login.h"

#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/url.h"
#include "request/guard.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/login_state.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

const char *sk_login_link(request_rec *r, const char *target)
{
    const char *path = sk_settings_of(r->server)->paths[SK_ENDPOINT_LOGIN];

    return path ? sk_url_query_add(r->pool, path, "next", target) : NULL;
}

/* The browser comes back without what it was given: say so instead of sending it round again. */
static int break_loop(request_rec *r, const char *target)
{
    sk_problem problem = {0};

    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "%s: a browser is sent to log in again and again (reference %s): it does not "
                  "bring our cookies back. "
                  "Look at the attributes of SessionCookieName (path=/; no Secure on plain "
                  "http; no Domain), and if a "
                  "balancer ends TLS, write \"ServerName https://...\" or ScalekitBaseURL. "
                  "This request came to %s, "
                  "logins take place on %s",
                  sk_settings_of(r->server)->name, sk_visit_reference(r),
                  r->hostname
                      ? apr_pstrcat(r->pool, ap_http_scheme(r), "://", r->hostname, NULL)
                      : "no host",
                  sk_site_origin(r));
    sk_guard_clear(r);
    problem.status = HTTP_INTERNAL_SERVER_ERROR;
    problem.title = "Signing in goes round in circles";
    problem.detail = "You were sent to sign in several times in a row, but your browser did "
                     "not bring the session back. "
                     "Please check that it accepts cookies of this site, then try again.";
    problem.link = target;
    problem.link_text = "Try again";
    return sk_reply_problem(r, &problem);
}

/* Who brings a session back and wants another, of another organization perhaps, may do so as often as they like. */
static bool is_loop(request_rec *r)
{
    const sk_record *record;

    return sk_guard_is_loop(r)
           && (!sk_site_is_here(r) || sk_session_read(r, &record) != SK_SESSION_VALID);
}

static int send_to_scalekit(request_rec *r, const char *target, const sk_login_hints *hints)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const sk_attempt *attempt = sk_attempt_start(r, target, sk_site_is_secure(r));
    sk_authorize request = {0};

    if (!attempt) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "%s: a login cannot begin: OpenSSL has no randomness", settings->name);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    request.redirect_uri = sk_site_endpoint_url(r, SK_ENDPOINT_CALLBACK);
    request.state = attempt->state;
    request.nonce = attempt->nonce;
    request.code_challenge = sk_oauth_challenge(r->pool, attempt->verifier);
    request.hints = *hints;
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "login %s begins", attempt->reference);
    return sk_reply_redirect(r, sk_oauth_authorize_url(r->pool, settings, &request));
}

int sk_login_begin(request_rec *r, const char *target, const sk_login_hints *hints)
{
    const char *local = sk_url_local_target(r->pool, target);

    if (!local) {
        local = sk_settings_of(r->server)->after_login;
    }
    if (is_loop(r)) {
        return break_loop(r, local);
    }
    if (!sk_site_is_here(r)) {
        sk_guard_step(r);
        return sk_reply_redirect(
            r, apr_pstrcat(r->pool, sk_site_origin(r), sk_site_requested(r), NULL));
    }
    return send_to_scalekit(r, local, hints);
}

/* A parameter that is passed on to Scalekit, if it makes sense at all. */
static const char *hint(request_rec *r, const char *name)
{
    const char *value = sk_url_query_get(r->pool, r->args, name);

    return value && strlen(value) <= 256 && sk_text_is_clean(value) ? value : NULL;
}

int sk_login_handle(request_rec *r)
{
    const char *target = sk_url_query_get(r->pool, r->args, "next");
    const sk_record *record;
    sk_login_hints hints;
    const char *local;

    if (r->method_number != M_GET) {
        return sk_reply_not_allowed(r, "GET, HEAD");
    }
    if (!target) {
        target = sk_url_query_get(r->pool, r->args, "returnTo");
    }
    hints.organization_id = hint(r, "organization_id");
    hints.connection_id = hint(r, "connection_id");
    hints.login_hint = hint(r, "login_hint");
    hints.domain_hint = hint(r, "domain_hint");
    hints.provider = hint(r, "provider");
    hints.prompt = hint(r, "prompt");
    if (!hints.organization_id && !hints.connection_id && !hints.provider && !hints.prompt
        && sk_session_read(r, &record) == SK_SESSION_VALID) {
        local = sk_url_local_target(r->pool, target);
        return sk_reply_redirect(
            r, apr_pstrcat(r->pool, sk_site_origin(r),
                           local ? local : sk_settings_of(r->server)->after_login, NULL));
    }
    return sk_login_begin(r, target, &hints);
}
