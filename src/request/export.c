/* SPDX-License-Identifier: Apache-2.0 */
#include "request/export.h"

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/text.h"
#include "request/authn.h"
#include "session/visit.h"

static ap_filter_rec_t *trailers_filter;

/* ---- what must not come in ---- */

/* Applications see X-Scalekit-Sub, x_scalekit_sub and X.Scalekit.Sub as one: HTTP_X_SCALEKIT_SUB. */
static bool looks_like(const char *header, const char *prefix)
{
    if ((*header ^ *prefix) & 0x1f) {
        return false; /* as mostly: other letters */
    }
    for (; *prefix; prefix++, header++) {
        if (apr_isalnum(*prefix) ? apr_tolower(*header) != apr_tolower(*prefix)
                                 : !*header || apr_isalnum(*header)) {
            return false;
        }
    }
    return true;
}

static bool is_look_alike(const char *header, const apr_array_header_t *prefixes)
{
    int i;

    for (i = 0; i < prefixes->nelts; i++) {
        if (looks_like(header, APR_ARRAY_IDX(prefixes, i, const char *))) {
            return true;
        }
    }
    return false;
}

/*
 * What the header Connection names mod_proxy drops: ours, the access token, X-Forwarded-For, what mod_headers has added. A visitor
 * must not choose what the application is told, so only words that speak of the connection itself stay.
 */
static void scrub_connection(request_rec *r)
{
    static const char *const words[] = {"close",          "keep-alive", "upgrade",
                                        "http2-settings", "te",         NULL};
    const char *list = apr_table_get(r->headers_in, "Connection"), *kept = NULL;
    const char *const *word;

    if (!list) {
        return;
    }
    for (word = words; *word; word++) {
        if (strcasecmp(list, *word) == 0) {
            return; /* as mostly */
        }
    }
    for (word = words; *word; word++) {
        if (ap_find_token(r->pool, list, *word)) {
            kept = kept ? apr_pstrcat(r->pool, kept, ", ", *word, NULL) : *word;
        }
    }
    if (kept) {
        apr_table_setn(r->headers_in, "Connection", kept);
    }
    else {
        apr_table_unset(r->headers_in, "Connection");
    }
}

/* On every request, whether it will be authenticated or not: an application may look at these headers anywhere. */
static int scrub(request_rec *r)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    apr_array_header_t *names = NULL;
    int i;

    if (!settings) {
        return DECLINED;
    }
    for (i = 0; i < headers->nelts; i++) {
        const char *name = APR_ARRAY_IDX(headers, i, apr_table_entry_t).key;
        if (is_look_alike(name, settings->header_prefixes)) {
            names = names ? names : apr_array_make(r->pool, 2, sizeof(char *));
            APR_ARRAY_PUSH(names, const char *) = name;
        }
    }
    for (i = 0; names && i < names->nelts; i++) {
        apr_table_unset(r->headers_in, APR_ARRAY_IDX(names, i, const char *));
    }
    return DECLINED;
}

static int post_read_request(request_rec *r)
{
    if (sk_settings_of(r->server)) {
        scrub_connection(r);
    }
    return scrub(r);
}

/* ---- what is ours ---- */

typedef bool is_one(const char *name, request_rec *r);

static bool is_our_variable(const char *name, request_rec *r)
{
    (void)r;
    if (strncasecmp(name, "SCALEKIT_", strlen("SCALEKIT_")) != 0) {
        return false;
    }
    name += strlen("SCALEKIT_");
#define SK_TEXT(field, variable, header)                                                       \
    if (strcasecmp(name, variable) == 0) {                                                     \
        return true;                                                                           \
    }
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    return strcasecmp(name, "EMAIL_VERIFIED") == 0 || strcasecmp(name, "EXPIRES_AT") == 0
           || strncasecmp(name, "CLAIM_", strlen("CLAIM_")) == 0;
}

static bool is_our_header(const char *name, request_rec *r)
{
    return strcasecmp(name, "Authorization") == 0
           || is_look_alike(name, sk_settings_of(r->server)->header_prefixes);
}

static apr_array_header_t *copies(apr_pool_t *pool, const apr_table_t *table, is_one *is_ours,
                                  request_rec *r)
{
    const apr_array_header_t *all = apr_table_elts(table);
    apr_array_header_t *ours = apr_array_make(pool, 16, sizeof(apr_table_entry_t));
    int i;

    for (i = 0; i < all->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(all, i, apr_table_entry_t);
        if (is_ours(entry->key, r)) {
            apr_table_entry_t *copy = apr_array_push(ours);
            copy->key = apr_pstrdup(pool, entry->key);
            copy->val = apr_pstrdup(pool, entry->val);
        }
    }
    return ours;
}

