/* SPDX-License-Identifier: Apache-2.0 */
#include "session/session.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/compress.h"
#include "session/cookies.h"
#include "session/hint.h"
#include "session/pin.h"
#include "session/renewal.h"
#include "session/sent.h"
#include "session/standing.h"
#include "session/store.h"

APLOG_USE_MODULE(auth_scalekit);

static apr_time_t seconds_now(const request_rec *r)
{
    return apr_time_sec(r->request_time);
}

/* What this process has opened. */
static sk_memo *known;

/* As it was unpacked: most requests change nothing of it. */
static void remember(const sk_sealer *sealer, sk_span closed, const sk_record *record,
                     sk_span packed)
{
    void *room = sk_memo_room(known, sealer, closed, sk_record_room(record, packed));

    if (room) {
        sk_record_lay_out(room, record, packed);
        sk_memo_keep(known, room);
    }
}

/*
 * For as long as the first request lives; NULL if the entry is none that we have sealed.
 * note: see sk_revoked_look()
 */
static sk_record *open_entry(request_rec *r, const char *entry, sk_memo_note **note)
{
    const sk_sealer *sealer = sk_settings_of(r->server)->session_sealer;
    apr_pool_t *pool = sk_visit_first(r)->first->pool;
    sk_record *record = apr_palloc(pool, sizeof(*record));
    sk_span closed = {entry, strlen(entry)}, opened;

    if (sk_memo_find(known, pool, sealer, closed, &opened, note)) {
        *record = *(const sk_record *)opened.bytes;
        return record;
    }
    opened.bytes = sk_unseal(pool, sealer, entry, &opened.length);
    opened = opened.bytes ? sk_decompress(pool, opened) : opened;
    if (!opened.bytes || !sk_record_unpack(pool, opened.bytes, opened.length, record)) {
        return NULL;
    }
    remember(sealer, closed, record, opened);
    return record;
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
static const char *why_ended(request_rec *r, const sk_record *record, sk_standing standing)
{
    const sk_settings *settings = sk_settings_of(r->server);
    apr_time_t idle = apr_time_sec(settings->session_idle_timeout), now = seconds_now(r);

    if (now >= expiry_of(settings, record)) {
        return "it has reached ScalekitSessionMaxAge";
    }
    if (idle > 0 && now >= record->last_use + idle) {
        return "it was not used for ScalekitSessionIdleTimeout";
    }
    if (standing == SK_STANDING_ENDED) {
        return "of a logout, here or at Scalekit";
    }
    return NULL;
}

static apr_time_t judge(request_rec *r, const char *entry)
{
    const sk_record *record = open_entry(r, entry, NULL);

    if (!record || why_ended(r, record, sk_standing_of(r, record))) {
        return 0;
    }
    return record->login;
}

/* As the session has it: see hint.h. */
static sk_span packed(request_rec *r, const sk_record *record)
{
    sk_record kept = *record;
    sk_span bytes;

    if (sk_settings_of(r->server)->sessions_in_cookies) {
        kept.id_token.bytes = NULL;
    }
    bytes.bytes = sk_record_pack(r->pool, &kept, &bytes.length);
    return bytes;
}

static bool put(request_rec *r, session_rec *z, const sk_record *record, sk_span packed)
{
    sk_span bytes = sk_compress(r->pool, packed);
    const char *sealed = bytes.bytes
                             ? sk_seal(r->pool, sk_settings_of(r->server)->session_sealer,
                                       bytes.bytes, bytes.length)
                             : NULL;

    if (!sealed) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "the session cannot be sealed: it is larger than any may be, or OpenSSL "
                      "fails (reference %s)",
                      sk_visit_reference(r));
        return false;
    }
    sk_pin_set(r, z, sealed);
    sk_hint_leave(r, record);
    sk_visit_first(r)->is_behind = false;
    return true;
}

/*
 * A slow answer is written long after its session was read (by sk_session_touch(), or by mod_session with SessionMaxAge): others may
 * have refreshed it meanwhile, or put another one in its place, and the browser must not get the old one back.
 */
static bool write_newest(request_rec *r, session_rec *z)
{
    const sk_visit *visit = sk_visit_first(r);
    const sk_record *record = visit->record ? visit->record : open_entry(r, visit->entry, NULL);
    sk_record newest;

    if (!record) {
        return true;
    }
    if (why_ended(r, record, sk_standing_of(r, record))) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      "the session is not written back: it has ended meanwhile");
        return false;
    }
    newest = *record;
    sk_renewal_follow(r, &newest);
    if (visit->is_behind || newest.confirmed > record->confirmed) {
        newest.last_use =
            newest.last_use > record->last_use ? newest.last_use : record->last_use;
        put(r, z, &newest, packed(r, &newest));
    }
    return true;
}

bool sk_session_hook(void)
{
    sk_pin_set_judge(judge);
    sk_pin_set_reviser(write_newest);
    sk_store_hook();
    return sk_pin_hook();
}

