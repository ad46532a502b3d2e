/* SPDX-License-Identifier: Apache-2.0 */
#include "request/backchannel.h"

#include <stdbool.h>
#include <http_log.h>
#include <apr_buckets.h>
#include <apr_strings.h>
#include <json-c/json.h>

#include "config/config.h"
#include "environment/environment.h"
#include "request/reply.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

/* Anybody may post here: what is larger is not read. A logout token takes about 1 KB. */
enum { BODY_MAX = 16 * 1024, FIELDS_MAX = 20 };

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

static const char *text_of(request_rec *r, const ap_form_pair_t *field)
{
    apr_off_t length;
    char *text;
    apr_size_t room;

    if (apr_brigade_length(field->value, 1, &length) != APR_SUCCESS || length > BODY_MAX) {
        return NULL;
    }
    room = (apr_size_t)length;
    text = apr_pcalloc(r->pool, room + 1);
    return apr_brigade_flatten(field->value, text, &room) == APR_SUCCESS ? text : NULL;
}

/* The one field logout_token; NULL if it is not there, or more than once. */
static const char *find_token(request_rec *r, const apr_array_header_t *fields)
{
    const char *token = NULL;
    int i;

    for (i = 0; fields && i < fields->nelts; i++) {
        const ap_form_pair_t *field = &APR_ARRAY_IDX(fields, i, ap_form_pair_t);
        if (strcmp(field->name, "logout_token") == 0) {
            if (token) {
                return NULL;
            }
            token = text_of(r, field);
        }
    }
    return token;
}

static int answer(request_rec *r)
{
    json_object *nothing = json_object_new_object();
    int status = sk_reply_json(r, nothing);

    json_object_put(nothing);
    return status;
}

/* httpd would read any other body to its end, whatever its size. */
static bool is_form(request_rec *r)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return type && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0;
}

int sk_backchannel_handle(request_rec *r)
{
    sk_environment *environment = sk_environment_of(r->server);
    sk_call call = sk_visit_call(r);
    apr_array_header_t *fields = NULL;
    const char *token, *wrong;
    int status;

    if (r->method_number != M_POST) {
        return sk_reply_not_allowed(r, "POST");
    }
    if (!is_form(r)) {
        return refuse(r, HTTP_BAD_REQUEST, "invalid_request", "the body is not a form");
    }
    status = ap_parse_form_data(r, NULL, &fields, FIELDS_MAX, BODY_MAX);
    if (status != OK) {
        return refuse(r, ap_is_HTTP_ERROR(status) ? status : HTTP_BAD_REQUEST,
                      "invalid_request", "the body cannot be read, or is too large");
    }
    token = find_token(r, fields);
    if (!token) {
        return refuse(r, HTTP_BAD_REQUEST, "invalid_request",
                      "the body is not a form with one logout_token");
    }
    if (!environment) {
        return refuse(r, HTTP_INTERNAL_SERVER_ERROR, "server_error",
                      "this process could not be set up: see the log at its start");
    }
    wrong = sk_environment_logout_token(&call, environment, token);
    if (wrong == sk_environment_busy) {
        apr_table_setn(r->err_headers_out, "Retry-After", "5");
        return refuse(r, HTTP_SERVICE_UNAVAILABLE, "temporarily_unavailable", wrong);
    }
    return wrong ? refuse(r, HTTP_BAD_REQUEST, "invalid_request", wrong) : answer(r);
}
