/* SPDX-License-Identifier: Apache-2.0 */
#include "session/sent.h"

#include <stdbool.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_uuid.h>

#include "session/visit.h"

static bool is_set_cookie(const apr_table_entry_t *header)
{
    return header->key && strcasecmp(header->key, "Set-Cookie") == 0;
}

static bool carries(const char *line, const char *value)
{
    const char *sent = strchr(line, '=');

    return value && *value && sent && strncmp(sent + 1, value, strlen(value)) == 0;
}

static const char *id_of(apr_pool_t *pool, const session_rec *z)
{
    char *id = NULL;

    if (z->uuid) {
        id = apr_palloc(pool, APR_UUID_FORMATTED_LENGTH + 1);
        apr_uuid_format(id, z->uuid);
    }
    return id;
}

/* The same cookie, for the browser to drop. mod_session writes name=value;Max-Age=1;attributes or without Max-Age. */
static const char *dropping(apr_pool_t *pool, const char *line)
{
    const char *name = apr_pstrndup(pool, line, (apr_size_t)(strchr(line, '=') - line));
    const char *attributes = line + strcspn(line, ";");

    if (strncmp(attributes, ";Max-Age=", 9) == 0) {
        attributes++;
        attributes += strcspn(attributes, ";");
    }
    return apr_pstrcat(pool, name, "=;Max-Age=0", attributes, NULL);
}

typedef const char *on_cookie(apr_pool_t *pool, const char *line);

/* Does it to the session's Set-Cookie lines; NULL removes them. */
static void change_cookies(request_rec *r, apr_table_t *table, const session_rec *z,
                           on_cookie *change)
{
    const apr_array_header_t *headers = apr_table_elts(table);
    apr_array_header_t *kept = apr_array_make(r->pool, 4, sizeof(char *));
    const char *id = id_of(r->pool, z);
    int i;

    for (i = 0; i < headers->nelts; i++) {
        const apr_table_entry_t *header = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);
        const char *line = header->val;
        if (!is_set_cookie(header)) {
            continue;
        }
        if (carries(line, sk_visit_first(r)->saved) || carries(line, id)) {
            line = change ? change(r->pool, line) : NULL;
        }
        if (line) {
            APR_ARRAY_PUSH(kept, const char *) = line;
        }
    }
    apr_table_unset(table, "Set-Cookie");
    for (i = 0; i < kept->nelts; i++) {
        apr_table_addn(table, "Set-Cookie", APR_ARRAY_IDX(kept, i, const char *));
    }
}

size_t sk_sent_size(request_rec *r, const session_rec *z)
{
    const apr_array_header_t *headers = apr_table_elts(r->err_headers_out);
    int i;

    for (i = 0; i < headers->nelts; i++) {
        const apr_table_entry_t *header = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);
        if (is_set_cookie(header) && carries(header->val, z->encoded)) {
            return (size_t)(strchr(header->val, '=') - header->val) + 1 + strlen(z->encoded);
        }
    }
    return 0;
}

void sk_sent_take_back(request_rec *r, const session_rec *z)
{
    change_cookies(r, r->err_headers_out, z, NULL);
    change_cookies(r, r->headers_out, z, NULL);
}

void sk_sent_once(request_rec *r, const session_rec *z)
{
    change_cookies(r, r->headers_out, z, NULL);
}

void sk_sent_drop(request_rec *r, const session_rec *z)
{
    change_cookies(r, r->err_headers_out, z, dropping);
}
