/* SPDX-License-Identifier: Apache-2.0 */
#include "session/cookies.h"

#include <http_log.h>
#include <util_cookies.h>
#include <apr_strings.h>

#include "config/config.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

const char *sk_cookies_header(request_rec *r)
{
    const char *original = sk_visit_first(r)->cookies;

    if (!original) {
        return apr_table_get(r->headers_in, "Cookie");
    }
    return *original ? original : NULL;
}

static const apr_array_header_t *cookies_in(request_rec *r, const char *header)
{
    const sk_visit *visit = sk_visit_first(r);

    return header == visit->cookies ? visit->read_cookies : sk_cookie_parse(r->pool, header);
}

const apr_array_header_t *sk_cookies_read(request_rec *r)
{
    const char *header = sk_cookies_header(r);

    return cookies_in(r, header ? header : "");
}

static void strip_header(request_rec *r, const char *field, const char *header,
                         sk_cookie_test *is_ours)
{
    const char *kept =
        header ? sk_cookie_strip(r->pool, header, cookies_in(r, header), is_ours, r) : NULL;

    if (kept == header) {
        return;
    }
    if (*kept) {
        apr_table_setn(r->headers_in, field, kept);
    }
    else {
        apr_table_unset(r->headers_in, field);
    }
}

void sk_cookies_strip(request_rec *r, sk_cookie_test *is_ours)
{
    sk_visit *visit = sk_visit_first(r);
    const char *header = apr_table_get(r->headers_in, "Cookie");

    /* Once: RequestHeader in .htaccess writes others for whom it redirects. */
    if (!visit->cookies) {
        visit->cookies = header ? header : "";
        visit->read_cookies = sk_cookie_parse(visit->first->pool, visit->cookies);
    }
    strip_header(r, "Cookie", header, is_ours);
    /* ap_cookie_read() reads it, too */
    strip_header(r, "Cookie2", apr_table_get(r->headers_in, "Cookie2"), is_ours);
}

bool sk_cookies_is_session(const request_rec *r, const char *name, size_t length)
{
    const apr_array_header_t *all = sk_settings_of(r->server)->session_cookies;
    int i;

    for (i = 0; i < all->nelts; i++) {
        const char *one = APR_ARRAY_IDX(all, i, sk_session_cookie).name;
        if (strncmp(one, name, length) == 0 && !one[length]) {
            return true;
        }
    }
    return false;
}

const char *sk_cookies_name(request_rec *r, const char *name, bool secure)
{
    return secure ? apr_pstrcat(r->pool, "__Host-", name, NULL) : name;
}

/* ---- what is sent ---- */

void sk_cookies_sift(apr_pool_t *pool, apr_table_t *headers, sk_cookies_stays *stays,
                     void *baton)
{
    const apr_array_header_t *all;
    int i;

    if (apr_is_empty_table(headers)
        || (!apr_table_get(headers, SET_COOKIE) && !apr_table_get(headers, SET_COOKIE2))) {
        return;
    }
    all = apr_table_elts(apr_table_copy(pool, headers)); /* the texts stay where they are */
    apr_table_unset(headers, SET_COOKIE);
    apr_table_unset(headers, SET_COOKIE2);
    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *line = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        if ((strcasecmp(line->key, SET_COOKIE) == 0 || strcasecmp(line->key, SET_COOKIE2) == 0)
            && stays(baton, line)) {
            apr_table_addn(headers, line->key, line->val);
        }
    }
}

apr_table_t *sk_cookies_outgoing(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);

    if (!visit->outgoing) {
        visit->outgoing = apr_table_make(visit->first->pool, 2);
    }
    return visit->outgoing;
}

/* What a subrequest is to send goes with it, unless mod_dir takes it over. */
static void send_line(request_rec *r, const char *line)
{
    sk_visit *visit = sk_visit_first(r);

    if (!r->main) {
        apr_table_add(sk_cookies_outgoing(r), SET_COOKIE, line);
        return;
    }
    if (!visit->inner) {
        visit->inner = apr_table_make(visit->first->pool, 2);
    }
    line = apr_pstrdup(visit->first->pool, line); /* mod_dir takes it over as it is */
    apr_table_addn(visit->inner, SET_COOKIE, line);
    apr_table_addn(r->err_headers_out, SET_COOKIE, line);
}

static bool has_line(const apr_table_t *headers, const char *line)
{
    const apr_array_header_t *all = headers ? apr_table_elts(headers) : NULL;
    int i;

    for (i = 0; all && i < all->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(all, i, apr_table_entry_t).val, line) == 0) {
            return true;
        }
    }
    return false;
}

bool sk_cookies_sends_session(request_rec *r)
{
    const apr_table_t *outgoing = sk_visit_first(r)->outgoing;
    const apr_array_header_t *lines = outgoing ? apr_table_elts(outgoing) : NULL;
    int i;

    for (i = 0; lines && i < lines->nelts; i++) {
        const char *line = APR_ARRAY_IDX(lines, i, apr_table_entry_t).val;
        if (sk_cookies_is_session(r, line, strcspn(line, "="))) {
            return true;
        }
    }
    return false;
}

void sk_cookies_release(request_rec *r)
{
    const apr_table_t *outgoing = sk_visit_first(r)->outgoing;

    if (outgoing) {
        r->err_headers_out = apr_table_overlay(r->pool, r->err_headers_out, outgoing);
    }
}

void sk_cookies_send(request_rec *r, const char *name, const char *value, long seconds,
                     bool secure)
{
    send_line(r, apr_psprintf(r->pool, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Lax%s",
                              name, value, seconds, secure ? "; Secure" : ""));
}

static bool has_another_name(void *name, const apr_table_entry_t *line)
{
    size_t length = strlen(name);

    return strncmp(line->val, name, length) != 0 || line->val[length] != '=';
}

void sk_cookies_replace(request_rec *r, const char *name, const char *value)
{
    sk_cookies_sift(r->pool, sk_cookies_outgoing(r), has_another_name, (void *)(size_t)name);
    send_line(r, apr_pstrcat(r->pool, name, "=", value, NULL));
}

/* ---- what others send ---- */

/* The name under which a browser sends it back: "=session=x" is a cookie without a name, and comes back as "session=x". */
static const char *name_of(apr_pool_t *pool, const char *line)
{
    char *name, *end;

    line += strspn(line, " \t");
    line += *line == '=' ? 1 : 0;
    line += strspn(line, " \t");
    name = apr_pstrmemdup(pool, line, strcspn(line, "=;"));
    for (end = name + strlen(name); end > name && (end[-1] == ' ' || end[-1] == '\t'); end--) {
    }
    *end = '\0';
    return name;
}

typedef struct planting {
    request_rec *r;
    sk_cookie_test *is_ours;
} planting;

static bool is_not_planted(void *baton, const apr_table_entry_t *line)
{
    const planting *p = baton;
    const sk_visit *visit = sk_visit_first(p->r);
    const char *name = name_of(p->r->pool, line->val);

    if (!p->is_ours(name, p->r) || has_line(visit->inner, line->val)) {
        return true;
    }
    if (!has_line(visit->outgoing, line->val)) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, p->r,
                      "the application sets the cookie %s, which is not its own: taken out of "
                      "its answer",
                      name);
    }
    return false;
}

void sk_cookies_take_out(request_rec *r, sk_cookie_test *is_ours)
{
    planting p = {r, is_ours};

    sk_cookies_sift(r->pool, r->headers_out, is_not_planted, &p);
    sk_cookies_sift(r->pool, r->err_headers_out, is_not_planted, &p);
}
