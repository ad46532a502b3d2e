/* SPDX-License-Identifier: Apache-2.0 */
#include "request/reply.h"

#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <mod_core.h>
#include <util_filter.h>
#include <apr_strings.h>
#include <json-c/json.h>
#include <openssl/evp.h>

#include "config/config.h"
#include "core/text.h"
#include "core/url.h"
#include "session/visit.h"

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto 4rem;padding:0 "
    "1.5rem;"
    "color:#1c2330;background:#fbfbfd}"
    "h1{font-size:1.6rem;line-height:1.25;margin:0 0 .75rem}"
    "p{margin:0 0 1.25rem;overflow-wrap:anywhere}"
    "a.go,button{display:inline-block;font:inherit;font-weight:600;padding:.55rem "
    "1.1rem;border:0;"
    "border-radius:.5rem;color:#fff;background:#2b4bd4;text-decoration:none;cursor:pointer}"
    "a.go:focus-visible,button:focus-visible{outline:3px solid #5d77e6;outline-offset:2px}"
    "small{color:#5a6375}"
    "@media(prefers-color-scheme:dark){body{color:#e8eaf0;background:#14171f}small{color:#"
    "9aa3b5}"
    "a.go,button{background:#4a66e0}}";

/* ---- who asks ---- */

static bool accepts(const request_rec *r, const char *type)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return accept && ap_strcasestr(accept, type);
}

/*
 * No Accept, or just anything: a browser on plain http sends no Sec-Fetch-*, and curl is a person too. A script of a page is none, and its
 * requests name that page.
 */
static bool accepts_whatever(const request_rec *r)
{
    const char *accept = apr_table_get(r->headers_in, "Accept");

    return (!accept || strcmp(accept, "*/*") == 0) && !apr_table_get(r->headers_in, "Referer");
}

/* Not "com.android.browser": a web view of Android sends its application's name with every request, also of pages. */
static bool is_requested_with_script(const request_rec *r)
{
    const char *with = apr_table_get(r->headers_in, "X-Requested-With");

    return with && !strchr(with, '.');
}

bool sk_reply_is_for_later(const request_rec *r)
{
    const char *purpose = apr_table_get(r->headers_in, "Sec-Purpose");

    purpose = purpose ? purpose : apr_table_get(r->headers_in, "Purpose");
    return purpose && ap_strcasestr(purpose, "prefetch");
}

bool sk_reply_is_for_script(request_rec *r)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");

    if (sk_visit_is_api(r) || sk_visit_is_upgrade(r) || is_requested_with_script(r)
        || (mode && strcasecmp(mode, "navigate") != 0)) {
        return true;
    }
    if (accepts(r, "text/html") || accepts(r, "application/xhtml+xml")) {
        return false;
    }
    return mode ? accepts(r, "application/json")
                : !accepts_whatever(r) || r->method_number != M_GET;
}

/* ---- bodies ---- */

static const char *policy(request_rec *r)
{
    unsigned char digest[EVP_MAX_MD_SIZE], hash[64];
    unsigned int length = 0;

    EVP_Digest(style, sizeof(style) - 1, digest, &length, EVP_sha256(), NULL);
    EVP_EncodeBlock(hash, digest, (int)length);
    return apr_psprintf(r->pool,
                        "default-src 'none'; img-src 'self'; style-src 'sha256-%s'; "
                        "frame-ancestors 'none'; base-uri 'none'",
                        hash);
}

static const char *form(request_rec *r, const char *action, const char *text)
{
    return apr_pstrcat(r->pool, "<form method=\"post\" action=\"",
                       sk_text_html(r->pool, action), "\"><p><button>",
                       sk_text_html(r->pool, text), "</button></p></form>\n", NULL);
}

static const char *way_on(request_rec *r, const sk_problem *problem)
{
    const char *link = sk_text_html(r->pool, problem->link),
               *text = sk_text_html(r->pool, problem->link_text);

    if (!problem->link) {
        return "";
    }
    if (problem->is_form) {
        return form(r, problem->link, problem->link_text);
    }
    return apr_pstrcat(r->pool, "<p><a class=\"go\" href=\"", link, "\"",
                       problem->link_in_new_tab ? " target=\"_blank\" rel=\"noopener\"" : "",
                       ">", text, "</a></p>\n", NULL);
}

static const char *html_of(request_rec *r, const sk_problem *problem)
{
    const char *title = sk_text_html(r->pool, problem->title);
    const char *reference =
        problem->has_no_reference
            ? ""
            : apr_pstrcat(r->pool,
                          "<p><small>Reference for the administrator: ", sk_visit_reference(r),
                          "</small></p>\n", NULL);

    return apr_pstrcat(
        r->pool,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>", title,
        "</title>\n<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<style>",
        style, "</style>\n</head>\n<body>\n<main>\n<h1>", title, "</h1>\n<p>",
        sk_text_html(r->pool, problem->detail), "</p>\n", way_on(r, problem),
        problem->sign_out ? form(r, problem->sign_out, "Sign out") : "", reference,
        "</main>\n</body>\n</html>\n", NULL);
}

static void add_text(json_object *object, const char *name, const char *text)
{
    if (text) {
        json_object_object_add(object, name, json_object_new_string(text));
    }
}

static const char *text_of(request_rec *r, json_object *object)
{
    return apr_pstrcat(r->pool,
                       json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE),
                       "\n", NULL);
}

