/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cookie.h"

#include <string.h>
#include <apr_strings.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* No white space within, or "ses sion" would be somebody's way to our names. */
static char *trim(char *text)
{
    char *end;

    while (is_space(*text)) {
        text++;
    }
    for (end = text + strlen(text); end > text && is_space(end[-1]); end--) {
    }
    *end = '\0';
    return text;
}

const char *sk_cookie_next(apr_pool_t *pool, const char *header, sk_cookie *cookie)
{
    const char *end = strchr(header, ';'); /* not strcspn(), which is ten times slower */
    size_t length = end ? (size_t)(end - header) : strlen(header);
    char *pair, *value;

    if (!*header) {
        return NULL;
    }
    pair = apr_pstrmemdup(pool, header, length);
    value = strchr(pair, '=');
    if (value) {
        *value++ = '\0';
    }
    cookie->name = trim(pair);
    cookie->value = value ? trim(value) : "";
    return header + length + (header[length] ? 1 : 0);
}

const char *sk_cookie_strip(apr_pool_t *pool, const char *header, sk_cookie_test *is_ours,
                            const void *baton)
{
    const char *all = header, *rest;
    char *kept, *out;
    bool found = false;
    sk_cookie cookie;

    kept = out = apr_palloc(pool, strlen(header) + 1);
    for (; (rest = sk_cookie_next(pool, header, &cookie)); header = rest) {
        if (is_ours(cookie.name, baton)) {
            found = true;
        }
        else {
            memcpy(out, header, (size_t)(rest - header));
            out += rest - header;
        }
    }
    while (out > kept && (out[-1] == ';' || is_space(out[-1]))) {
        out--;
    }
    *out = '\0';
    while (is_space(*kept)) {
        kept++;
    }
    return found ? kept : all;
}
