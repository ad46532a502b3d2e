/* SPDX-License-Identifier: Apache-2.0 */
#include "session/session.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "session/pin.h"
#include "session/renewal.h"

APLOG_USE_MODULE(auth_scalekit);

/* RFC 6265 section 6.1: what browsers keep of a cookie at least, and most of them at most; more is dropped silently. */
#define COOKIE_MAX 4096

static apr_time_t seconds_now(const request_rec *r)
{
    return apr_time_sec(r->request_time);
}

static sk_record *open_entry(request_rec *r, const char *entry)
{
    apr_pool_t *pool = sk_visit_first(r)->first->pool;
    sk_record *record = apr_palloc(pool, sizeof(*record));
    size_t length;
    unsigned char *bytes =
        sk_unseal(pool, sk_settings_of(r->server)->session_sealer, entry, &length);

    return bytes && sk_record_unpack(pool, bytes, length, record) ? record : NULL;
}

static apr_time_t expiry_of(const sk_settings *settings, const sk_record *record)
{
    apr_time_t latest = record->login + apr_time_sec(settings->session_max_age);

    return latest < record->absolute_end ? latest : record->absolute_end;
}

apr_time_t sk_session_expiry(const request_rec *r, const sk_record *record)
{
    return expiry_of(sk_settings_of(r->server), record);
}

/* Why a record is no session any more; NULL if it is one. */
static const char *why_ended(const sk_settings *settings, const sk_record *record,
                             apr_time_t now)
{
    apr_time_t idle = apr_time_sec(settings->session_idle_timeout);

    if (now >= expiry_of(settings, record)) {
        return "it has reached ScalekitSessionMaxAge";
    }
    if (idle > 0 && now >= record->last_use + idle) {
        return "it was not used for ScalekitSessionIdleTimeout";
    }
    return NULL;
}

static apr_time_t judge(request_rec *r, const char *entry)
{
    const sk_record *record = open_entry(r, entry);

    if (!record || why_ended(sk_settings_of(r->server), record, seconds_now(r))) {
        return 0;
    }
    return record->login;
}

static bool put(request_rec *r, session_rec *z, const sk_record *record)
{
    size_t length;
    const unsigned char *bytes = sk_record_pack(r->pool, record, &length);
    const char *sealed =
        sk_seal(r->pool, sk_settings_of(r->server)->session_sealer, bytes, length);

    if (!sealed) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "OpenSSL cannot seal the session (reference %s)", sk_visit_reference(r));
        return false;
    }
    sk_pin_set(r, z, sealed);
    return true;
}

/*
 * A slow answer is written long after its session was read (by sk_session_touch(), or by mod_session with SessionMaxAge): others may
 * have refreshed it meanwhile, and the browser must not get the old one back.
 */
static void write_newest(request_rec *r, session_rec *z)
{
    const sk_visit *visit = sk_visit_first(r);
    const sk_record *record = visit->record;
    sk_record newest;

    if (visit->status != SK_SESSION_VALID || !record) {
        return;
    }
    newest = *record;
    sk_renewal_follow(r, &newest);
    if (newest.access_expiry > record->access_expiry) {
        newest.last_use =
            newest.last_use > record->last_use ? newest.last_use : record->last_use;
        put(r, z, &newest);
    }
}

bool sk_session_hook(void)
{
    sk_pin_set_judge(judge);
    sk_pin_set_reviser(write_newest);
    return sk_pin_hook();
}

static sk_session_started save(request_rec *r, session_rec *z, sk_record *record)
{
    bool *const sheds[] = {&record->sheds_access_token, &record->sheds_id_token, NULL};
    bool *const *shed = sheds;

    for (;;) {
        size_t size;
        if (!put(r, z, record) || !sk_pin_save(r, z)) {
            return SK_SESSION_NOT_KEPT;
        }
        size = sk_pin_cookie_size(r, z);
        if (size <= COOKIE_MAX) {
            return SK_SESSION_STARTED;
        }
        sk_pin_unsave(r, z);
        if (!*shed) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                          "the session of %s takes a cookie of %" APR_SIZE_T_FMT
                          " bytes, of which browsers keep "
                          "4096: keep sessions on the server (mod_session_dbd: "
                          "SessionDBDCookieName instead of "
                          "SessionCookieName), or give the user fewer roles and permissions "
                          "(reference %s)",
                          sk_text_printable(r->pool, record->identity.sub, 80), size,
                          sk_visit_reference(r));
            return SK_SESSION_TOO_LARGE;
        }
        **shed++ = true;
    }
}

