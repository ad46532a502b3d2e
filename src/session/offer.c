/* SPDX-License-Identifier: Apache-2.0 */
#include "session/offer.h"

#include <string.h>
#include <apr_strings.h>

#include "config/config.h"
#include "session/cookies.h"
#include "session/visit.h"

/*
 * mod_session_crypto takes milliseconds to open a cookie: of many of one name only some are tried. The last, because browsers send
 * cookies of longer paths first (RFC 6265 section 5.4): of the path / another host can set one for each domain above ours.
 */
enum { CANDIDATES = 8 };

static int count_of(const apr_array_header_t *cookies, const char *name)
{
    int i, count = 0;

    for (i = 0; i < cookies->nelts; i++) {
        count += strcmp(APR_ARRAY_IDX(cookies, i, sk_cookie).name, name) == 0;
    }
    return count;
}

/*
 * No others: for each that it passes ap_cookie_read() makes a new copy of all before, gigabytes for a header that httpd has refused as too
 * long. None with a ',', which it takes for the end of a cookie.
 */
const apr_array_header_t *sk_offer_candidates(request_rec *r)
{
    const apr_array_header_t *all = sk_cookies_read(r);
    apr_array_header_t *last = apr_array_make(r->pool, 2, sizeof(sk_cookie));
    int i;

    for (i = all->nelts - 1; i >= 0; i--) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(all, i, sk_cookie);
        if (sk_cookies_is_session(r, cookie->name, strlen(cookie->name))
            && !strchr(cookie->value, ',') && count_of(last, cookie->name) < CANDIDATES) {
            APR_ARRAY_PUSH(last, sk_cookie) = *cookie;
        }
    }
    return last;
}

bool sk_offer_is_repeated(const apr_array_header_t *cookies, const char *name)
{
    const char *value = NULL;
    int i;

    for (i = 0; i < cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        if (strcmp(cookie->name, name) != 0) {
            continue;
        }
        if (value && strcmp(value, cookie->value) != 0) {
            return true;
        }
        value = cookie->value;
    }
    return false;
}

void sk_offer_forget(request_rec *r, const char *name)
{
    apr_table_t *notes = sk_visit_first(r)->first->notes;

    apr_table_unset(notes, apr_pstrcat(r->pool, "mod_session_cookie", name, NULL));
    apr_table_unset(notes, apr_pstrcat(r->pool, "mod_session_dbd", name, NULL));
}

static void set_header(request_rec *r, const char *field, const char *value)
{
    if (value == apr_table_get(r->headers_in, field)) {
        return; /* as mostly, once ours were taken out */
    }
    if (value) {
        apr_table_setn(r->headers_in, field, value);
    }
    else {
        apr_table_unset(r->headers_in, field);
    }
}

void sk_offer_end(request_rec *r, const char *cookie, const char *cookie2)
{
    set_header(r, "Cookie", cookie);
    set_header(r, "Cookie2", cookie2);
}

static bool is_for_providers(const sk_cookie *cookie, const sk_cookie *one)
{
    return !one || cookie == one || strcmp(cookie->name, one->name) != 0;
}

/* The header that has them. NULL: there are none. */
static const char *for_providers(request_rec *r)
{
    const sk_visit *visit = sk_visit_first(r);
    const char *header = NULL;
    int i;

    for (i = 0; i < visit->offered->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(visit->offered, i, sk_cookie);
        if (is_for_providers(cookie, visit->offered_alone)) {
            header = apr_pstrcat(r->pool, header ? header : "", header ? "; " : "",
                                 cookie->name, "=", cookie->value, NULL);
        }
    }
    return header;
}

bool sk_offer_in_header(request_rec *r)
{
    const char *header;

    if (sk_settings_of(r->server)->store_cookie || apr_table_get(r->headers_in, "Cookie")
        || !(header = for_providers(r))) {
        return false;
    }
    apr_table_setn(r->headers_in, "Cookie", header);
    return true;
}

const char *sk_offer_value(request_rec *r, const char *name)
{
    const sk_visit *visit = sk_visit_first(r);
    int i;

    for (i = 0; i < visit->offered->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(visit->offered, i, sk_cookie);
        if (strcmp(cookie->name, name) == 0 && is_for_providers(cookie, visit->offered_alone)) {
            return cookie->value;
        }
    }
    return NULL;
}

/*
 * What mod_session_cookie would find it takes from the notes, as if it had looked before: ap_cookie_read(), by which it looks, takes a
 * hundred instructions for each character.
 */
static void spare_search(request_rec *r, const sk_session_cookie *session)
{
    request_rec *first = sk_visit_first(r)->first;
    session_rec *z;

    if (apr_table_get(first->notes, session->note)) {
        return;
    }
    z = sk_visit_blank(r);
    z->encoded = sk_visit_keep(r, sk_offer_value(r, session->name));
    apr_table_setn(first->notes, session->note, (char *)z);
}

void sk_offer(request_rec *r, const apr_array_header_t *cookies, const sk_cookie *one)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const apr_array_header_t *sessions = settings->session_cookies;
    sk_visit *visit = sk_visit_first(r);
    int i;

    visit->offered = cookies;
    visit->offered_alone = one;
    /* ap_cookie_read() reads Cookie2, too. */
    sk_offer_end(r, NULL, NULL);
    if (settings->looks_into_header) {
        sk_offer_in_header(r);
    }
    for (i = 0; i < sessions->nelts; i++) {
        const sk_session_cookie *session = &APR_ARRAY_IDX(sessions, i, sk_session_cookie);
        bool is_one = one && strcmp(one->name, session->name) == 0;
        if (session->note && (is_one || !sk_offer_is_repeated(cookies, session->name))) {
            spare_search(r, session);
        }
    }
}
