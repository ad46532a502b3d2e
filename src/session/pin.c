/* SPDX-License-Identifier: Apache-2.0 */
#include "session/pin.h"

#include <dlfcn.h>
#include <http_config.h>
#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/text.h"
#include "session/cookies.h"
#include "session/hint.h"
#include "session/offer.h"
#include "session/sent.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

static const char entry_key[] = "scalekit";

/* mod_session's own. */
static const char expiry_key[] = "expiry";

/* What mod_session exports; all NULL while it is not loaded. */
static struct {
    APR_OPTIONAL_FN_TYPE(ap_session_load) * load;
    APR_OPTIONAL_FN_TYPE(ap_session_get) * get;
    APR_OPTIONAL_FN_TYPE(ap_session_set) * set;
    APR_OPTIONAL_FN_TYPE(ap_session_save) * save;
    apr_status_t (*run_load)(request_rec *, session_rec **);
    apr_status_t (*run_decode)(request_rec *, session_rec *);
    apr_status_t (*run_save)(request_rec *, session_rec *);
    const module *namespaces[SK_NAMESPACES];
    sk_pin_judge *judge;
    sk_pin_reviser *revise;
    sk_memo *memo; /* of this process; NULL: it has none */
} mod_session;

void sk_pin_begin_child(sk_memo *memo)
{
    mod_session.memo = memo;
}

void sk_pin_set_judge(sk_pin_judge *judge)
{
    mod_session.judge = judge;
}

void sk_pin_set_reviser(sk_pin_reviser *revise)
{
    mod_session.revise = revise;
}

/* ---- which session is meant here ---- */

static void namespace_of(const request_rec *r, const void *namespaces[SK_NAMESPACES])
{
    int i;

    for (i = 0; i < SK_NAMESPACES; i++) {
        const module *m = mod_session.namespaces[i];
        namespaces[i] = m ? ap_get_module_config(r->per_dir_config, m) : NULL;
    }
}

static bool is_pinned(const request_rec *r, const sk_visit *visit)
{
    const void *here[SK_NAMESPACES];

    if (!visit->pinned) {
        return false;
    }
    if (visit->pinned_in == r->per_dir_config) {
        return true; /* as mostly */
    }
    namespace_of(r, here);
    return memcmp(here, visit->pinned_for, sizeof(here)) == 0;
}

/* ---- what was decoded before ---- */

/* Is nothing in the session but this entry, which may be NULL, and mod_session's own? */
static bool holds_only(const session_rec *z, const char *key)
{
    int allowed = (apr_table_get(z->entries, expiry_key) ? 1 : 0)
                  + (key && apr_table_get(z->entries, key) ? 1 : 0);

    return apr_table_elts(z->entries)->nelts == allowed;
}

/* What stands behind the key in a pair of mod_session's text; NULL if it is another key's. */
static const char *behind(const char *pair, const char *key)
{
    size_t length = strlen(key);

    return strncmp(pair, key, length) == 0 && pair[length] == '=' ? pair + length + 1 : NULL;
}

/* It took long to make, and does so to open: base64, and nothing that mod_session has written in clear. */
static bool is_encrypted(const char *text)
{
    return mod_session.memo && text && !behind(text, entry_key) && !behind(text, expiry_key)
           && !strchr(text, '&') && !strchr(text, '%');
}

/* As mod_session's own decoding does, which takes a session without text for one that was decoded already. */
static void set_decoded(session_rec *z, const char *entry, apr_time_t expiry)
{
    apr_table_setn(z->entries, entry_key, entry);
    if (expiry) {
        z->expiry = expiry;
        apr_table_setn(z->entries, expiry_key,
                       apr_psprintf(z->pool, "%" APR_TIME_T_FMT, expiry));
    }
    z->encoded = NULL;
}

static sk_span text_span(const char *text)
{
    sk_span span = {text, strlen(text)};

    return span;
}

/* What is remembered for mod_session_crypto's text: the expiry and our entry, as we sealed it. */
static bool recall(request_rec *r, session_rec *z)
{
    sk_span content;
    apr_time_t expiry;

    if (!is_encrypted(z->encoded)
        || !sk_memo_find(mod_session.memo, z->pool, sk_settings_of(r->server),
                         text_span(z->encoded), &content, NULL)) {
        return false;
    }
    memcpy(&expiry, content.bytes, sizeof(expiry));
    set_decoded(z, (const char *)content.bytes + sizeof(expiry), expiry);
    return true;
}