/* After a refresh: what is new goes into the cookie with this answer, if it can carry one. */
static sk_session_status settle(request_rec *r, session_rec *z, sk_record *record,
                                sk_refreshed refreshed)
{
    sk_session_started started;

    switch (refreshed) {
    case SK_REFRESHED_NOT:
        return SK_SESSION_VALID;
    case SK_REFRESHED_NEWER:
        started = sk_renewal_may_write(r) ? save(r, z, record) : SK_SESSION_STARTED;
        if (started != SK_SESSION_STARTED) {
            sk_session_end(r);
        }
        return started == SK_SESSION_STARTED     ? SK_SESSION_VALID
               : started == SK_SESSION_TOO_LARGE ? SK_SESSION_OUTGROWN
                                                 : SK_SESSION_UNUSABLE;
    case SK_REFRESHED_LATER:
        return SK_SESSION_LATER;
    default:
        /* The cookie stays: it is worth nothing, and deleting it might hit a newer one of a parallel login. */
        return SK_SESSION_NONE;
    }
}

static sk_session_status read_session(request_rec *r, sk_visit *visit)
{
    session_rec *z;
    const char *missing = sk_pin_load(r, &z), *entry, *ended;

    if (missing) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "%s: cannot look for a session: %s (reference %s)",
                      sk_settings_of(r->server)->name, missing, sk_visit_reference(r));
        return SK_SESSION_UNUSABLE;
    }
    entry = sk_pin_get(r, z);
    if (!entry) {
        return SK_SESSION_NONE;
    }
    visit->record = open_entry(r, entry);
    if (!visit->record) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      "the session is not one of ours: changed, from another site or sealed "
                      "with another key");
        return SK_SESSION_NONE;
    }
    visit->last_record = visit->record;
    ended = why_ended(sk_settings_of(r->server), visit->record, seconds_now(r));
    if (ended) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "the session has ended: %s", ended);
        return SK_SESSION_NONE;
    }
    return sk_renewal_is_due(r, visit->record)
               ? settle(r, z, visit->record, sk_renewal_do(r, visit->record))
               : SK_SESSION_VALID;
}

sk_session_status sk_session_read(request_rec *r, const sk_record **record)
{
    sk_visit *visit = sk_visit_first(r);

    if (visit->status == SK_SESSION_UNREAD) {
        visit->status = read_session(r, visit);
    }
    *record = visit->status == SK_SESSION_VALID ? visit->record : NULL;
    return visit->status;
}

sk_session_status sk_session_refresh(request_rec *r, const sk_record **record, bool *is_fresh)
{
    sk_visit *visit = sk_visit_first(r);
    sk_session_status status = sk_session_read(r, record);
    session_rec *z;

    *is_fresh = false;
    if ((status == SK_SESSION_VALID || status == SK_SESSION_LATER)
        && visit->record->refresh_token.bytes && !sk_pin_load(r, &z)) {
        sk_refreshed refreshed = sk_renewal_now(r, visit->record, is_fresh);
        visit->status = settle(r, z, visit->record, refreshed);
        /* The old access token is still good: only without its cookie the session is over at once. */
        if (refreshed == SK_REFRESHED_ENDED) {
            sk_session_end(r);
        }
    }
    return sk_session_read(r, record);
}

const sk_record *sk_session_last(request_rec *r)
{
    const sk_record *record;

    sk_session_read(r, &record);
    return sk_visit_first(r)->last_record;
}

void sk_session_touch(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);
    apr_time_t idle = apr_time_sec(sk_settings_of(r->server)->session_idle_timeout);
    session_rec *z;

    if (visit->status == SK_SESSION_VALID && idle > 0
        && seconds_now(r) > visit->record->last_use + idle / 10 && !sk_pin_load(r, &z)) {
        sk_renewal_follow(r, visit->record);
        visit->record->last_use = seconds_now(r);
        put(r, z, visit->record);
    }
}

sk_session_started sk_session_start(request_rec *r, sk_record *record)
{
    sk_visit *visit = sk_visit_first(r);
    unsigned char random[16];
    session_rec *z;
    sk_session_started started;
    const char *missing = sk_pin_load(r, &z);

    if (missing) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "%s: cannot keep the login: %s (reference %s)",
                      sk_settings_of(r->server)->name, missing, sk_visit_reference(r));
        return SK_SESSION_NOT_KEPT;
    }
    if (apr_generate_random_bytes(random, sizeof(random)) != APR_SUCCESS) {
        return SK_SESSION_NOT_KEPT;
    }
    record->id = sk_text_base64url(r->pool, random, sizeof(random));
    record->login = record->last_use = seconds_now(r);
    record->absolute_end =
        record->login + apr_time_sec(sk_settings_of(r->server)->session_max_age);
    visit->record = record;
    visit->status = SK_SESSION_VALID;
    started = save(r, z, record);
    if (started != SK_SESSION_STARTED) {
        sk_session_end(r);
    }
    return started;
}

void sk_session_end(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);
    session_rec *z;

    if (!sk_pin_load(r, &z) && sk_pin_get(r, z)) {
        visit->is_ending = true;
        if (z->written) {
            sk_pin_unsave(r, z);
        }
        sk_pin_set(r, z, NULL);
        z->dirty = 1;
    }
    visit->status = SK_SESSION_NONE;
    visit->record = NULL;
}