static void replace(apr_table_t *table, const apr_array_header_t *old,
                    const apr_array_header_t *by)
{
    int i;

    for (i = 0; i < old->nelts; i++) {
        apr_table_unset(table, APR_ARRAY_IDX(old, i, apr_table_entry_t).key);
    }
    for (i = 0; by && i < by->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(by, i, apr_table_entry_t);
        apr_table_addn(table, entry->key, entry->val);
    }
}

/* ---- what the application finds ---- */

typedef void set_value(apr_table_t *table, const char *name, const char *value);

typedef struct exporter {
    request_rec *r;
    int to;
    const char *prefix; /* NULL: the usual one */
    set_value *set_variable, *set_header;
} exporter;

/* apr_table_setn() compares a name with all that begin alike, as ours do. It need not where there is none before ours. */
static set_value *setter_for(const apr_table_t *table, const char *prefix)
{
    const apr_array_header_t *entries = apr_table_elts(table);
    size_t length = strlen(prefix);
    int i;

    for (i = 0; i < entries->nelts; i++) {
        if (strncasecmp(APR_ARRAY_IDX(entries, i, apr_table_entry_t).key, prefix, length)
            == 0) {
            return apr_table_setn;
        }
    }
    return apr_table_addn;
}

static const char *with_only(char *name, char other)
{
    char *c;

    for (c = name; *c; c++) {
        if (!apr_isalnum(*c)) {
            *c = other;
        }
    }
    return name;
}

/* A usual name with the prefix that was chosen in place of the usual one. */
static const char *header_name(const exporter *e, const char *usual)
{
    return e->prefix
               ? apr_pstrcat(e->r->pool, e->prefix, usual + strlen(SK_HEADER_PREFIX), NULL)
               : usual;
}

static void export_value(const exporter *e, const char *variable, const char *header,
                         const char *value)
{
    if (!value || !*value) {
        return;
    }
    if (e->to & SK_EXPORT_ENV) {
        e->set_variable(e->r->subprocess_env, variable, value);
    }
    if (e->to & SK_EXPORT_HEADERS) {
        e->set_header(e->r->headers_in, header_name(e, header), value);
    }
}

/* Names of further claims are made, and two claims may get the same one: the last counts. */
static void export_extra(exporter e, const sk_extra *extra)
{
    apr_pool_t *pool = e.r->pool;

    e.set_variable = e.set_header = apr_table_setn;
    export_value(
        &e, with_only(apr_pstrcat(pool, "SCALEKIT_CLAIM_", extra->name, NULL), '_'),
        with_only(apr_pstrcat(pool, SK_HEADER_PREFIX "CLAIM-", extra->name, NULL), '-'),
        extra->value);
}

static void export_identity(const exporter *e, const sk_identity *identity)
{
    int i;

#define SK_TEXT(field, variable, header)                                                       \
    export_value(e, "SCALEKIT_" variable, SK_HEADER_PREFIX header, identity->field);
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    export_value(e, "SCALEKIT_EMAIL_VERIFIED", SK_HEADER_PREFIX "Email-Verified",
                 sk_claims_verified(identity));
    for (i = 0; i < identity->extras_count; i++) {
        export_extra(*e, &identity->extras[i]);
    }
}

/* The client's own Authorization does not get through where the application is told to expect ours. */
static void pass_access_token(request_rec *r, const sk_record *record)
{
    const char *token = NULL;

    if (record && apr_time_sec(r->request_time) < record->access_expiry) {
        token = sk_token_text(r->pool, &record->access_token);
    }
    if (token) {
        token = apr_pstrcat(sk_visit_first(r)->first->pool, "Bearer ", token, NULL);
        sk_visit_first(r)->passed_token = token;
        apr_table_setn(r->headers_in, "Authorization", token);
    }
    else {
        apr_table_unset(r->headers_in, "Authorization");
    }
}

static void export_record(request_rec *r, const sk_record *record)
{
    const sk_policy *policy = sk_policy_of(r);
    const char *prefix = policy->header_prefix;
    exporter e = {r, policy->export_to, strcmp(prefix, SK_HEADER_PREFIX) == 0 ? NULL : prefix,
                  NULL, NULL};

    if (e.to != SK_EXPORT_NONE) {
        e.set_variable =
            e.to & SK_EXPORT_ENV ? setter_for(r->subprocess_env, "SCALEKIT_") : NULL;
        e.set_header = e.to & SK_EXPORT_HEADERS ? setter_for(r->headers_in, prefix) : NULL;
        export_identity(&e, &record->identity);
        export_value(&e, "SCALEKIT_EXPIRES_AT", SK_HEADER_PREFIX "Expires-At",
                     apr_off_t_toa(r->pool, (apr_off_t)record->access_expiry));
    }
}

/* With SessionEnv mod_session shows the whole session, which is as good as the cookie elsewhere on the site. */
static int hide_session(request_rec *r)
{
    const char *session = apr_table_get(r->subprocess_env, "HTTP_SESSION");

    if (sk_settings_of(r->server) && session && strstr(session, "scalekit=")) {
        apr_table_unset(r->subprocess_env, "HTTP_SESSION");
    }
    return DECLINED;
}

