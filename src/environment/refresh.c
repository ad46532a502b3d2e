/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/refresh.h"

#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "core/compress.h"
#include "core/text.h"

/* A call takes at most this long; its lease lives a little longer, so that no second caller joins a slow one. */
#define CALL_LIMIT apr_time_from_sec(5)
#define LEASE_LIFE (CALL_LIMIT + apr_time_from_sec(2))

/* A holder who was stopped for longer before the call does not call any more: its lease might run out on the way. */
#define STALL_LIMIT apr_time_from_sec(1)

/* Who waited for a call that failed learns of it for as long. */
#define FAILED_LIFE apr_time_from_sec(1)

/* A token whose result cannot be shared is not presented again for so long. */
#define TOO_LARGE_LIFE apr_time_from_sec(300)

/* Who comes with the token of a session that is over need not ask Scalekit for so long. */
#define END_LIFE apr_time_from_sec(3600)

/* Who asks for new tokens gets these, if they are as young as that; and who called has yet to write them. */
#define FRESH_LIFE apr_time_from_sec(1)

#define WAIT_LIMIT apr_time_from_sec(3)

/* While a call is younger than this anybody may wait for it: a healthy Scalekit answers a herd with one call. */
#define YOUNG apr_time_from_msec(500)

#define FIRST_PAUSE apr_time_from_msec(10)
#define LONGEST_PAUSE apr_time_from_msec(40)

enum {
    LINKS_MAX = 5000 /* of a chain; a guard, not a limit that anybody meets */
};

typedef struct lease {
    unsigned char id[16];
    apr_time_t since;
} lease;

/* A record's refresh token and the names under which things are kept for it. */
typedef struct subject {
    sk_cache_key lease;
    sk_cache_key result;
} subject;

static bool name_subject(const sk_call *call, const sk_refresher *refresher,
                         const sk_record *record, subject *names)
{
    const char *token = sk_token_text(call->pool, &record->refresh_token);

    return token && sk_cache_name(refresher->cache, "lease", token, &names->lease)
           && sk_cache_name(refresher->cache, "result", token, &names->result);
}

/* ---- results ---- */

typedef enum found {
    FOUND_NOTHING,
    FOUND_NEWER,
    FOUND_END,
    FOUND_UNREADABLE /* somebody has refreshed, but what came of it cannot be had here */
} found;

/* Another refresh token came of ours, whenever the access token with it expires; without rotation time must tell. */
static bool is_newer_than(const sk_record *one, const sk_record *other)
{
    return one->refresh_token.length != other->refresh_token.length
           || memcmp(one->refresh_token.bytes, other->refresh_token.bytes,
                     one->refresh_token.length)
                  != 0
           || one->confirmed > other->confirmed;
}

/* What is kept in one byte instead of a record. */
#define MARK_END "E"
#define MARK_TOO_LARGE "T"
static found find_result(const sk_call *call, const sk_refresher *refresher,
                         const subject *names, const sk_record *record, sk_record *newer)
{
    sk_span kept, packed;

    kept.bytes =
        sk_cache_get(call, refresher->cache, apr_time_now(), &names->result, &kept.length);
    if (!kept.bytes) {
        return sk_cache_has(call, refresher->cache, apr_time_now(), &names->result)
                   ? FOUND_UNREADABLE
                   : FOUND_NOTHING;
    }
    if (kept.length == 1) {
        return *(const char *)kept.bytes == *MARK_END ? FOUND_END : FOUND_UNREADABLE;
    }
    packed = sk_decompress(call->pool, kept);
    if (!packed.bytes || !sk_record_unpack(call->pool, packed.bytes, packed.length, newer)
        || !sk_text_equal(newer->id, record->id) || !is_newer_than(newer, record)) {
        return FOUND_NOTHING;
    }
    /* What the session had no room for then has none now. */
    newer->sheds_access_token |= record->sheds_access_token;
    newer->sheds_id_token |= record->sheds_id_token;
    return FOUND_NEWER;
}

/* For as long as the session may live, so that a late request with an old cookie finds its way. */
static void keep_result(const sk_call *call, const sk_refresher *refresher,
                        const subject *names, const sk_record *newer)
{
    apr_time_t now = apr_time_now(), life = apr_time_from_sec(newer->absolute_end) - now;
    sk_span packed, kept;

    packed.bytes = sk_record_pack(call->pool, newer, &packed.length);
    kept = sk_compress(call->pool, packed);
    if (life > 0
        && (!kept.bytes
            || sk_cache_set(call, refresher->cache, now, &names->result, kept.bytes,
                            kept.length, life)
                   != SK_OUTCOME_YES)) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "the result of a refresh cannot be shared: who comes with the session of "
                    "before has to come again");
        sk_cache_set(call, refresher->cache, now, &names->result, MARK_TOO_LARGE, 1,
                     TOO_LARGE_LIFE);
    }
}