static void remember(request_rec *r, const session_rec *z, const char *text)
{
    const char *entry = sk_visit_first(r)->entry;
    size_t length = strlen(entry);
    char *room = sk_memo_room(mod_session.memo, sk_settings_of(r->server), text_span(text),
                              sizeof(z->expiry) + length);

    if (room) {
        memcpy(room, &z->expiry, sizeof(z->expiry));
        memcpy(room + sizeof(z->expiry), entry, length);
        sk_memo_keep(mod_session.memo, room);
    }
}

/*
 * After mod_session_crypto and before mod_session's own decoding, which takes a hundred instructions for each character: the usual
 * text, of our entry and perhaps the expiry, in which mod_session has nothing to escape. Everything else is left to it.
 */
static apr_status_t decode_usual(request_rec *r, session_rec *z)
{
    const char *pair, *end, *value, *entry = NULL;
    apr_time_t expiry = 0;

    if (!z->encoded || !sk_settings_of(r->server)) {
        return OK;
    }
    for (pair = z->encoded; pair && *pair; pair = end ? end + 1 : NULL) {
        end = strchr(pair, '&');
        if ((value = behind(pair, entry_key)) && *value && value != end) {
            entry = end ? apr_pstrmemdup(z->pool, value, (apr_size_t)(end - value))
                        : sk_visit_keep(r, value);
        }
        else if ((value = behind(pair, expiry_key)) && *value && value != end) {
            expiry = apr_atoi64(value);
        }
        else {
            return OK;
        }
    }
    if (entry) {
        set_decoded(z, entry, expiry);
    }
    return OK;
}

/* ---- the first load ---- */

static bool has_expired(const session_rec *z)
{
    return z->expiry && z->expiry < apr_time_now();
}

/* A session, and the text that it was decoded from if it is one to be remembered. */
typedef struct loaded {
    session_rec *session;
    const char *text;
} loaded;

static bool decode(request_rec *r, loaded *found)
{
    session_rec *z = found->session;

    if (has_expired(z)) {
        return false;
    }
    if (!z->encoded) {
        return true; /* as of most strangers */
    }
    if (recall(r, z)) {
        return !has_expired(z);
    }
    found->text = is_encrypted(z->encoded) ? sk_visit_keep(r, z->encoded) : NULL;
    return mod_session.run_decode(r, z) == OK && !has_expired(z);
}

/* Has the providers load and decode; a session that has expired or says nothing is a blank one. */
static apr_status_t load_whole(request_rec *r, loaded *found)
{
    apr_status_t rv;

    memset(found, 0, sizeof(*found));
    rv = mod_session.run_load(r, &found->session);
    if (rv == OK && !(found->session && decode(r, found))) {
        found->session = sk_visit_blank(r);
        found->text = NULL;
    }
    return rv;
}

/* Loads with each of the values alone and takes the session that the judge finds newest. */
static apr_status_t load_best(request_rec *r, const sk_offer *offer, const char *name,
                              loaded *best)
{
    apr_time_t newest = 0;
    apr_status_t rv = OK;
    int i;

    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "the browser sent several cookies \"%s\" with different values, perhaps from "
                  "another host of this domain or another path: using the one that holds the "
                  "newest session (reference %s)",
                  name, sk_visit_reference(r));
    for (i = 0; i < offer->cookies->nelts && rv == OK; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(offer->cookies, i, sk_cookie);
        loaded candidate;
        const char *entry;
        apr_time_t age;
        if (strcmp(cookie->name, name) != 0) {
            continue;
        }
        sk_offer_forget(r, name);
        sk_offer_make(r, cookie);
        rv = load_whole(r, &candidate);
        entry = rv == OK ? apr_table_get(candidate.session->entries, entry_key) : NULL;
        age = entry ? mod_session.judge(r, entry) : 0;
        if (age > newest) {
            newest = age;
            *best = candidate;
        }
    }
    sk_offer_forget(r, name);
    return rv;
}

/* The session, whichever of its cookies came more than once; blank where none is any good. */
static apr_status_t load_one_of_several(request_rec *r, const sk_offer *offer, loaded *found)
{
    const apr_array_header_t *sessions = sk_settings_of(r->server)->session_cookies;
    apr_status_t rv = OK;
    int i;

    memset(found, 0, sizeof(*found));
    for (i = 0; i < sessions->nelts && rv == OK && !found->session; i++) {
        const char *name = APR_ARRAY_IDX(sessions, i, sk_session_cookie).name;
        if (sk_offer_is_repeated(offer, name)) {
            rv = load_best(r, offer, name, found);
        }
    }
    if (rv != OK || found->session) {
        return rv;
    }
    sk_offer_make(r, NULL);
    return load_whole(r, found);
}

