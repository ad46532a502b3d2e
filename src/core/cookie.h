/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Cookie header of a request, as text.
 */
#ifndef SK_CORE_COOKIE_H
#define SK_CORE_COOKIE_H

#include <stdbool.h>
#include <apr_pools.h>

typedef struct sk_cookie {
    const char *name;
    const char *value;
} sk_cookie;

/**
 * The next cookie of a header, by RFC 6265 section 5.4. Not separated by ',' as httpd takes them to be: then any other host of the
 * domain could set our cookies in spite of their prefix __Host-, as "a=b,__Host-session=c".
 * @return where the rest begins; NULL at the end
 */
const char *sk_cookie_next(apr_pool_t *pool, const char *header, sk_cookie *cookie);

typedef bool sk_cookie_test(const char *name, const void *baton);

/**
 * The header without the cookies for which `is_ours` says so; the others are left as they were written.
 * @return "" if nothing is left, the header itself if none was ours
 */
const char *sk_cookie_strip(apr_pool_t *pool, const char *header, sk_cookie_test *is_ours,
                            const void *baton);

#endif
