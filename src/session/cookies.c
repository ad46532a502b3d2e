/* SPDX-License-Identifier: Apache-2.0 */
#include "session/cookies.h"

#include <apr_strings.h>

#include "config/config.h"
#include "session/visit.h"

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

static void strip_header(request_rec *r, const char *field, sk_cookie_test *is_ours)
{
    const char *header = apr_table_get(r->headers_in, field);
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

    /* Once: RequestHeader in .htaccess writes others for whom it redirects. */
    if (!visit->cookies) {
        const char *header = apr_table_get(r->headers_in, "Cookie");
        visit->cookies = header ? header : "";
        visit->read_cookies = sk_cookie_parse(visit->first->pool, visit->cookies);
    }
    strip_header(r, "Cookie", is_ours);
    strip_header(r, "Cookie2", is_ours); /* ap_cookie_read() reads it too */
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

void sk_cookies_change(apr_pool_t *pool, apr_table_t *headers, sk_cookies_changer *change,
                       void *baton)
{
    const apr_array_header_t *all = apr_table_elts(headers);
    apr_array_header_t *kept;
    int i;

    if (!apr_table_get(headers, "Set-Cookie")) {
        return;
    }
    kept = apr_array_make(pool, 4, sizeof(char *));
    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *header = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        const char *line =
            strcasecmp(header->key, "Set-Cookie") == 0 ? change(baton, header->val) : NULL;
        if (line) {
            APR_ARRAY_PUSH(kept, const char *) = line;
        }
    }
    apr_table_unset(headers, "Set-Cookie");
    for (i = 0; i < kept->nelts; i++) {
        apr_table_addn(headers, "Set-Cookie", APR_ARRAY_IDX(kept, i, const char *));
    }
}

static void send_line(request_rec *r, const char *line)
{
    sk_visit *visit = sk_visit_first(r);

    line = apr_pstrdup(visit->first->pool, line);
    if (!visit->sent) {
        visit->sent = apr_array_make(visit->first->pool, 4, sizeof(char *));
    }
    APR_ARRAY_PUSH(visit->sent, const char *) = line;
    apr_table_addn(r->err_headers_out, "Set-Cookie", line);
}

bool sk_cookies_is_sent(request_rec *r, const char *line)
{
    const apr_array_header_t *sent = sk_visit_first(r)->sent;
    int i;

    for (i = 0; sent && i < sent->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(sent, i, const char *), line) == 0) {
            return true;
        }
    }
    return false;
}

void sk_cookies_send(request_rec *r, const char *name, const char *value, long seconds,
                     bool secure)
{
    send_line(r, apr_psprintf(r->pool, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Lax%s",
                              name, value, seconds, secure ? "; Secure" : ""));
}

static const char *without_name(void *name, const char *line)
{
    size_t length = strlen(name);

    return strncmp(line, name, length) == 0 && line[length] == '=' ? NULL : line;
}

void sk_cookies_replace(request_rec *r, const char *name, const char *value)
{
    sk_cookies_change(r->pool, r->err_headers_out, without_name, (void *)(size_t)name);
    send_line(r, apr_pstrcat(r->pool, name, "=", value, NULL));
}