static const char *json_of(request_rec *r, const sk_problem *problem)
{
    json_object *object = json_object_new_object();
    const char *json;

    add_text(object, "type", "about:blank");
    add_text(object, "title", problem->title);
    json_object_object_add(object, "status", json_object_new_int(problem->status));
    add_text(object, "detail", problem->detail);
    add_text(object, "error", problem->error ? problem->error : problem->title);
    add_text(object, "login_url", problem->login_url);
    add_text(object, "reference", sk_visit_reference(r));
    json = text_of(r, object);
    json_object_put(object);
    return json;
}

/* The body, its type, and the headers that go with it. */
static const char *body_of(request_rec *r, const sk_problem *problem)
{
    if (sk_reply_is_for_script(r)) {
        ap_set_content_type(r, "application/problem+json");
        return json_of(r, problem);
    }
    ap_set_content_type(r, "text/html; charset=utf-8");
    apr_table_setn(r->headers_out, "Content-Security-Policy", policy(r));
    apr_table_setn(r->headers_out, "X-Frame-Options", "DENY");
    return html_of(r, problem);
}

/* ---- answers ---- */

/* Also on redirects and errors, of which httpd keeps only these headers. */
static void set_headers(request_rec *r, const sk_problem *page)
{
    /* Without a referrer browsers send a form with "Origin: null", which we would take for another site's. */
    const char *referrer =
        page && (page->is_form || page->sign_out) ? "same-origin" : "no-referrer";

    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "Referrer-Policy", referrer);
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
}

int sk_reply_problem(request_rec *r, const sk_problem *problem)
{
    sk_visit_of(r)->problem = apr_pmemdup(r->pool, problem, sizeof(*problem));
    set_headers(r, problem);
    return problem->status;
}

int sk_reply_page(request_rec *r, const sk_problem *page)
{
    const char *body = body_of(r, page);

    set_headers(r, page);
    r->status = page->status;
    ap_set_content_length(r, (apr_off_t)strlen(body));
    ap_rputs(body, r);
    return OK;
}

int sk_reply_json(request_rec *r, json_object *object)
{
    const char *body = text_of(r, object);

    ap_set_content_type(r, "application/json");
    set_headers(r, NULL);
    ap_set_content_length(r, (apr_off_t)strlen(body));
    ap_rputs(body, r);
    return OK;
}

int sk_reply_redirect(request_rec *r, const char *url)
{
    set_headers(r, NULL);
    url = sk_visit_keep(r, url); /* mod_dir takes it over from a subrequest as it is */
    apr_table_setn(r->headers_out, "Location", url);
    return HTTP_MOVED_TEMPORARILY;
}

int sk_reply_not_allowed(request_rec *r, const char *methods)
{
    sk_problem problem = {0};
    char *rest = NULL, *method;

    /* httpd makes the header Allow of this list. */
    ap_clear_method_list(r->allowed_methods);
    for (method = apr_strtok(apr_pstrdup(r->pool, methods), ", ", &rest); method;
         method = apr_strtok(NULL, ", ", &rest)) {
        ap_method_list_add(r->allowed_methods, method);
    }
    problem.status = HTTP_METHOD_NOT_ALLOWED;
    problem.title = "Method not allowed";
    problem.detail = apr_pstrcat(r->pool, "This address answers only to ", methods, ".", NULL);
    problem.has_no_reference = true;
    return sk_reply_problem(r, &problem);
}

/* ---- the filter that puts our page in the place of httpd's ---- */

static ap_filter_rec_t *page_filter;

/* httpd's text may come in several brigades: the first gives way to our page, the others to nothing. */
static apr_status_t put_page(ap_filter_t *f, apr_bucket_brigade *theirs)
{
    request_rec *r = f->r;
    apr_bucket_brigade *ours;
    const char *body;

    apr_brigade_cleanup(theirs);
    if (f->ctx) {
        return APR_SUCCESS;
    }
    f->ctx = f;
    body = body_of(r, sk_visit_of(r)->problem);
    ours = apr_brigade_create(r->pool, f->c->bucket_alloc);
    apr_table_unset(r->headers_out, "Content-Encoding");
    apr_table_unset(r->headers_out, "ETag");
    apr_table_unset(r->headers_out, "Last-Modified");
    ap_set_content_length(r, (apr_off_t)strlen(body));
    APR_BRIGADE_INSERT_TAIL(
        ours, apr_bucket_pool_create(body, strlen(body), r->pool, f->c->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(ours, apr_bucket_eos_create(f->c->bucket_alloc));
    return ap_pass_brigade(f->next, ours);
}

static void insert_page(request_rec *r)
{
    const sk_problem *problem = sk_settings_of(r->server) ? sk_visit_of(r)->problem : NULL;

    if (problem && problem->status == r->status
        && !ap_response_code_string(r, ap_index_of_response(r->status))) {
        ap_add_output_filter_handle(page_filter, NULL, r, r->connection);
    }
}

void sk_reply_hook(apr_pool_t *pool)
{
    (void)pool;
    page_filter = ap_register_output_filter("SCALEKIT_PAGE", put_page, NULL, AP_FTYPE_RESOURCE);
    ap_hook_insert_error_filter(insert_page, NULL, NULL, APR_HOOK_FIRST);
}
