/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cookie.h"

#include <string.h>
#include <apr_lib.h>
#include <apr_strings.h>

const char *sk_cookie_next(apr_pool_t *pool, const char *header, sk_cookie *cookie)
{
    size_t length = strcspn(header, ";,");
    char *pair, *value;

    if (!*header) {
        return NULL;
    }
    pair = apr_pstrmemdup(pool, header, length);
    apr_collapse_spaces(pair, pair);
    value = strchr(pair, '=');
    if (value) {
        *value++ = '\0';
    }
    cookie->name = pair;
    cookie->value = value ? value : "";
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
    while (out > kept && (out[-1] == ';' || out[-1] == ',' || apr_isspace(out[-1]))) {
        out--;
    }
    *out = '\0';
    while (apr_isspace(*kept)) {
        kept++;
    }
    return found ? kept : all;
}
