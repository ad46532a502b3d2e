/* SPDX-License-Identifier: Apache-2.0 */
#include "request/backchannel.h"

#include <stdbool.h>
#include <http_log.h>
#include <json-c/json.h>

#include "config/config.h"
#include "core/url.h"
#include "environment/environment.h"
#include "request/body.h"
#include "request/reply.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

/* Anybody may post here: what is larger is not read. A logout token takes about 1 KB. */
enum { BODY_MAX = 16 * 1024 };

static int refuse(request_rec *r, int status, const char *error, const char *wrong)
{
    sk_problem problem = {0};

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "back-channel logout: %d: %s (reference %s)",
                  status, wrong, sk_visit_reference(r));
    problem.status = status;
    problem.title = "No session was ended";
    problem.detail = "The log of this server says why.";
    problem.error = error;
    return sk_reply_problem(r, &problem);
}

static int answer(request_rec *r)
{
    json_object *nothing = json_object_new_object();
    int status = sk_reply_json(r, nothing);

    json_object_put(nothing);
    return status;
}

static bool is_form(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return type && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
}

int sk_backchannel_handle(request_rec *r)
{
    sk_environment *environment = sk_environment_of(r->server);
    sk_call call = sk_visit_call(r);
    const char *body, *token, *wrong;
    int status;

    if (r->method_number != M_POST) {
        return sk_reply_not_allowed(r, "POST");
    }
    if (!is_form(r)) {
        return refuse(r, HTTP_BAD_REQUEST, "invalid_request", "the body is not a form");
    }
    if ((status = sk_body_read(r, BODY_MAX, &body)) != OK) {
        return refuse(r, status, "invalid_request", "the body cannot be read, or is too large");
    }
    token = sk_url_query_get(r->pool, body, "logout_token");
    if (!token) {
        return refuse(r, HTTP_BAD_REQUEST, "invalid_request",
                      "the body is not a form with one logout_token");
    }
    if (!environment) {
        return refuse(r, HTTP_INTERNAL_SERVER_ERROR, "server_error",
                      "this process could not be set up: see the log at its start");
    }
    wrong = sk_environment_logout_token(&call, environment, token);
    if (sk_environment_is_resting(wrong)) {
        apr_table_setn(r->err_headers_out, "Retry-After", "5");
        return refuse(r, HTTP_SERVICE_UNAVAILABLE, "temporarily_unavailable", wrong);
    }
    return wrong ? refuse(r, HTTP_BAD_REQUEST, "invalid_request", wrong) : answer(r);
}