/*
 * By its id, or as it came: where directories add to mod_session's directives, its configuration is another one for each internal
 * redirect.
 */
static bool is_pinned_one(const sk_visit *visit, const session_rec *z)
{
    const apr_uuid_t *one = visit->pinned->uuid, *other = z->uuid;

    return one && other
               ? memcmp(one, other, sizeof(*one)) == 0
               : !one && !other
                     && sk_text_equal(visit->loaded, apr_table_get(z->entries, entry_key));
}

static apr_status_t load(request_rec *r, session_rec **z)
{
    sk_visit *visit = sk_visit_first(r);
    sk_offer offer;
    loaded found;
    apr_status_t rv;

    if (visit->offer || !sk_settings_of(r->server)) {
        return DECLINED;
    }
    if (is_pinned(r, visit)) {
        *z = visit->pinned;
        return OK;
    }
    sk_offer_begin(r, &offer);
    rv = load_one_of_several(r, &offer, &found);
    sk_offer_end(r);
    *z = found.session;
    if (rv == OK && visit->pinned && is_pinned_one(visit, *z)) {
        *z = visit->pinned;
    }
    if (rv == OK && !visit->pinned) {
        visit->entry = visit->loaded = apr_table_get((*z)->entries, entry_key);
        visit->text = found.text && holds_only(*z, entry_key) ? found.text : NULL;
        visit->pinned = *z;
        namespace_of(r, visit->pinned_for);
        /* That of a subrequest goes with it, and another one may come to lie in its place. */
        visit->pinned_in = r->pool == visit->first->pool ? r->per_dir_config : NULL;
    }
    return rv;
}

/* Before mod_session encodes: what somebody else put in the place of our entry (SessionHeader lets a backend) goes. */
static apr_status_t keep_entry(request_rec *r, session_rec *z)
{
    sk_visit *visit = sk_visit_first(r);
    const char *entry;

    visit->is_void = false;
    if (visit->pinned == z && visit->entry && mod_session.revise && !mod_session.revise(r, z)) {
        visit->is_void = holds_only(z, entry_key);
        visit->entry = NULL; /* what others wrote beside it is kept */
    }
    entry = apr_table_get(z->entries, entry_key);
    if (visit->pinned != z || (!entry && !visit->entry)) {
        return OK;
    }
    if (!visit->entry) {
        apr_table_unset(z->entries, entry_key);
    }
    else if (!sk_text_equal(entry, visit->entry)) {
        apr_table_setn(z->entries, entry_key, visit->entry);
    }
    return OK;
}

/* mod_session would write an empty session into the cookie after a logout; without text, the cookie goes. */
static apr_status_t encode(request_rec *r, session_rec *z)
{
    if (sk_settings_of(r->server) && sk_visit_first(r)->is_ending && holds_only(z, NULL)) {
        z->encoded = NULL;
    }
    return OK;
}

/*
 * mod_session_dbd gives a session that has changed a new id, and the old one is worth nothing at once: of requests in
 * parallel all but one would lose the session. Only a login gets a new id; what else is in the session may be a login, too.
 */
static apr_status_t keep_id(request_rec *r, session_rec *z)
{
    const sk_visit *visit = sk_visit_first(r);

    if (visit->pinned == z && visit->entry && z->uuid && !visit->is_login
        && holds_only(z, entry_key)) {
        z->dirty = 0;
    }
    return OK;
}

/* Around the provider: mod_session_dbd sends each cookie twice, and after a logout an id that leads nowhere. */
static apr_status_t save(request_rec *r, session_rec *z)
{
    sk_visit *visit = sk_visit_first(r);
    apr_status_t rv;

    if (visit->is_saving || !sk_settings_of(r->server)) {
        return DECLINED;
    }
    if (visit->pinned == z && visit->is_void) {
        return OK;
    }
    sk_sent_prepare(r);
    visit->is_saving = true;
    rv = mod_session.run_save(r, z);
    visit->is_saving = false;
    z->encoded = sk_visit_keep(r, z->encoded);
    sk_sent_withhold(r, z);
    if (visit->pinned != z) {
        return rv;
    }
    visit->saved = z->encoded;
    if (rv == OK && visit->entry && visit->record && is_encrypted(z->encoded)
        && holds_only(z, entry_key)) {
        remember(r, z, z->encoded);
    }
    if (rv == OK && z->uuid && visit->is_ending && !z->encoded) {
        sk_sent_drop(r, z);
    }
    if (rv == OK) {
        sk_hint_send(r, z);
    }
    return rv;
}

/* ---- the hooks ---- */