/*
 * Only where there is no result: what somebody stored in the meantime is worth more than an end. Scalekit says it again to
 * whoever asks later.
 */
static void keep_end(const sk_call *call, const sk_refresher *refresher, const subject *names,
                     const sk_record *record)
{
    apr_time_t now = apr_time_now(), life = apr_time_from_sec(record->absolute_end) - now;

    if (life > 0) {
        sk_cache_add(call, refresher->cache, now, &names->result, MARK_END, 1,
                     life < END_LIFE ? life : END_LIFE);
    }
}

/* Marks for a moment what came of the call with this record's refresh token. */
static void mark(const sk_call *call, const sk_refresher *refresher, const char *purpose,
                 const sk_record *record, apr_time_t life)
{
    const char *token = sk_token_text(call->pool, &record->refresh_token);
    sk_cache_key key;

    if (token && sk_cache_name(refresher->cache, purpose, token, &key)) {
        sk_cache_set(call, refresher->cache, apr_time_now(), &key, "M", 1, life);
    }
}

static bool is_marked(const sk_call *call, const sk_refresher *refresher, const char *purpose,
                      const sk_record *record)
{
    const char *token = sk_token_text(call->pool, &record->refresh_token);
    sk_cache_key key;
    size_t length;

    return token && sk_cache_name(refresher->cache, purpose, token, &key)
           && sk_cache_get(call, refresher->cache, apr_time_now(), &key, &length);
}

static apr_time_t seconds_now(void)
{
    return apr_time_sec(apr_time_now());
}

static sk_refreshed verdict(const sk_record *record, bool is_newer)
{
    if (seconds_now() >= record->access_expiry) {
        return SK_REFRESHED_LATER;
    }
    return is_newer ? SK_REFRESHED_NEWER : SK_REFRESHED_NOT;
}

sk_refreshed sk_refresh_follow(const sk_call *call, const sk_refresher *refresher,
                               sk_record *record)
{
    bool is_newer = false;
    subject names;
    sk_record newer;
    int links;

    for (links = 0; links < LINKS_MAX && name_subject(call, refresher, record, &names);
         links++) {
        found what = find_result(call, refresher, &names, record, &newer);
        if (what == FOUND_END) {
            return SK_REFRESHED_ENDED;
        }
        if (what != FOUND_NEWER) {
            break;
        }
        *record = newer;
        is_newer = true;
    }
    return verdict(record, is_newer);
}

/* ---- the call ---- */

static sk_refreshed take_over(const sk_call *call, const sk_refresher *refresher,
                              const subject *names, sk_record *record, const sk_record *newer)
{
    keep_result(call, refresher, names, newer);
    *record = *newer;
    return verdict(record, true);
}

static sk_refreshed end(const sk_call *call, const sk_refresher *refresher,
                        const subject *names, sk_record *record, const char *why)
{
    sk_call_log(call, SK_LEVEL_INFO, "the session of %s is over: %s", record->identity.sub,
                why);
    keep_end(call, refresher, names, record);
    return sk_refresh_follow(call, refresher, record) == SK_REFRESHED_NEWER
               ? SK_REFRESHED_NEWER
               : SK_REFRESHED_ENDED;
}

/* The session goes on while it can. Its refresh token may have been replaced nevertheless: then the new one counts. */
static sk_refreshed fail(const sk_call *call, const sk_refresher *refresher,
                         const subject *names, sk_record *record, const sk_record *newer,
                         const char *why)
{
    /* While nobody is let through, a line for each request would only hide the one that says why. The text is a copy: of an errand. */
    sk_call_log(call, sk_text_equal(why, sk_http_resting) ? SK_LEVEL_INFO : SK_LEVEL_WARNING,
                "cannot refresh the tokens of %s now: %s", record->identity.sub, why);
    mark(call, refresher, "failed", newer, FAILED_LIFE);
    return is_newer_than(newer, record) ? take_over(call, refresher, names, record, newer)
                                        : verdict(record, false);
}

static apr_time_t call_limit(const sk_settings *settings)
{
    return settings->total_timeout < CALL_LIMIT ? settings->total_timeout : CALL_LIMIT;
}

