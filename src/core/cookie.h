/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Cookie header of a request, as text.
 */
#ifndef SK_CORE_COOKIE_H
#define SK_CORE_COOKIE_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>

typedef struct sk_cookie {
    const char *name;
    const char *value;
    const char *written; /* where it begins in the header, */
    size_t length;       /* and how long it is there, with the ';' behind it */
} sk_cookie;

/**
 * The cookies (sk_cookie) of a header in their order, by RFC 6265 section 5.4. Not separated by ',' as httpd takes them to be: then any
 * other host of the domain could set our cookies in spite of their prefix __Host-, as "a=b,__Host-session=c".
 * @param header has to stay: names and values may be parts of it
 */
const apr_array_header_t *sk_cookie_parse(apr_pool_t *pool, const char *header);

/** The value of the first cookie of that name; NULL if there is none. */
const char *sk_cookie_find(const apr_array_header_t *cookies, const char *name);

typedef bool sk_cookie_test(const char *name, const void *baton);

/**
 * The header without those of its cookies for which `is_ours` says so; the others are left as they were written.
 * @param cookies what sk_cookie_parse() made of it
 * @return "" if nothing is left, the header itself if none was ours
 */
const char *sk_cookie_strip(apr_pool_t *pool, const char *header,
                            const apr_array_header_t *cookies, sk_cookie_test *is_ours,
                            const void *baton);

#endif