void sk_session_begin_child(sk_memo *memo)
{
    known = memo;
    sk_pin_begin_child(memo);
}

/* What saving the session as it is now takes, as far as it is limited: 0 if it is kept, -1 if it cannot be. */
static long try_to_save(request_rec *r, session_rec *z, const sk_record *record)
{
    sk_span bytes = packed(r, record);
    size_t size;

    if (bytes.length > SK_COMPRESS_MAX) {
        return (long)bytes.length;
    }
    if (!put(r, z, record, bytes)) {
        return -1;
    }
    if (sk_store_is_used(r)) {
        size = strlen(sk_pin_get(r, z));
        return size > sk_store_entry_max ? (long)size : sk_pin_save(r, z) ? 0 : -1;
    }
    if (!sk_pin_save(r, z)) {
        return -1;
    }
    size = sk_sent_size(r, z);
    if (size <= SK_COOKIE_MAX && size + sk_hint_size(r) <= SK_HINT_BESIDE_MAX) {
        return 0;
    }
    sk_pin_unsave(r, z);
    return size > 0 ? (long)size : 1;
}

/*
 * What can be missed, one after the other: the access token, which is the largest, then the ID token; that alone if only its own cookie
 * is too large. @return whether there was anything
 */
static bool shed_next(sk_record *record, long size)
{
    bool *next = record->sheds_access_token || size <= SK_COOKIE_MAX
                     ? &record->sheds_id_token
                     : &record->sheds_access_token;
    bool is_new = !*next;

    *next = true;
    return is_new;
}

static void log_shed(request_rec *r, const sk_record *before, const sk_record *record)
{
    bool access = record->sheds_access_token && !before->sheds_access_token
                  && record->access_token.bytes,
         id = record->sheds_id_token && !before->sheds_id_token;

    if (access || id) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "the session of %s is kept without its %s, for which there is no room "
                      "(reference %s)",
                      sk_text_printable(r->pool, record->identity.sub, 80),
                      !id      ? "access token, which applications will not get"
                      : access ? "access token and its ID token"
                               : "ID token, which a logout goes without",
                      sk_visit_reference(r));
    }
}

/* Without the tokens that can be missed, if need be. *size is set where it is too large nevertheless. */
static sk_session_started save(request_rec *r, session_rec *z, sk_record *record, long *size)
{
    const sk_record before = *record;

    do {
        *size = try_to_save(r, z, record);
    } while (*size > 0 && shed_next(record, *size));
    if (*size == 0) {
        log_shed(r, &before, record);
    }
    return *size == 0  ? SK_SESSION_STARTED
           : *size > 0 ? SK_SESSION_TOO_LARGE
                       : SK_SESSION_NOT_KEPT;
}

static void log_too_large(request_rec *r, const sk_record *record, long size)
{
    const char *user = sk_text_printable(r->pool, record->identity.sub, 80);

    if (size > SK_COMPRESS_MAX) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "the session of %s takes %ld bytes, more than any may have: give the user "
            "fewer roles and permissions (reference %s)",
            user, size, sk_visit_reference(r));
        return;
    }
    if (sk_store_is_used(r)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            "the session of %s takes %ld bytes, more than the %" APR_SIZE_T_FMT
            " that can be kept: give the user fewer roles and permissions (reference %s)",
            user, size, sk_store_entry_max, sk_visit_reference(r));
        return;
    }
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, 0, r,
        "the session of %s takes a cookie of %ld bytes, of which browsers keep %d: "
        "keep sessions on the server (ScalekitSessionStore cache, or mod_session_dbd), or "
        "give the user fewer roles and permissions (reference %s)",
        user, size, SK_COOKIE_MAX, sk_visit_reference(r));
}

/* Takes the session out of this request and the browser. */
static void drop(request_rec *r)
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

/* Requests in parallel all find it too large: the first ends the session and says why. */
static sk_session_status outgrow(request_rec *r, const sk_record *record, long size)
{
    if (sk_standing_end(r, record)) {
        log_too_large(r, record, size);
    }
    drop(r);
    return SK_SESSION_OUTGROWN;
}

/* What is new goes into the cookie with this answer, if it can carry one. */
static sk_session_status write_refreshed(request_rec *r, session_rec *z, sk_record *record)
{
    long size = 0;
    sk_session_started kept =
        sk_renewal_may_write(r) ? save(r, z, record, &size) : SK_SESSION_STARTED;

    /* Where it could not be written (a database that is busy), the tokens of before lead to the new ones. */
    return kept == SK_SESSION_TOO_LARGE ? outgrow(r, record, size) : SK_SESSION_VALID;
}