static sk_refreshed call_scalekit(const sk_call *call, const sk_refresher *refresher,
                                  const subject *names, sk_record *record, apr_time_t since)
{
    sk_call limited = *call;
    sk_record newer;
    bool has_ended;
    const char *wrong;

    if (apr_time_now() - since > STALL_LIMIT) {
        return verdict(record, false);
    }
    limited.deadline = since + call_limit(refresher->tokens->settings);
    limited.never_twice = true;
    wrong = sk_tokens_refresh(&limited, refresher->tokens, record, &newer, &has_ended);
    if (has_ended) {
        return end(call, refresher, names, record, wrong);
    }
    if (wrong) {
        return fail(call, refresher, names, record, &newer, wrong);
    }
    newer.last_use = seconds_now();
    newer.confirmed = apr_time_sec(since);
    mark(call, refresher, "fresh", &newer, FRESH_LIFE);
    sk_call_log(call, SK_LEVEL_DEBUG, "refreshed the tokens of %s", record->identity.sub);
    return take_over(call, refresher, names, record, &newer);
}

/*
 * With the lease in hand: has somebody else been through between our look at the result and our getting the lease?
 * @return false if there is no place for another caller
 */
static bool refresh_with_lease(const sk_call *call, const sk_refresher *refresher,
                               const subject *names, sk_record *record, apr_time_t since,
                               sk_refreshed *outcome)
{
    sk_record newer;
    int place;

    if (find_result(call, refresher, names, record, &newer) != FOUND_NOTHING) {
        *outcome = sk_refresh_follow(call, refresher, record);
        return true;
    }
    place = sk_crowd_enter(refresher->crowd, since, since + LEASE_LIFE);
    if (place < 0) {
        return false;
    }
    *outcome = call_scalekit(call, refresher, names, record, since);
    sk_crowd_leave(refresher->crowd, place, since + LEASE_LIFE);
    return true;
}

/* ---- one of many ---- */

typedef enum taken {
    TAKEN_OURS,
    TAKEN_THEIRS,
    TAKEN_FULL, /* there is no room for another caller */
    TAKEN_NOT   /* no telling who has the lease */
} taken;

/* The lease comes before the place: a herd that took places only to see who is first would have none left for itself. */
static taken refresh_if_first(const sk_call *call, const sk_refresher *refresher,
                              const subject *names, sk_record *record, sk_refreshed *outcome)
{
    lease ours;
    sk_outcome added;
    bool is_done;

    memset(&ours, 0, sizeof(ours));
    ours.since = apr_time_now();
    if (apr_generate_random_bytes(ours.id, sizeof(ours.id)) != APR_SUCCESS) {
        return TAKEN_NOT;
    }
    added = sk_cache_add(call, refresher->cache, ours.since, &names->lease, &ours, sizeof(ours),
                         LEASE_LIFE);
    if (added != SK_OUTCOME_YES) {
        return added == SK_OUTCOME_NO ? TAKEN_THEIRS : TAKEN_NOT;
    }
    is_done = refresh_with_lease(call, refresher, names, record, ours.since, outcome);
    sk_cache_delete_if_equal(call, refresher->cache, apr_time_now(), &names->lease, &ours,
                             sizeof(ours));
    return is_done ? TAKEN_OURS : TAKEN_FULL;
}

/* A quarter of the places, the first, are not for those who wait: they must not keep everybody from calling. */
static int kept_free(const sk_refresher *refresher)
{
    int quarter = refresher->crowd->count / 4;

    return quarter > 0 ? quarter : 1;
}

static sk_crowd waiting(const sk_refresher *refresher)
{
    int kept = kept_free(refresher);
    sk_crowd others = {refresher->crowd->places + kept, refresher->crowd->count - kept};

    return others;
}

static sk_crowd calling(const sk_refresher *refresher)
{
    sk_crowd first = {refresher->crowd->places, kept_free(refresher)};

    return first;
}

/*
 * All places are taken, but only just: Scalekit is well, and many visitors come back at once. Waits a moment for a place.
 * @return false if it is time to give up
 */
static bool wait_for_place(const sk_refresher *refresher, apr_time_t until)
{
    apr_time_t now = apr_time_now();
    sk_crowd callers = calling(refresher);

    if (now >= until || !sk_crowd_is_fresh(&callers, now, now + LEASE_LIFE - YOUNG)) {
        return false;
    }
    apr_sleep(LONGEST_PAUSE);
    return true;
}

