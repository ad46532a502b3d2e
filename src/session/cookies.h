/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookies of a request, and those that an answer is to set.
 */
#ifndef SK_SESSION_COOKIES_H
#define SK_SESSION_COOKIES_H

#include <stdbool.h>
#include <httpd.h>
#include <apr_tables.h>

#include "core/cookie.h"

/** RFC 6265 section 6.1: what browsers keep of a cookie's name, "=" and value at least, and most of them at most; more is dropped silently. */
#define SK_COOKIE_MAX 4096

/** The Cookie header as the browser sent it, also after sk_cookies_strip(). NULL if there was none. */
const char *sk_cookies_header(request_rec *r);

/** The cookies of that header in their order, as sk_cookie. */
const apr_array_header_t *sk_cookies_read(request_rec *r);

/** Is it the name of a cookie that carries mod_session's sessions? */
bool sk_cookies_is_session(const request_rec *r, const char *name, size_t length);

/** Takes the cookies for which `is_ours`, which gets the request, says so out of the request and leaves the others as they were written. */
void sk_cookies_strip(request_rec *r, sk_cookie_test *is_ours);

/** The name under which a cookie of ours is kept: with the prefix __Host- where the site is on https. */
const char *sk_cookies_name(request_rec *r, const char *name, bool secure);

/** Sends a cookie for the whole site, HttpOnly and SameSite=Lax. A life of 0 deletes it. */
void sk_cookies_send(request_rec *r, const char *name, const char *value, long seconds,
                     bool secure);

/** Sends a cookie, given as name and "value;attributes", in place of one of that name that was to be sent. */
void sk_cookies_replace(request_rec *r, const char *name, const char *value);

/**
 * The Set-Cookie lines that are to be sent, of a session, too. They are as good as a password, and .htaccess files may copy headers of
 * answers or change them (mod_headers, ErrorDocument): they are withheld until all others have had the answer.
 */
apr_table_t *sk_cookies_outgoing(request_rec *r);

/** Is one of a session among them? */
bool sk_cookies_sends_session(request_rec *r);

/** Takes the cookies for which `is_ours`, which gets the request, says so out of the answer: the withheld ones are not in it. */
void sk_cookies_take_out(request_rec *r, sk_cookie_test *is_ours);

/** Puts the withheld ones into the answer that goes to the browser. */
void sk_cookies_release(request_rec *r);

typedef bool sk_cookies_stays(void *baton, const apr_table_entry_t *line);

/** Takes the lines Set-Cookie, and Set-Cookie2 as mod_session can send it, that do not stay out of these headers. */
void sk_cookies_sift(apr_pool_t *pool, apr_table_t *headers, sk_cookies_stays *stays,
                     void *baton);

#endif
