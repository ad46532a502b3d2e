/* SPDX-License-Identifier: Apache-2.0 */
#include "session/sent.h"

#include <stdbool.h>
#include <string.h>
#include <http_config.h>
#include <http_log.h>
#include <util_cookies.h>
#include <apr_strings.h>
#include <apr_uuid.h>

#include "config/config.h"
#include "core/text.h"
#include "session/cookies.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

/* equals: of a line, from the '=' on */
static bool is_value(const char *equals, const char *value)
{
    size_t length = strlen(value);

    return *equals == '=' && strncmp(equals + 1, value, length) == 0
           && (!equals[1 + length] || equals[1 + length] == ';');
}

static bool carries(const char *line, const char *value)
{
    return value && *value && is_value(line + strcspn(line, "="), value);
}

/* What a line may hold of a session: itself, or its id as mod_session_dbd or as our store writes it. */
typedef struct traces {
    const char *text, *id, *our_id;
    bool by_name; /* or the line has the name of a session's cookie */
} traces;

static traces traces_of(apr_pool_t *pool, const session_rec *z)
{
    traces t = {z->encoded, NULL, NULL, false};

    if (z->uuid) {
        char *id = apr_palloc(pool, APR_UUID_FORMATTED_LENGTH + 1);
        apr_uuid_format(id, z->uuid);
        t.id = id;
        t.our_id = sk_text_base64url(pool, z->uuid->data, sizeof(z->uuid->data));
    }
    return t;
}

static bool is_of(request_rec *r, const char *line, const traces *t)
{
    return carries(line, t->text) || carries(line, t->id) || carries(line, t->our_id)
           || (t->by_name && sk_cookies_is_session(r, line, strcspn(line, "=")));
}

/* ---- attributes ---- */

/* Of name=value;Max-Age=1;attributes, or without Max-Age, which mod_session writes. */
const char *sk_sent_attributes(const char *line)
{
    const char *attributes = line + strcspn(line, ";");

    if (strncmp(attributes, ";Max-Age=", 9) == 0) {
        attributes++;
        attributes += strcspn(attributes, ";");
    }
    return *attributes ? attributes + 1 : attributes;
}

static bool is_name_of(const char *line, const char *name)
{
    size_t length = strlen(name);

    return strncmp(line, name, length) == 0 && line[length] == '=';
}

/* With the attributes of the server's configuration: .htaccess may name others. NULL: it does not know the cookie. */
static const char *as_configured(request_rec *r, const char *line)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const char *written = sk_sent_attributes(line), *wanted = NULL;
    int i;

    for (i = 0; i < settings->session_cookies->nelts; i++) {
        const sk_session_cookie *cookie =
            &APR_ARRAY_IDX(settings->session_cookies, i, sk_session_cookie);
        const char *attributes = *cookie->attributes ? cookie->attributes : DEFAULT_ATTRS;
        if (!is_name_of(line, cookie->name)) {
            continue;
        }
        if (strncmp(written, attributes, strlen(attributes)) == 0) {
            return line;
        }
        wanted = wanted ? wanted : attributes;
    }
    return wanted ? apr_pstrcat(r->pool,
                                apr_pstrmemdup(r->pool, line, (apr_size_t)(written - line)),
                                wanted, NULL)
                  : NULL;
}

/* ---- withheld ---- */

static void keep(request_rec *r, const apr_table_entry_t *header)
{
    const char *line = as_configured(r, header->val);

    if (line) {
        apr_table_add(sk_cookies_outgoing(r), header->key, line);
        return;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, r,
        "the session is not sent as the cookie %s, which the server's configuration does not "
        "name: take SessionCookieName out of the .htaccess file (reference %s)",
        sk_text_printable(r->pool,
                          apr_pstrmemdup(r->pool, header->val, strcspn(header->val, "=")), 64),
        sk_visit_reference(r));
}

typedef void on_cookie(request_rec *r, const apr_table_entry_t *header);

typedef struct taking {
    request_rec *r;
    const traces *traces;
    on_cookie *action;
} taking;

static bool is_not_taken(void *baton, const apr_table_entry_t *line)
{
    const taking *t = baton;

    if (!is_of(t->r, line->val, t->traces)) {
        return true;
    }
    if (t->action) {
        t->action(t->r, line);
    }
    return false;
}

/* Takes the session's lines out of a table and does something with each. */
static void take(request_rec *r, apr_table_t *table, const traces *t, on_cookie *action)
{
    taking taken = {r, t, action};

    sk_cookies_sift(r->pool, table, is_not_taken, &taken);
}

static bool is_session(const char *name, const void *r)
{
    return sk_cookies_is_session(r, name, strlen(name));
}

void sk_sent_prepare(request_rec *r)
{
    sk_cookies_take_out(r, is_session);
}

void sk_sent_withhold(request_rec *r, const session_rec *z)
{
    traces t = traces_of(r->pool, z);

    t.by_name = true;
    take(r, r->err_headers_out, &t, keep);
    take(r, r->headers_out, &t, NULL);
}

/* ---- what was withheld ---- */

size_t sk_sent_size(request_rec *r, const session_rec *z)
{
    const apr_array_header_t *headers = apr_table_elts(sk_cookies_outgoing(r));
    int i;

    for (i = 0; i < headers->nelts; i++) {
        const char *line = APR_ARRAY_IDX(headers, i, apr_table_entry_t).val;
        if (carries(line, z->encoded)) {
            return (size_t)(strchr(line, '=') - line) + 1 + strlen(z->encoded);
        }
    }
    return 0;
}

const char *sk_sent_line(request_rec *r, const session_rec *z)
{
    const apr_array_header_t *headers = apr_table_elts(sk_cookies_outgoing(r));
    const char *value = z->encoded ? z->encoded : "";
    int i;

    for (i = 0; i < headers->nelts; i++) {
        const apr_table_entry_t *header = &APR_ARRAY_IDX(headers, i, apr_table_entry_t);
        size_t name = strcspn(header->val, "=");
        if (strcasecmp(header->key, SET_COOKIE) == 0
            && sk_cookies_is_session(r, header->val, name)
            && is_value(header->val + name, value)) {
            return header->val;
        }
    }
    return NULL;
}

void sk_sent_take_back(request_rec *r, const session_rec *z)
{
    traces t = traces_of(r->pool, z);

    t.text = sk_visit_first(r)->saved;
    take(r, sk_cookies_outgoing(r), &t, NULL);
}

/* The same cookie, for the browser to drop. */
static void drop(request_rec *r, const apr_table_entry_t *header)
{
    const char *line = header->val;
    const char *name = apr_pstrmemdup(r->pool, line, strcspn(line, "="));

    apr_table_add(sk_cookies_outgoing(r), header->key,
                  apr_pstrcat(r->pool, name, "=;Max-Age=0;", sk_sent_attributes(line), NULL));
}

void sk_sent_drop(request_rec *r, const session_rec *z)
{
    traces t = traces_of(r->pool, z);

    take(r, sk_cookies_outgoing(r), &t, drop);
}
