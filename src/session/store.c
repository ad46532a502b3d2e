/* SPDX-License-Identifier: Apache-2.0 */
#include "session/store.h"

#include <dlfcn.h>
#include <http_log.h>
#include <mod_session.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_uuid.h>

#include "config/config.h"
#include "core/text.h"
#include "environment/environment.h"
#include "session/cookies.h"
#include "session/offer.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

/* The rest is for the entry's name, the expiry and a little of others. */
const size_t sk_store_entry_max = SK_CACHE_VALUE_MAX - 512;

enum { ID_TEXT = 22 /* 16 bytes in base64url */ };

bool sk_store_is_used(const request_rec *r)
{
    const sk_settings *settings = sk_settings_of(r->server);

    return settings && settings->store_cookie;
}

/* ---- ids ---- */

static const char *text_of(request_rec *r, const apr_uuid_t *id)
{
    return sk_text_base64url(r->pool, id->data, sizeof(id->data));
}

/* NULL if the text that the browser brought, which may be NULL, cannot be one. */
static apr_uuid_t *id_of(request_rec *r, const char *text)
{
    size_t length = 0;

    return text && strlen(text) == ID_TEXT ? (apr_uuid_t *)sk_text_base64url_decode(
               sk_visit_first(r)->first->pool, text, ID_TEXT, &length)
                                           : NULL;
}

static apr_uuid_t *new_id(request_rec *r)
{
    apr_uuid_t *id = apr_palloc(sk_visit_first(r)->first->pool, sizeof(*id));

    return apr_generate_random_bytes(id->data, sizeof(id->data)) == APR_SUCCESS ? id : NULL;
}

/* ---- the memory ---- */

/* What a request needs to get at it. */
typedef struct memory {
    sk_call call;
    sk_environment *environment;
    const sk_cache *cache;
} memory;

static bool reach(request_rec *r, memory *m)
{
    m->call = sk_visit_call(r);
    m->environment = sk_environment_of(r->server);
    m->cache = m->environment ? sk_environment_cache(m->environment) : NULL;
    return m->cache;
}

static const char purpose[] = "session";

/* id: as a text */
static const char *secret_of(request_rec *r, const char *id)
{
    return apr_pstrcat(r->pool, id, " ", sk_settings_of(r->server)->session_scope, NULL);
}

static bool name_of(request_rec *r, const memory *m, const apr_uuid_t *id, sk_cache_key *key)
{
    return sk_cache_name(m->cache, purpose, secret_of(r, text_of(r, id)), key);
}

static const char *fetch(request_rec *r, const char *id)
{
    memory m;
    size_t length;

    return reach(r, &m) ? (const char *)sk_cache_find(&m.call, m.cache, apr_time_now(), purpose,
                                                      secret_of(r, id), &length)
                        : NULL;
}

/* A session that nobody uses any more makes room; use is written down long before. */
static apr_time_t life_of(const sk_settings *settings)
{
    return settings->session_idle_timeout > 0
                   && settings->session_idle_timeout < settings->session_max_age
               ? settings->session_idle_timeout
               : settings->session_max_age;
}

static bool keep(request_rec *r, const apr_uuid_t *id, const char *text)
{
    memory m;
    sk_cache_key key;
    bool is_kept = reach(r, &m) && name_of(r, &m, id, &key)
                   && sk_cache_keep(&m.call, m.cache, apr_time_now(), &key, text, strlen(text),
                                    life_of(sk_settings_of(r->server)))
                          == SK_OUTCOME_YES;

    if (m.environment && sk_environment_begins_to_lose(m.environment)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, r,
            "the shared memory is full: the sessions that were written longest ago make "
            "room, and their users have to log in again. Make ScalekitSharedMemory larger "
            "and restart httpd (this is said once)");
    }
    return is_kept;
}

static void forget(request_rec *r, const apr_uuid_t *id)
{
    memory m;
    sk_cache_key key;

    if (reach(r, &m) && name_of(r, &m, id, &key)) {
        sk_cache_delete(&m.call, m.cache, apr_time_now(), &key);
    }
}

/* ---- the provider ---- */

static apr_status_t load(request_rec *r, session_rec **z)
{
    session_rec *loaded;
    const char *brought;
    apr_uuid_t *id;

    if (!sk_store_is_used(r)) {
        return DECLINED;
    }
    loaded = sk_visit_blank(r);
    brought = sk_offer_value(r, sk_settings_of(r->server)->store_cookie);
    id = id_of(r, brought);
    loaded->encoded = id ? fetch(r, brought) : NULL;
    /* An id that nobody knows is not adopted: who sent it may have made the visitor bring it. */
    loaded->uuid = loaded->encoded ? id : NULL;
    *z = loaded;
    return OK;
}

/* Nothing but mod_session's own entry: with SessionMaxAge every answer to a stranger would be a session. */
static bool is_empty(const session_rec *z)
{
    int its_own = apr_table_get(z->entries, "expiry") ? 1 : 0;

    return !z->encoded || apr_table_elts(z->entries)->nelts == its_own;
}

static void send_cookie(request_rec *r, const char *value, long max_age)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const char *life = max_age >= 0 ? apr_psprintf(r->pool, ";Max-Age=%ld", max_age) : "";

    sk_cookies_replace(
        r, settings->store_cookie,
        apr_pstrcat(r->pool, value, ";", settings->store_cookie_attributes, life, NULL));
}

static apr_status_t remove_session(request_rec *r, session_rec *z)
{
    if (z->uuid) {
        forget(r, z->uuid);
        send_cookie(r, "", 0);
        z->uuid = NULL;
    }
    return OK;
}

static apr_status_t save(request_rec *r, session_rec *z)
{
    apr_uuid_t *old = z->uuid;

    if (!sk_store_is_used(r)) {
        return DECLINED;
    }
    if (is_empty(z)) {
        return remove_session(r, z);
    }
    if ((z->dirty || !old) && !(z->uuid = new_id(r))) {
        return APR_EGENERAL;
    }
    if (!keep(r, z->uuid, z->encoded)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "the session cannot be kept in the shared memory (reference %s)",
                      sk_visit_reference(r));
        return APR_EGENERAL;
    }
    if (old && old != z->uuid) {
        forget(r, old);
    }
    if (old != z->uuid || z->maxage) {
        send_cookie(r, text_of(r, z->uuid), z->maxage ? z->maxage : -1);
    }
    return OK;
}

void sk_store_hook(void)
{
    typedef void hook_load(apr_status_t(*)(request_rec *, session_rec **), const char *const *,
                           const char *const *, int);
    typedef void hook_save(apr_status_t(*)(request_rec *, session_rec *), const char *const *,
                           const char *const *, int);
    static const char *const others[] = {"mod_session_cookie.c", "mod_session_dbd.c", NULL};
    hook_load *load_hook = (hook_load *)dlsym(RTLD_DEFAULT, "ap_hook_session_load");
    hook_save *save_hook = (hook_save *)dlsym(RTLD_DEFAULT, "ap_hook_session_save");

    if (load_hook && save_hook) {
        load_hook(load, NULL, others, APR_HOOK_FIRST);
        save_hook(save, NULL, others, APR_HOOK_FIRST);
    }
}
