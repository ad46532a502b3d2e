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

static bool can_be_one(request_rec *r, const sk_cookie *cookie)
{
    return sk_cookies_is_session(r, cookie->name, strlen(cookie->name))
           && !memchr(cookie->written, ',', cookie->length);
}

/*
 * No others: for each that it passes ap_cookie_read() makes a new copy of all before, gigabytes for a header that httpd has refused as too
 * long. None with a ',', which it takes for the end of a cookie.
 */
static const apr_array_header_t *candidates(request_rec *r, const apr_array_header_t *all)
{
    apr_array_header_t *last;
    int i;

    if (all->nelts == 0
        || (all->nelts == 1 && can_be_one(r, &APR_ARRAY_IDX(all, 0, sk_cookie)))) {
        return all;
    }
    last = apr_array_make(r->pool, 2, sizeof(sk_cookie));
    for (i = all->nelts - 1; i >= 0; i--) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(all, i, sk_cookie);
        if (can_be_one(r, cookie) && count_of(last, cookie->name) < CANDIDATES) {
            APR_ARRAY_PUSH(last, sk_cookie) = *cookie;
        }
    }
    return last;
}

bool sk_offer_is_repeated(const sk_offer *offer, const char *name)
{
    const char *value = NULL;
    int i;

    if (offer->cookies->nelts < 2) {
        return false; /* as mostly */
    }
    for (i = 0; i < offer->cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(offer->cookies, i, sk_cookie);
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
    const char *cookie = apr_pstrcat(r->pool, "mod_session_cookie", name, NULL),
               *dbd = apr_pstrcat(r->pool, "mod_session_dbd", name, NULL);

    /* Each of them has its own idea of which request's notes outlive the others. */
    for (; r; r = r->main ? r->main : r->prev) {
        apr_table_unset(r->notes, cookie);
        apr_table_unset(r->notes, dbd);
    }
}

/* ---- headers ---- */

static const char *take(request_rec *r, const char *field)
{
    const char *value = apr_table_get(r->headers_in, field);

    if (value) {
        apr_table_unset(r->headers_in, field);
    }
    return value;
}

void sk_offer_begin(request_rec *r, sk_offer *offer)
{
    const apr_array_header_t *all = sk_cookies_read(r);

    memset(offer, 0, sizeof(*offer));
    offer->cookies = candidates(r, all);
    offer->whole = offer->cookies->nelts == all->nelts ? sk_cookies_header(r) : NULL;
    offer->cookie = take(r, "Cookie");
    offer->cookie2 = take(r, "Cookie2"); /* ap_cookie_read() reads it, too */
    sk_visit_first(r)->offer = offer;
}

void sk_offer_end(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);
    const sk_offer *offer = visit->offer;

    if (offer->is_in_header) {
        apr_table_unset(r->headers_in, "Cookie");
    }
    if (offer->cookie) {
        apr_table_setn(r->headers_in, "Cookie", offer->cookie);
    }
    if (offer->cookie2) {
        apr_table_setn(r->headers_in, "Cookie2", offer->cookie2);
    }
    visit->offer = NULL;
}

static bool is_offered(const sk_offer *offer, const sk_cookie *cookie)
{
    return !offer->alone || cookie == offer->alone
           || strcmp(cookie->name, offer->alone->name) != 0;
}

/* The header that has them. NULL: there are none. */
static const char *header_of(request_rec *r, const sk_offer *offer)
{
    const char *header = NULL;
    int i;

    if (offer->whole && !offer->alone) {
        return offer->whole;
    }
    for (i = 0; i < offer->cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(offer->cookies, i, sk_cookie);
        if (is_offered(offer, cookie)) {
            header = apr_pstrcat(r->pool, header ? header : "", header ? "; " : "",
                                 cookie->name, "=", cookie->value, NULL);
        }
    }
    return header;
}

/* Mostly nobody looks, but a provider may: mod_session_dbd, or mod_session_cookie with SessionCookieRemove. */
static void put_into_header(request_rec *r, sk_offer *offer)
{
    const char *header = header_of(r, offer);

    if (header) {
        apr_table_setn(r->headers_in, "Cookie", header);
        offer->is_in_header = true;
    }
}

/* ---- what is offered ---- */

const char *sk_offer_value(request_rec *r, const char *name)
{
    const sk_offer *offer = sk_visit_first(r)->offer;
    int i;

    for (i = 0; i < offer->cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(offer->cookies, i, sk_cookie);
        if (strcmp(cookie->name, name) == 0 && is_offered(offer, cookie)) {
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

void sk_offer_make(request_rec *r, const sk_cookie *alone)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const apr_array_header_t *sessions = settings->session_cookies;
    sk_offer *offer = sk_visit_first(r)->offer;
    int i;

    offer->alone = alone;
    if (!settings->store_cookie) {
        put_into_header(r, offer);
    }
    for (i = 0; i < sessions->nelts; i++) {
        const sk_session_cookie *session = &APR_ARRAY_IDX(sessions, i, sk_session_cookie);
        bool is_alone = alone && strcmp(alone->name, session->name) == 0;
        if (session->note && (is_alone || !sk_offer_is_repeated(offer, session->name))) {
            spare_search(r, session);
        }
    }
}
