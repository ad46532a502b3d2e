/* SPDX-License-Identifier: Apache-2.0 */
#include "request/idp_login.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/oauth.h"
#include "core/url.h"
#include "environment/environment.h"
#include "request/login.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

static int refuse(request_rec *r, int status, const char *title, const char *detail,
                  const char *wrong)
{
    sk_problem problem = {0};

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "login %s: %s", sk_visit_reference(r),
                  wrong);
    problem.status = status;
    problem.title = title;
    problem.detail = detail;
    problem.link = sk_login_link(r, NULL);
    problem.link_text = "Sign in";
    return sk_reply_problem(r, &problem);
}

static const char *only_if_valid(const char *name, const char *value)
{
    return value && sk_oauth_is_hint(name, value) ? value : NULL;
}

/* With a state of our own, so that nobody is logged in by a link that somebody else sent. */
static int begin(request_rec *r, const sk_idp_request *request)
{
    sk_login_hints hints = {0};

    hints.organization_id = only_if_valid("organization_id", request->organization_id);
    hints.connection_id = only_if_valid("connection_id", request->connection_id);
    hints.login_hint = only_if_valid("login_hint", request->login_hint);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "a login begins at an identity provider");
    return sk_login_begin(r, request->relay_state, &hints);
}

const char *sk_idp_login_token(request_rec *r)
{
    return r->method_number == M_GET ? sk_url_query_get(r->pool, r->args, "idp_initiated_login")
                                     : NULL;
}

int sk_idp_login_handle(request_rec *r, const char *token)
{
    sk_environment *environment = sk_environment_of(r->server);
    sk_call call = sk_visit_call(r);
    sk_idp_request request;
    const char *wrong = "this process could not be set up: see the log at its start";

    if (r->header_only) {
        return sk_reply_not_allowed(r, "GET");
    }
    /* Not here: it would be used up before the login begins. */
    if (!sk_site_is_here(r)) {
        return sk_login_move(r);
    }
    if (environment) {
        wrong = sk_environment_idp_initiated(&call, environment, token, &request);
    }
    if (sk_environment_is_resting(wrong)) {
        apr_table_setn(r->err_headers_out, "Retry-After", "5");
        return refuse(r, HTTP_SERVICE_UNAVAILABLE, "Signing in takes a little longer",
                      "The sign-in service is slow to answer. Please try again in a moment.",
                      wrong);
    }
    if (wrong) {
        return refuse(r, HTTP_BAD_REQUEST, "This sign-in cannot be completed",
                      "The request of your identity provider is not valid, or no longer. "
                      "Please start there again, or sign in here.",
                      wrong);
    }
    return begin(r, &request);
}
