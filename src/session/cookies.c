/* SPDX-License-Identifier: Apache-2.0 */
#include "session/cookies.h"

#include <apr_strings.h>

#include "session/visit.h"

const char *sk_cookies_header(request_rec *r)
{
    const char *original = sk_visit_first(r)->cookies;

    return original ? original : apr_table_get(r->headers_in, "Cookie");
}

const apr_array_header_t *sk_cookies_read(request_rec *r)
{
    apr_array_header_t *cookies = apr_array_make(r->pool, 8, sizeof(sk_cookie));
    const char *header = sk_cookies_header(r);
    sk_cookie cookie;

    while (header && cookies->nelts < SK_COOKIES_MAX
           && (header = sk_cookie_next(r->pool, header, &cookie))) {
        APR_ARRAY_PUSH(cookies, sk_cookie) = cookie;
    }
    return cookies;
}

static void strip_header(request_rec *r, const char *field, sk_cookie_test *is_ours,
                         const void *baton)
{
    const char *header = apr_table_get(r->headers_in, field);
    const char *kept = header ? sk_cookie_strip(r->pool, header, is_ours, baton) : NULL;

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

void sk_cookies_strip(request_rec *r, sk_cookie_test *is_ours, const void *baton)
{
    sk_visit *visit = sk_visit_first(r);

    if (!visit->cookies) {
        visit->cookies = apr_table_get(r->headers_in, "Cookie");
    }
    strip_header(r, "Cookie", is_ours, baton);
    strip_header(r, "Cookie2", is_ours, baton); /* ap_cookie_read() reads it too */
}

const char *sk_cookies_name(request_rec *r, const char *name, bool secure)
{
    return secure ? apr_pstrcat(r->pool, "__Host-", name, NULL) : name;
}

void sk_cookies_send(request_rec *r, const char *name, const char *value, long seconds,
                     bool secure)
{
    apr_table_add(r->err_headers_out, "Set-Cookie",
                  apr_psprintf(r->pool, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Lax%s",
                               name, value, seconds, secure ? "; Secure" : ""));
}

void sk_cookies_replace(request_rec *r, const char *name, const char *value)
{
    const apr_array_header_t *headers = apr_table_elts(r->err_headers_out);
    apr_array_header_t *others = apr_array_make(r->pool, 4, sizeof(char *));
    size_t length = strlen(name);
    int i;

    for (i = 0; i < headers->nelts; i++) {
        const apr_table_entry_t *header = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);
        if (strcasecmp(header->key, "Set-Cookie") == 0
            && !(strncmp(header->val, name, length) == 0 && header->val[length] == '=')) {
            APR_ARRAY_PUSH(others, const char *) = header->val;
        }
    }
    apr_table_unset(r->err_headers_out, "Set-Cookie");
    for (i = 0; i < others->nelts; i++) {
        apr_table_addn(r->err_headers_out, "Set-Cookie",
                       APR_ARRAY_IDX(others, i, const char *));
    }
    apr_table_addn(r->err_headers_out, "Set-Cookie",
                   apr_pstrcat(r->pool, name, "=", value, NULL));
}
