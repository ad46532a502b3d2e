/* SPDX-License-Identifier: Apache-2.0 */
#include "request/login.h"

#include <http_log.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "config/config.h"
#include "config/expression.h"
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

static int move(request_rec *r)
{
    sk_guard_step(r);
    return sk_reply_redirect(
        r, apr_pstrcat(r->pool, sk_site_origin(r), sk_site_requested(r), NULL));
}

int sk_login_move(request_rec *r)
{
    return is_loop(r) ? break_loop(r, sk_settings_of(r->server)->after_login) : move(r);
}

int sk_login_begin(request_rec *r, const char *target, const sk_login_hints *hints)
{
    const char *local = sk_url_local_target(r->pool, target);

    if (target && !local) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      "the return target is left out: it is no path on this host, or too long");
    }
    if (!local) {
        local = sk_settings_of(r->server)->after_login;
    }
    if (is_loop(r)) {
        return break_loop(r, local);
    }
    return sk_site_is_here(r) ? send_to_scalekit(r, local, hints) : move(r);
}

/* ---- a login that a page asks for ---- */

static const char *steer(request_rec *r, const sk_expression *expression, const char *name)
{
    const char *failure, *value;

    if (!expression) {
        return NULL;
    }
    value = sk_expression_value(r, expression, &failure);
    if (failure) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "a login goes without %s, the expression for which fails: %s", name,
                      sk_text_printable(r->pool, failure, 200));
    }
    if (value && !sk_oauth_is_hint(name, value)) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      "a login goes without %s: the expression gives nothing that could be it",
                      name);
        return NULL;
    }
    return value;
}

int sk_login_challenge(request_rec *r, const char *organization)
{
    const sk_steering *steering = &sk_policy_of(r)->steering;
    sk_login_hints hints = {0};

    hints.organization_id = organization;
    hints.connection_id = steer(r, steering->connection, "connection_id");
    hints.provider = steer(r, steering->provider, "provider");
    hints.domain_hint = steer(r, steering->domain_hint, "domain_hint");
    hints.login_hint = steer(r, steering->login_hint, "login_hint");
    hints.prompt = steer(r, steering->prompt, "prompt");
    return sk_login_begin(r, sk_site_requested(r), &hints);
}
