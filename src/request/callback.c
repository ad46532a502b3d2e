/* SPDX-License-Identifier: Apache-2.0 */
#include "request/callback.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/text.h"
#include "core/url.h"
#include "environment/environment.h"
#include "request/guard.h"
#include "request/idp_login.h"
#include "request/login.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/cookies.h"
#include "session/login_state.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

/* ---- pages ---- */

static int refuse(request_rec *r, int status, const char *title, const char *detail,
                  const char *target)
{
    sk_problem problem = {0};

    problem.status = status;
    problem.title = title;
    problem.detail = detail;
    problem.link = sk_login_link(r, target);
    problem.link_text = "Sign in again";
    return sk_reply_problem(r, &problem);
}

/* Also with tokens that are due: they are refreshed where the visitor goes from here. */
static bool is_signed_in(request_rec *r)
{
    const sk_record *record;
    sk_session_status status = sk_session_read(r, &record);

    return status == SK_SESSION_VALID || status == SK_SESSION_LATER;
}

/* Many tabs that log in at once are no circle: the browser keeps the sessions that it gets. */
static bool has_session_since(request_rec *r, const sk_attempt *attempt)
{
    const sk_record *record;

    return sk_session_read(r, &record) == SK_SESSION_VALID
           && record->login >= apr_time_sec(attempt->started);
}

static int go_to(request_rec *r, const char *target)
{
    return sk_reply_redirect(r, apr_pstrcat(r->pool, sk_site_origin(r), target, NULL));
}

static int refuse_without_attempt(request_rec *r, const char *state)
{
    /* The Back button, or a bookmark: somebody who is logged in gets where logins go. */
    if (is_signed_in(r)) {
        return go_to(r, sk_settings_of(r->server)->after_login);
    }
    if (state && !sk_cookies_header(r)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "login %s: the browser came back from Scalekit without any cookie: it "
                      "does not accept them, or "
                      "the login began on another host",
                      sk_visit_reference(r));
        return refuse(
            r, HTTP_BAD_REQUEST, "Your browser did not send a cookie",
            "Signing in needs cookies. Please allow them for this site, then sign in again.",
            NULL);
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "login %s: the state belongs to no login of this browser: it was used "
                  "before, was pushed out by newer "
                  "ones, or is forged",
                  sk_visit_reference(r));
    return refuse(r, HTTP_BAD_REQUEST, "This sign-in cannot be completed",
                  "It was completed before, or it did not begin in this browser.", NULL);
}

static int refuse_expired(request_rec *r, const sk_attempt *attempt)
{
    /* A tab that was left open, and a login in another one since. */
    if (is_signed_in(r)) {
        return go_to(r, attempt->target);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "login %s took longer than ten minutes",
                  attempt->reference);
    return refuse(r, HTTP_BAD_REQUEST, "This sign-in took too long", "Please sign in again.",
                  attempt->target);
}

/* RFC 6749 section 4.1.2.1: two of the errors are nobody's but Scalekit's. */
static int status_of(const char *error)
{
    return strcmp(error, "access_denied") == 0             ? HTTP_FORBIDDEN
           : strcmp(error, "server_error") == 0            ? HTTP_BAD_GATEWAY
           : strcmp(error, "temporarily_unavailable") == 0 ? HTTP_SERVICE_UNAVAILABLE
                                                           : HTTP_BAD_REQUEST;
}

/*
 * What Scalekit said instead of giving a code. Its description is written by strangers: shown, but as their words, and only to
 * somebody whose login this is. Without one it may be a link that somebody has made up to have us say something.
 */
static int refuse_with_error(request_rec *r, const sk_attempt *attempt)
{
    const char *word = sk_url_query_get(r->pool, r->args, "error");
    const char *error =
        word && *word ? sk_text_printable(r->pool, word, 64) : "an error without a name";
    const char *description = sk_text_printable(
        r->pool, sk_url_query_get(r->pool, r->args, "error_description"), 300);
    bool is_denial = strcmp(error, "access_denied") == 0;

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "login %s: Scalekit refused it: %s (%s)",
                  sk_visit_reference(r), error, description);
    return refuse(r, attempt || is_denial ? status_of(error) : HTTP_BAD_REQUEST,
                  is_denial ? "You were not signed in" : "Signing in failed",
                  attempt ? apr_pstrcat(r->pool, "The sign-in service answered: ", error,
                                        *description ? ". It says: " : ".", description, NULL)
                          : "The sign-in service did not say why.",
                  attempt ? attempt->target : NULL);
}

int sk_callback_refuse(request_rec *r)
{
    return refuse_with_error(r, NULL);
}

