/* SPDX-License-Identifier: Apache-2.0 */
#include "request/authn.h"

#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/url.h"
#include "request/guard.h"
#include "request/login.h"
#include "request/organization.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

/* httpd looks the type up anew, or evaluates it, whenever it is asked. */
bool sk_authn_is_ours(request_rec *r)
{
    sk_visit *visit = sk_visit_of(r);

    if (visit->typed_for != r->per_dir_config) {
        const char *type = ap_auth_type(r);
        visit->is_typed = type && strcasecmp(type, "Scalekit") == 0;
        visit->typed_for = r->per_dir_config;
    }
    return visit->is_typed;
}

const sk_record *sk_authn_record(request_rec *r)
{
    const sk_visit *visit = sk_visit_first(r);

    return visit->status == SK_SESSION_VALID && sk_authn_is_ours(r)
                   && sk_organization_admits(r, &visit->record->identity)
               ? visit->record
               : NULL;
}

/* ---- the challenge ---- */

/* RFC 9110 section 15.5.2: a 401 names at least one way to authenticate. */
static int refuse(request_rec *r, sk_problem *problem)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "401: there is no session (reference %s)",
                  sk_visit_reference(r));
    problem->status = HTTP_UNAUTHORIZED;
    problem->login_url = sk_site_endpoint_url(r, SK_ENDPOINT_LOGIN);
    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   apr_psprintf(r->pool, "Scalekit realm=\"%s\"", r->server->server_hostname));
    return sk_reply_problem(r, problem);
}

static int refuse_plainly(request_rec *r)
{
    sk_problem problem = {0};

    problem.title = "Sign in to continue";
    problem.error = "Authentication required";
    problem.detail = "This page is for signed-in users.";
    problem.link = r->method_number == M_GET
                       ? sk_login_link(r, sk_url_local_target(r->pool, sk_site_requested(r)))
                       : sk_login_link(r, NULL);
    problem.link_text = "Sign in";
    problem.has_no_reference = true;
    return refuse(r, &problem);
}

/* A form was sent after its session had ended: a redirect would lose what was written. */
static int refuse_form(request_rec *r)
{
    sk_problem problem = {0};

    problem.title = "Your session has ended";
    problem.error = "Authentication required";
    problem.detail = "What you sent has not been processed. Sign in in a new tab, then come "
                     "back to this one and reload "
                     "it: your browser will offer to send it again.";
    problem.link = sk_login_link(r, NULL);
    problem.link_text = "Sign in in a new tab";
    problem.link_in_new_tab = true;
    problem.has_no_reference = true;
    return refuse(r, &problem);
}

static bool may_log_in(request_rec *r)
{
    switch (sk_policy_of(r)->unauthenticated) {
    case SK_UNAUTHENTICATED_LOGIN:
        return true;
    case SK_UNAUTHENTICATED_AUTO:
        return !sk_reply_is_for_script(r);
    default:
        return false;
    }
}

static int challenge(request_rec *r, const char *organization)
{
    if (!sk_visit_is_the_answer(r) || !may_log_in(r) || sk_reply_is_for_later(r)) {
        return refuse_plainly(r);
    }
    if (r->method_number != M_GET) {
        return sk_reply_is_for_script(r) ? refuse_plainly(r) : refuse_form(r);
    }
    return sk_login_challenge(r, sk_organization_hint(organization));
}

/* ---- the hooks ---- */

static int refuse_unready(request_rec *r)
{
    sk_problem problem = {0};

    problem.status = HTTP_INTERNAL_SERVER_ERROR;
    problem.title = "This site is not set up completely";
    problem.detail = "Its administrator finds in the log what is missing.";
    return sk_reply_problem(r, &problem);
}

/* The session is kept: Scalekit has to answer before it can go on. */
static int ask_for_patience(request_rec *r)
{
    sk_problem problem = {0};

    apr_table_setn(r->err_headers_out, "Retry-After", "2");
    problem.status = HTTP_SERVICE_UNAVAILABLE;
    problem.title = "One moment, please";
    problem.detail =
        "You are still signed in, but the sign-in service does not answer just now. Please try "
        "again in a few seconds.";
    return sk_reply_problem(r, &problem);
}

/* A refresh brought more roles and permissions than a cookie holds: the session could not go on. */
static int refuse_outgrown(request_rec *r)
{
    sk_problem problem = {0};

    problem.status = HTTP_INTERNAL_SERVER_ERROR;
    problem.title = "You cannot stay signed in";
    problem.detail = "Your roles and permissions have become too many for a cookie. The "
                     "administrator of this site can change that.";
    return sk_reply_problem(r, &problem);
}

int sk_authn_refuse(request_rec *r, sk_session_status status)
{
    switch (status) {
    case SK_SESSION_NONE:
        return refuse_plainly(r);
    case SK_SESSION_LATER:
        return ask_for_patience(r);
    case SK_SESSION_OUTGROWN:
        return refuse_outgrown(r);
    default:
        return refuse_unready(r);
    }
}

