/* SPDX-License-Identifier: Apache-2.0 */
#include "session/sent.h"

#include <stdbool.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_uuid.h>

#include "session/cookies.h"
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

/* The text or id that a cookie of the session holds, and what such cookies become; NULL: they go. */
typedef struct sought {
    apr_pool_t *pool;
    const char *text, *id;
    const char *(*become)(apr_pool_t *pool, const char *line);
} sought;

static bool is_sought(const sought *s, const char *line)
{
    return carries(line, s->text) || carries(line, s->id);
}

static const char *change_sought(void *baton, const char *line)
{
    const sought *s = baton;

    if (!is_sought(s, line)) {
        return line;
    }
    return s->become ? s->become(s->pool, line) : NULL;
}

static sought cookies_of(request_rec *r, const session_rec *z)
{
    sought s = {r->pool, sk_visit_first(r)->saved, id_of(r->pool, z), NULL};

    return s;
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
    sought s = cookies_of(r, z);

    sk_cookies_change(r->pool, r->err_headers_out, change_sought, &s);
    sk_cookies_change(r->pool, r->headers_out, change_sought, &s);
}

void sk_sent_once(request_rec *r, const session_rec *z)
{
    sought s = cookies_of(r, z);

    sk_cookies_change(r->pool, r->headers_out, change_sought, &s);
}

void sk_sent_drop(request_rec *r, const session_rec *z)
{
    sought s = cookies_of(r, z);

    s.become = dropping;
    sk_cookies_change(r->pool, r->err_headers_out, change_sought, &s);
}

bool sk_sent_is(request_rec *r, const session_rec *z, const char *line)
{
    sought s = cookies_of(r, z);

    return is_sought(&s, line);
}
