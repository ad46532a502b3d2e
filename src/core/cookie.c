/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cookie.h"

#include <string.h>
#include <apr_strings.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/*
 * No white space within, or "ses sion" would be somebody's way to our names. What nothing follows stays where it is in the header: mostly
 * a session, which is long.
 */
static const char *text_of(apr_pool_t *pool, const char *begin, const char *end)
{
    while (begin < end && is_space(*begin)) {
        begin++;
    }
    while (end > begin && is_space(end[-1])) {
        end--;
    }
    return *end ? apr_pstrmemdup(pool, begin, (apr_size_t)(end - begin)) : begin;
}

enum { LONG = 8192 };

/*
 * How many there may be. An array that grows takes twice the room: of a header that httpd accepts that is little, but one that it refuses
 * may have 800 KB of them.
 */
static int expected(const char *header, size_t length)
{
    int semicolons = 0;

    if (length <= LONG) {
        return 4;
    }
    while ((header = strchr(header, ';'))) {
        header++;
        semicolons++;
    }
    return semicolons + 1;
}

const apr_array_header_t *sk_cookie_parse(apr_pool_t *pool, const char *header)
{
    size_t length = strlen(header);
    apr_array_header_t *cookies =
        apr_array_make(pool, expected(header, length), sizeof(sk_cookie));
    const char *pair = header, *end = header + length, *next;

    for (; pair < end; pair = next + 1) {
        sk_cookie *cookie = apr_array_push(cookies);
        const char *equals;
        next = memchr(pair, ';', (size_t)(end - pair));
        next = next ? next : end;
        equals = memchr(pair, '=', (size_t)(next - pair));
        cookie->written = pair;
        cookie->length = (size_t)((next < end ? next + 1 : end) - pair);
        cookie->name = text_of(pool, pair, equals ? equals : next);
        cookie->value = equals ? text_of(pool, equals + 1, next) : "";
    }
    return cookies;
}

const char *sk_cookie_find(const apr_array_header_t *cookies, const char *name)
{
    int i;

    for (i = 0; i < cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        if (strcmp(cookie->name, name) == 0) {
            return cookie->value;
        }
    }
    return NULL;
}

const char *sk_cookie_strip(apr_pool_t *pool, const char *header,
                            const apr_array_header_t *cookies, sk_cookie_test *is_ours,
                            const void *baton)
{
    char *kept = NULL, *end = NULL;
    int i;

    for (i = 0; i < cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        size_t before = (size_t)(cookie->written - header);
        bool is_one = is_ours(cookie->name, baton);
        if (is_one && !kept) {
            const sk_cookie *last = &APR_ARRAY_IDX(cookies, cookies->nelts - 1, sk_cookie);
            size_t length = (size_t)(last->written - header) + last->length;
            kept = apr_palloc(pool, length - cookie->length + 1);
            end = kept + before;
            memcpy(kept, header, before);
        }
        else if (!is_one && kept) {
            memcpy(end, cookie->written, cookie->length);
            end += cookie->length;
        }
    }
    if (!kept) {
        return header;
    }
    while (end > kept && (end[-1] == ';' || is_space(end[-1]))) {
        end--;
    }
    *end = '\0';
    while (is_space(*kept)) {
        kept++;
    }
    return kept;
}