/* When the call that holds the lease began; 0 if nobody holds it. */
static apr_time_t call_began(const sk_call *call, const sk_refresher *refresher,
                             const subject *names)
{
    size_t length;
    const void *bytes =
        sk_cache_get(call, refresher->cache, apr_time_now(), &names->lease, &length);
    lease theirs;

    if (!bytes) {
        /* The lease of a new generation, with a key of its own: as good as any. */
        return sk_cache_has(call, refresher->cache, apr_time_now(), &names->lease)
                   ? apr_time_now()
                   : 0;
    }
    if (length != sizeof(theirs)) {
        return 0;
    }
    memcpy(&theirs, bytes, sizeof(theirs));
    return theirs.since;
}

/* Waits until there is a result or the lease is gone. @return false if it is time to give up */
static bool wait_for_others(const sk_call *call, const sk_refresher *refresher,
                            const subject *names, const sk_record *record, apr_time_t until)
{
    apr_time_t pause = FIRST_PAUSE, now;
    sk_crowd waiters = waiting(refresher);
    int place = -1;
    bool goes_on = false;
    sk_record newer;

    while ((now = apr_time_now()) < until) {
        apr_time_t began = call_began(call, refresher, names);
        found what = find_result(call, refresher, names, record, &newer);
        if (began == 0 || what == FOUND_NEWER || what == FOUND_END) {
            goes_on = true;
            break;
        }
        if (place < 0 && now - began > YOUNG
            && (place = sk_crowd_enter(&waiters, now, until)) < 0) {
            break;
        }
        apr_sleep(pause);
        pause = pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
    }
    if (place >= 0) {
        sk_crowd_leave(&waiters, place, until);
    }
    return goes_on;
}

/* The one line for somebody who is told to come back and did not call; who called has said what came of it. */
static sk_refreshed without_call(const sk_call *call, const sk_record *record,
                                 sk_refreshed outcome, const char *why)
{
    if (outcome == SK_REFRESHED_LATER) {
        sk_call_log(call, SK_LEVEL_INFO, "503: the tokens of %s have expired, and %s",
                    record->identity.sub, why);
    }
    return outcome;
}

sk_refreshed sk_refresh(const sk_call *call, const sk_refresher *refresher,
                        sk_refresh_when when, sk_record *record)
{
    apr_time_t until = apr_time_now() + WAIT_LIMIT;
    bool is_newer = false, has_waited = false;
    subject names;

    for (;;) {
        sk_refreshed outcome = sk_refresh_follow(call, refresher, record);
        taken who;
        if (outcome == SK_REFRESHED_ENDED) {
            return outcome;
        }
        is_newer |= outcome == SK_REFRESHED_NEWER;
        if (when == SK_REFRESH_NOW && is_marked(call, refresher, "fresh", record)) {
            return verdict(record, true);
        }
        if (((when == SK_REFRESH_DUE || has_waited) && seconds_now() < record->refresh_at)
            || !name_subject(call, refresher, record, &names)) {
            outcome = verdict(record, is_newer);
            return outcome == SK_REFRESHED_NEWER && when == SK_REFRESH_DUE
                           && is_marked(call, refresher, "fresh", record)
                       ? SK_REFRESHED_ELSEWHERE
                       : outcome;
        }
        if (has_waited && is_marked(call, refresher, "failed", record)) {
            return without_call(call, record, verdict(record, is_newer),
                                "the call that this request waited for failed");
        }
        who = refresh_if_first(call, refresher, &names, record, &outcome);
        if (who == TAKEN_OURS) {
            return outcome == SK_REFRESHED_NOT && is_newer ? SK_REFRESHED_NEWER : outcome;
        }
        outcome = verdict(record, is_newer);
        if (who == TAKEN_NOT) {
            return without_call(call, record, outcome, "the shared memory takes no lease");
        }
        if (when == SK_REFRESH_DUE && outcome != SK_REFRESHED_LATER) {
            return outcome;
        }
        if (who == TAKEN_FULL && !wait_for_place(refresher, until)) {
            return without_call(call, record, outcome,
                                "as many requests as may already wait for Scalekit");
        }
        if (who == TAKEN_THEIRS && !wait_for_others(call, refresher, &names, record, until)) {
            return without_call(
                call, record, outcome,
                "Scalekit is slow to answer the request that asks for new ones");
        }
        /* Who has waited for somebody else takes what came of that, also if it is nothing. */
        has_waited = true;
    }
}