/* What mod_session says of caching is dropped here: our own filter says it, also where mod_session's would get lost. */
static void take_over_caching(request_rec *r)
{
    const char *theirs = apr_table_get(r->headers_out, "Cache-Control");

    sk_visit_first(r)->session_decided = true;
    if (theirs && strcmp(theirs, "no-cache, private") == 0) {
        apr_table_unset(r->headers_out, "Cache-Control");
    }
}

static const char *remote_user(request_rec *r, const sk_identity *identity)
{
    const char *claim = sk_policy_of(r)->remote_user;

    if (strcmp(claim, "email") == 0 && identity->email_verified == SK_VERIFIED_NO) {
        return NULL;
    }
    return sk_claims_text(identity, claim);
}

static bool name_user(request_rec *r, const sk_identity *identity)
{
    /* A copy: other modules may cut it where it stands. */
    r->user = apr_pstrdup(r->pool, remote_user(r, identity));
    if (r->user) {
        r->ap_auth_type = (char *)"Scalekit";
    }
    return r->user != NULL;
}

void sk_authn_name_user(request_rec *r)
{
    const sk_record *record = sk_authn_record(r);

    if (sk_authn_is_ours(r)) {
        r->user = r->ap_auth_type = NULL;
    }
    if (record) {
        name_user(r, &record->identity);
    }
}

static int accept_user(request_rec *r, const sk_record *record)
{
    sk_problem problem = {0};

    if (name_user(r, &record->identity)) {
        if (sk_visit_is_the_answer(r)) {
            sk_session_touch(r);
        }
        return OK;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, r,
        "user %s has no claim %s that can be REMOTE_USER (an email must not be unverified): "
        "choose another "
        "with ScalekitRemoteUser, or ask for its scope with ScalekitScopes (reference %s)",
        record->identity.sub, sk_policy_of(r)->remote_user, sk_visit_reference(r));
    problem.status = HTTP_FORBIDDEN;
    problem.title = "Your account lacks something this page needs";
    problem.detail = "You are signed in, but your account does not have the verified name that "
                     "this page knows its "
                     "users by.";
    return sk_reply_problem(r, &problem);
}

static int accept_session(request_rec *r, const sk_record *record, const char *organization)
{
    if (!organization) {
        return accept_user(r, record);
    }
    if (!sk_organization_has(&record->identity, organization)) {
        return sk_organization_switch(r, record, organization,
                                      sk_visit_is_the_answer(r) && may_log_in(r));
    }
    if (sk_visit_is_the_answer(r)) {
        sk_guard_forget_switch(r);
    }
    return accept_user(r, record);
}

static int check_authn(request_rec *r)
{
    const sk_record *record;
    const char *organization;
    sk_session_status status;

    if (!sk_authn_is_ours(r)) {
        return DECLINED;
    }
    if (!sk_settings_of(r->server)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "AuthType Scalekit is in force here, but %s is not configured for it: "
                      "add ScalekitEnvURL, "
                      "ScalekitClientID and ScalekitClientSecret, and a ServerName",
                      r->server->server_hostname);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (!sk_organization_wanted(r, &organization)) {
        return sk_organization_refuse_unknown(r);
    }
    status = sk_session_read(r, &record);
    switch (status) {
    case SK_SESSION_VALID:
        take_over_caching(r);
        return accept_session(r, record, organization);
    case SK_SESSION_NONE:
        take_over_caching(r);
        return challenge(r, organization);
    case SK_SESSION_LATER:
        take_over_caching(r);
        return sk_visit_is_upgrade(r) ? refuse_plainly(r) : sk_authn_refuse(r, status);
    default:
        return sk_authn_refuse(r, status);
    }
}

/* Where Require grants without a user httpd does not authenticate; then a session, if there is one, shall be seen all the same. */
static int force_authn(request_rec *r)
{
    const sk_record *record;

    /* Whoever is denied here must still get to our own endpoints, to sign out or in as somebody else. */
    if (!sk_authn_is_ours(r) || !sk_settings_of(r->server)
        || sk_visit_of(r)->endpoint != SK_ENDPOINT_NONE
        || sk_session_read(r, &record) == SK_SESSION_UNUSABLE) {
        return DECLINED;
    }
    take_over_caching(r);
    return record && remote_user(r, &record->identity)
                   && sk_organization_admits(r, &record->identity)
               ? OK
               : DECLINED;
}

void sk_authn_hook(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_check_authn(check_authn, NULL, NULL, APR_HOOK_MIDDLE, AP_AUTH_INTERNAL_PER_CONF);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 47)
    ap_hook_force_authn(force_authn, NULL, NULL, APR_HOOK_MIDDLE);
#endif
}