/* Subrequests and internal redirects inherit the headers and variables that were made for another location. */
static void take_back(request_rec *r)
{
    const char *passed = sk_visit_first(r)->passed_token;
    const char *authorization = apr_table_get(r->headers_in, "Authorization");

    scrub(r);
    replace(r->subprocess_env, copies(r->pool, r->subprocess_env, is_our_variable, r), NULL);
    if (sk_text_equal(passed, authorization)) {
        apr_table_unset(r->headers_in, "Authorization");
    }
}

static bool is_for_others(request_rec *r)
{
    return sk_settings_of(r->server) && sk_visit_of(r)->endpoint == SK_ENDPOINT_NONE;
}

static void tell(request_rec *r)
{
    const sk_record *record = sk_authn_record(r);

    if (record) {
        export_record(r, record);
    }
    if (sk_policy_of(r)->pass_access_token && sk_authn_is_ours(r)) {
        pass_access_token(r, record);
    }
}

/* Before mod_headers and mod_rewrite, which may want to use the variables. */
static int fixups_first(request_rec *r)
{
    if (!is_for_others(r)) {
        return DECLINED;
    }
    if (r->main || r->prev) {
        take_back(r);
    }
    tell(r);
    sk_visit_of(r)->told_for = r->per_dir_config;
    return DECLINED;
}

/* ---- where mod_dir leads to ---- */

/*
 * What a DirectoryIndex or FallbackResource leads to mod_dir tries in a subrequest, and puts it into the request itself, whose fixups
 * have run, with the headers that this had for the directory: it takes over what the subrequest was told.
 */
static void take_over(request_rec *r, sk_visit *visit)
{
    replace(r->subprocess_env, copies(r->pool, r->subprocess_env, is_our_variable, r),
            visit->index_variables);
    replace(r->headers_in, copies(r->pool, r->headers_in, is_our_header, r),
            visit->index_headers);
    visit->told_for = r->per_dir_config;
}

static bool was_led_on(const request_rec *r, const sk_visit *visit)
{
    return visit->told_for && visit->told_for != r->per_dir_config;
}

/* After mod_headers. */
static int fixups_last(request_rec *r)
{
    sk_visit *visit, *outer;

    if (!r->main || !is_for_others(r)) {
        return DECLINED;
    }
    visit = sk_visit_of(r);
    if (was_led_on(r, visit)) {
        take_over(r, visit);
    }
    outer = sk_visit_of(r->main);
    if (outer->told_for) {
        apr_pool_t *pool = r->main->pool;
        outer->index_variables = copies(pool, r->subprocess_env, is_our_variable, r);
        outer->index_headers = copies(pool, r->headers_in, is_our_header, r);
    }
    return DECLINED;
}

/* Before the handler, from which on subrequests are pages in this one. */
static void tell_index(request_rec *r)
{
    sk_visit *visit = is_for_others(r) ? sk_visit_of(r) : NULL;

    if (!visit) {
        return;
    }
    if (was_led_on(r, visit)) {
        take_over(r, visit);
        sk_authn_name_user(r);
    }
    visit->told_for = NULL;
}

/* ---- trailers ---- */

/*
 * With MergeTrailers httpd adds what stands behind a body to the headers of the request, ours among them: it makes a new table of both,
 * with whatever piece of the body it is.
 */
static apr_status_t scrub_trailers(ap_filter_t *f, apr_bucket_brigade *brigade,
                                   ap_input_mode_t mode, apr_read_type_e block, apr_off_t size)
{
    const apr_table_t *before = f->r->headers_in;
    apr_status_t rv = ap_get_brigade(f->next, brigade, mode, block, size);

    if (f->r->headers_in != before) {
        scrub(f->r);
        tell(f->r);
    }
    return rv;
}

static void insert_trailers_filter(request_rec *r)
{
    const core_server_config *core = ap_get_core_module_config(r->server->module_config);

    if (!r->main && is_for_others(r) && core->merge_trailers == AP_MERGE_TRAILERS_ENABLE) {
        ap_add_input_filter_handle(trailers_filter, NULL, r, r->connection);
    }
}

void sk_export_hook(apr_pool_t *pool)
{
    static const char *const mod_session[] = {"mod_session.c", NULL};
    /* They make redirects and headers of variables. */
    static const char *const readers[] = {"mod_alias.c", "mod_env.c", "mod_headers.c",
                                          "mod_lua.c", NULL};

    (void)pool;
    trailers_filter = ap_register_input_filter("scalekit-trailers", scrub_trailers, NULL,
                                               AP_FTYPE_CONTENT_SET);
    ap_hook_insert_filter(tell_index, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(insert_trailers_filter, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups_first, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(fixups_last, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_fixups(hide_session, mod_session, readers, APR_HOOK_MIDDLE);
}
