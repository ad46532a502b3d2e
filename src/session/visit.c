/* SPDX-License-Identifier: Apache-2.0 */
#include "session/visit.h"

#include <http_config.h>
#include <http_log.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/text.h"

APLOG_USE_MODULE(auth_scalekit);

static request_rec *first_of(request_rec *r)
{
    while (r->main || r->prev) {
        r = r->main ? r->main : r->prev;
    }
    return r;
}

sk_visit *sk_visit_of(request_rec *r)
{
    sk_visit *visit = ap_get_module_config(r->request_config, &auth_scalekit_module);

    if (!visit) {
        visit = apr_pcalloc(r->pool, sizeof(*visit));
        visit->first = first_of(r);
        visit->endpoint = SK_ENDPOINT_NONE;
        ap_set_module_config(r->request_config, &auth_scalekit_module, visit);
    }
    return visit;
}

sk_visit *sk_visit_of_first(request_rec *r)
{
    return sk_visit_of(first_of(r));
}

session_rec *sk_visit_blank(request_rec *r)
{
    apr_pool_t *pool = sk_visit_first(r)->first->pool;
    session_rec *z = apr_pcalloc(pool, sizeof(*z));

    z->pool = pool;
    z->entries = apr_table_make(pool, 4);
    return z;
}

const char *sk_visit_keep(request_rec *r, const char *text)
{
    apr_pool_t *pool = sk_visit_first(r)->first->pool;

    return text && r->pool != pool ? apr_pstrdup(pool, text) : text;
}

bool sk_visit_is_upgrade(const request_rec *r)
{
    const char *protocol = apr_table_get(r->headers_in, "Upgrade");
    const char *connection = apr_table_get(r->headers_in, "Connection");

    return protocol && connection && ap_strcasestr(connection, "upgrade")
           && strncasecmp(protocol, "h2", 2) != 0 && strncasecmp(protocol, "TLS/", 4) != 0;
}

bool sk_visit_is_api(request_rec *r)
{
    sk_endpoint endpoint = sk_visit_of(r)->endpoint;

    return endpoint >= SK_ENDPOINT_SESSIONS && endpoint < SK_ENDPOINTS;
}

const char *sk_visit_reference(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);
    unsigned char random[4];

    if (!visit->reference) {
        apr_generate_random_bytes(random, sizeof(random));
        visit->reference = sk_text_hex(visit->first->pool, random, sizeof(random));
    }
    return visit->reference;
}

static void log_line(void *baton, sk_level level, const char *line)
{
    static const int levels[] = {APLOG_ERR, APLOG_WARNING, APLOG_INFO, APLOG_DEBUG};
    request_rec *r = baton;

    ap_log_rerror(APLOG_MARK, levels[level], 0, r, "%s (reference %s)", line,
                  sk_visit_reference(r));
}

sk_call sk_visit_call(request_rec *r)
{
    apr_time_t deadline = apr_time_now() + sk_settings_of(r->server)->total_timeout;
    sk_call call = {sk_visit_first(r)->first->pool, log_line, r, deadline, false, false};

    return call;
}

bool sk_visit_is_the_answer(request_rec *r)
{
    for (; r; r = r->main ? r->main : r->prev) {
        if ((r->main && sk_visit_of(r->main)->is_answering)
            || (!r->main && r->prev && r->prev->status != HTTP_OK)) {
            return false;
        }
    }
    return true;
}