static sk_session_status settle(request_rec *r, session_rec *z, sk_record *record,
                                sk_refreshed refreshed)
{
    switch (refreshed) {
    case SK_REFRESHED_NOT:
        return SK_SESSION_VALID;
    case SK_REFRESHED_NEWER:
        return write_refreshed(r, z, record);
    case SK_REFRESHED_ELSEWHERE:
        sk_visit_first(r)->is_behind = true;
        return SK_SESSION_VALID;
    case SK_REFRESHED_LATER:
        return SK_SESSION_LATER;
    default:
        /* The cookie stays: it is worth nothing, and deleting it might hit a newer one of a parallel login. */
        return SK_SESSION_NONE;
    }
}

/* What Scalekit has to confirm counts as due, and where only it can tell whether the session lives, as expired. */
static bool is_due(request_rec *r, sk_record *record, sk_standing standing)
{
    if (standing == SK_STANDING_DOUBTFUL) {
        record->access_expiry = 0;
    }
    if (standing != SK_STANDING_GOOD) {
        record->refresh_at = 0;
    }
    return sk_renewal_is_due(r, record);
}

static sk_refreshed bring_up_to_date(request_rec *r, sk_record *record, sk_standing standing)
{
    sk_refreshed outcome = SK_REFRESHED_NOT;
    int tries;

    if (standing == SK_STANDING_DOUBTFUL && !record->refresh_token.bytes) {
        return SK_REFRESHED_ENDED;
    }
    /* What others have refreshed may have to be confirmed as well. */
    for (tries = 0; tries < 2 && is_due(r, record, standing); tries++) {
        outcome = sk_renewal_do(r, record);
        standing = sk_standing_of(r, record);
        if ((outcome != SK_REFRESHED_NEWER && outcome != SK_REFRESHED_ELSEWHERE)
            || standing != SK_STANDING_DOUBTFUL) {
            return standing == SK_STANDING_ENDED ? SK_REFRESHED_ENDED : outcome;
        }
    }
    return standing == SK_STANDING_DOUBTFUL ? SK_REFRESHED_LATER : outcome;
}

static sk_session_status read_session(request_rec *r, sk_visit *visit)
{
    session_rec *z;
    const char *missing = sk_pin_load(r, &z), *entry, *ended;
    sk_memo_note *note;
    sk_standing standing;

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
    visit->record = open_entry(r, entry, &note);
    if (!visit->record) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                      "the session is not one of ours: changed, from another site or sealed "
                      "with another key");
        return SK_SESSION_NONE;
    }
    sk_pin_prove(r);
    visit->last_record = visit->record;
    standing = sk_standing_again(r, visit->record, note);
    ended = why_ended(r, visit->record, standing);
    if (ended) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "the session has ended: %s", ended);
        return SK_SESSION_NONE;
    }
    return settle(r, z, visit->record, bring_up_to_date(r, visit->record, standing));
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
        if (sk_standing_of(r, visit->record) == SK_STANDING_ENDED) {
            refreshed = SK_REFRESHED_ENDED;
        }
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
        && seconds_now(r) > visit->record->last_use + idle / 10 && !sk_visit_is_upgrade(r)
        && !sk_pin_load(r, &z)) {
        sk_renewal_follow(r, visit->record);
        visit->record->last_use = seconds_now(r);
        put(r, z, visit->record, packed(r, visit->record));
    }
}

sk_session_started sk_session_start(request_rec *r, sk_record *record)
{
    sk_visit *visit = sk_visit_first(r);
    unsigned char random[16];
    session_rec *z;
    sk_session_started started;
    long size;
    const sk_record *replaced = sk_session_last(r);
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
    sk_standing_begin(r, record);
    if (sk_standing_of(r, record) == SK_STANDING_ENDED) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      "Scalekit has ended the session of %s while its login was under way "
                      "(reference %s)",
                      record->identity.sub, sk_visit_reference(r));
        return SK_SESSION_NOT_KEPT;
    }
    record->last_use = record->login;
    record->absolute_end =
        record->login + apr_time_sec(sk_settings_of(r->server)->session_max_age);
    visit->is_login = true;
    visit->record = record;
    visit->status = SK_SESSION_VALID;
    started = save(r, z, record, &size);
    if (started == SK_SESSION_TOO_LARGE) {
        log_too_large(r, record, size);
    }
    if (started != SK_SESSION_STARTED) {
        drop(r);
    }
    else if (replaced) {
        sk_standing_end(r, replaced); /* a slow answer of it would set its cookie again */
    }
    return started;
}

void sk_session_end(request_rec *r)
{
    const sk_record *record = sk_visit_first(r)->last_record;

    if (record) {
        sk_standing_end(r, record);
    }
    drop(r);
}

void sk_session_review(request_rec *r)
{
    sk_visit *visit = sk_visit_first(r);

    if (visit->pinned && visit->pinned->written && visit->entry && visit->record
        && !visit->is_login && sk_standing_of(r, visit->record) == SK_STANDING_ENDED) {
        sk_pin_unsave(r, visit->pinned);
        visit->pinned->written = 1;
    }
}