/* ---- the steps ---- */

static int refuse_for_now(request_rec *r, const sk_attempt *attempt, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "login %s: %s", attempt->reference, why);
    apr_table_setn(r->err_headers_out, "Retry-After", "5");
    return refuse(r, HTTP_SERVICE_UNAVAILABLE, "Signing in takes a little longer",
                  "The sign-in service is slow to answer. Please try again in a moment.",
                  attempt->target);
}

static int exchange(request_rec *r, const char *code, const sk_attempt *attempt,
                    sk_record *record)
{
    sk_environment *environment = sk_environment_of(r->server);
    sk_call call = sk_visit_call(r);
    sk_code request = {code, sk_site_endpoint_url(r, SK_ENDPOINT_CALLBACK), attempt->verifier,
                       attempt->nonce};
    const char *wrong = environment
                            ? sk_environment_login(&call, environment, &request, record)
                            : "this process could not be set up: see the log at its start";

    if (sk_environment_is_resting(wrong)) {
        return refuse_for_now(r, attempt, wrong);
    }
    if (wrong) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "login %s failed: %s", attempt->reference,
                      wrong);
        return refuse(
            r, HTTP_BAD_GATEWAY, "Signing in failed",
            "The sign-in service did not confirm who you are. Please try again in a moment.",
            attempt->target);
    }
    return OK;
}

static int keep(request_rec *r, sk_record *record, const sk_attempt *attempt)
{
    switch (sk_session_start(r, record)) {
    case SK_SESSION_STARTED:
        return OK;
    case SK_SESSION_TOO_LARGE:
        return refuse(r, HTTP_INTERNAL_SERVER_ERROR, "You cannot be signed in yet",
                      "Your roles and permissions do not fit into a cookie. The administrator "
                      "of this site can change "
                      "that.",
                      attempt->target);
    default:
        return refuse(r, HTTP_INTERNAL_SERVER_ERROR, "You cannot be signed in yet",
                      "This site could not keep your session. Its administrator finds the "
                      "reason in the log.",
                      attempt->target);
    }
}

static int complete(request_rec *r, const sk_attempt *attempt)
{
    const char *code = sk_url_query_get(r->pool, r->args, "code");
    sk_record *record = apr_pcalloc(r->pool, sizeof(*record));
    bool came_later;
    int status;

    if (!code || !*code || strlen(code) > 2048) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "login %s: the callback brought no code, several, or one that is too long",
            attempt->reference);
        return refuse(r, HTTP_BAD_REQUEST, "Signing in failed",
                      "The sign-in service sent no code.", attempt->target);
    }
    came_later = has_session_since(r, attempt);
    if ((status = exchange(r, code, attempt, record)) != OK
        || (status = keep(r, record, attempt)) != OK) {
        return status;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "login %s: user %s, organization %s",
                  attempt->reference, record->identity.sub,
                  record->identity.oid ? record->identity.oid : "none");
    if (!came_later) {
        sk_guard_step(r);
    }
    return go_to(r, attempt->target);
}

int sk_callback_handle(request_rec *r)
{
    const char *state = sk_url_query_get(r->pool, r->args, "state");
    bool is_error = sk_url_query_has(r->args, "error");
    const char *issuer = sk_url_query_get(r->pool, r->args, "iss");
    const sk_attempt *attempt;

    if (r->method_number != M_GET || r->header_only) {
        return sk_reply_not_allowed(r, "GET");
    }
    if (!state && sk_idp_login_token(r)) {
        return sk_idp_login_handle(r, sk_idp_login_token(r));
    }
    if (!state) {
        return is_error ? refuse_with_error(r, NULL) : refuse_without_attempt(r, NULL);
    }
    sk_visit_first(r)->reference = sk_attempt_reference(r->pool, state);
    switch (sk_attempt_take(r, state, sk_site_is_secure(r), &attempt)) {
    case SK_ATTEMPT_UNKNOWN:
        return refuse_without_attempt(r, state);
    case SK_ATTEMPT_EXPIRED:
        return refuse_expired(r, attempt);
    default:
        break;
    }
    /* RFC 9207: the answer is another server's. */
    if (sk_url_query_has(r->args, "iss")
        && !sk_text_equal(issuer, sk_settings_of(r->server)->issuer)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "login %s: the answer comes from another issuer than ScalekitIssuer",
                      attempt->reference);
        return refuse(r, HTTP_BAD_REQUEST, "Signing in failed",
                      "The answer came from another sign-in service.", attempt->target);
    }
    return is_error ? refuse_with_error(r, attempt) : complete(r, attempt);
}