bool sk_pin_hook(void)
{
    typedef void hook_load(apr_status_t(*)(request_rec *, session_rec **), const char *const *,
                           const char *const *, int);
    typedef void hook_other(apr_status_t(*)(request_rec *, session_rec *), const char *const *,
                            const char *const *, int);
    static const char *const names[SK_NAMESPACES] = {
        "mod_session.c", "mod_session_cookie.c", "mod_session_dbd.c", "mod_session_crypto.c"};
    hook_load *load_hook = (hook_load *)dlsym(RTLD_DEFAULT, "ap_hook_session_load");
    hook_other *decode_hook = (hook_other *)dlsym(RTLD_DEFAULT, "ap_hook_session_decode");
    hook_other *encode_hook = (hook_other *)dlsym(RTLD_DEFAULT, "ap_hook_session_encode");
    hook_other *save_hook = (hook_other *)dlsym(RTLD_DEFAULT, "ap_hook_session_save");
    int i;

    mod_session.load = APR_RETRIEVE_OPTIONAL_FN(ap_session_load);
    mod_session.get = APR_RETRIEVE_OPTIONAL_FN(ap_session_get);
    mod_session.set = APR_RETRIEVE_OPTIONAL_FN(ap_session_set);
    mod_session.save = APR_RETRIEVE_OPTIONAL_FN(ap_session_save);
    *(void **)&mod_session.run_load = dlsym(RTLD_DEFAULT, "ap_run_session_load");
    *(void **)&mod_session.run_decode = dlsym(RTLD_DEFAULT, "ap_run_session_decode");
    *(void **)&mod_session.run_save = dlsym(RTLD_DEFAULT, "ap_run_session_save");
    for (i = 0; i < SK_NAMESPACES; i++) {
        mod_session.namespaces[i] = ap_find_linked_module(names[i]);
    }
    if (!load_hook || !decode_hook || !encode_hook || !save_hook || !mod_session.run_load
        || !mod_session.run_decode || !mod_session.run_save) {
        return !mod_session.load;
    }
    load_hook(load, NULL, NULL, APR_HOOK_REALLY_FIRST);
    decode_hook(decode_usual, NULL, NULL, APR_HOOK_MIDDLE);
    encode_hook(keep_entry, NULL, NULL, APR_HOOK_REALLY_FIRST - 10);
    encode_hook(encode, NULL, NULL, APR_HOOK_MIDDLE);
    encode_hook(keep_id, NULL, NULL, APR_HOOK_MIDDLE);
    save_hook(save, NULL, NULL, APR_HOOK_REALLY_FIRST);
    return true;
}

/* ---- what session.c needs ---- */

const char *sk_pin_load(request_rec *r, session_rec **z)
{
    apr_status_t rv;

    *z = NULL;
    if (!mod_session.load) {
        return "mod_session is not loaded: a2enmod session session_cookie";
    }
    rv = mod_session.load(r, z);
    if (rv != APR_SUCCESS) {
        return "mod_session has no place to keep sessions: add \"SessionCookieName "
               "__Host-session "
               "path=/;HttpOnly;Secure;SameSite=Lax\" to the virtual host and load "
               "mod_session_cookie";
    }
    return *z ? NULL
              : "sessions are off here: add \"Session On\" and \"SessionCookieName "
                "__Host-session "
                "path=/;HttpOnly;Secure;SameSite=Lax\" to the virtual host, and mind "
                "SessionInclude and SessionExclude";
}

const char *sk_pin_get(request_rec *r, session_rec *z)
{
    const char *entry = NULL;

    mod_session.get(r, z, entry_key, &entry);
    return entry;
}

void sk_pin_prove(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);

    if (visit->text) {
        remember(r, visit->pinned, visit->text);
        visit->text = NULL;
    }
}

void sk_pin_set(request_rec *r, session_rec *z, const char *entry)
{
    sk_visit *visit = sk_visit_first(r);

    mod_session.set(r, z, entry_key, entry); /* copies it */
    if (visit->pinned == z) {
        visit->entry = apr_table_get(z->entries, entry_key);
    }
}

bool sk_pin_save(request_rec *r, session_rec *z)
{
    /* mod_session saves once: what this request wrote before gives way. */
    if (z->written) {
        sk_pin_unsave(r, z);
    }
    return mod_session.save(r, z) == APR_SUCCESS;
}

void sk_pin_unsave(request_rec *r, session_rec *z)
{
    sk_sent_take_back(r, z);
    sk_hint_take_back(r);
    z->encoded = NULL;
    z->written = 0;
    z->dirty = 1;
}
