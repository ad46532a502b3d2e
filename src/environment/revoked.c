/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/revoked.h"

#include <string.h>
#include <apr_general.h>
#include <apr_siphash.h>
#include <apr_strings.h>

#include "core/seal.h"

/*
 * A bar is one word: 32 bits of the name's hash above 32 bits of time, in seconds since the epoch. Other bits of the hash pick
 * its bucket, which is a cache line. Two names whose bits are the same would be taken for one: that costs one visitor in
 * hundreds of millions a login.
 */
enum { BUCKET = 8 };

/* What the words are for. */
enum {
    FORGOTTEN, /* the time of the newest bar that made room */
    BARRED,    /* how often something was; beside the former, for a request reads both */
    WARNED,    /* when the log last said so */
    KEY_1,     /* of the hash, random: nobody can choose a name that hits another's bar */
    KEY_2
};

#define WARNING_PAUSE 3600 /* seconds */

enum { KINDS = SK_REVOKED_SUB_SIDLESS + 1 };

struct sk_revoked {
    _Atomic uint64_t *bars;
    _Atomic uint64_t *words;
    uint32_t buckets;
    const sk_table *table;
    apr_time_t
        started;     /* of the server; the table knows better if the clock was set back since */
    apr_time_t life; /* of a session at most, a duration, in seconds, as all times here */
    unsigned char keys[KINDS][APR_SIPHASH_KSIZE];
};

/* ---- names ---- */

/* A random number for all processes: whoever comes first makes it. 0: there is no randomness. */
static uint64_t common_number(_Atomic uint64_t *word)
{
    uint64_t none = 0, random;

    if (atomic_load(word) == 0
        && apr_generate_random_bytes((unsigned char *)&random, sizeof(random)) == APR_SUCCESS) {
        atomic_compare_exchange_strong(word, &none, random);
    }
    return atomic_load(word);
}

/* A key for each kind of name in this environment. */
static bool make_keys(apr_pool_t *pool, sk_revoked *revoked, const sk_settings *settings)
{
    const char *secret = apr_psprintf(pool, "%" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT,
                                      common_number(&revoked->words[KEY_1]),
                                      common_number(&revoked->words[KEY_2]));
    bool ok = revoked->words[KEY_1] && revoked->words[KEY_2];
    int kind;

    for (kind = 0; kind < KINDS; kind++) {
        const char *label = apr_psprintf(pool, "revoked %d\n%s\n%s", kind, settings->env_url,
                                         settings->client_id);
        ok = ok && sk_hkdf(secret, label, revoked->keys[kind], APR_SIPHASH_KSIZE);
    }
    return ok;
}

sk_revoked *sk_revoked_create(apr_pool_t *pool, sk_table *table, _Atomic uint64_t *words,
                              const sk_settings *settings)
{
    sk_revoked *revoked = apr_pcalloc(pool, sizeof(*revoked));
    uint32_t marks;

    revoked->bars = sk_table_marks(table, &marks);
    revoked->buckets = marks / BUCKET;
    revoked->words = words;
    revoked->table = table;
    revoked->started = apr_time_sec(sk_table_created(table));
    revoked->life = apr_time_sec(settings->session_max_age);
    return make_keys(pool, revoked, settings) ? revoked : NULL;
}

/* ---- bars ---- */

/* The place of a name: its bucket, and what its bar has in the upper half. */
typedef struct place {
    _Atomic uint64_t *bucket;
    uint64_t tag;
} place;

static place place_of(const sk_revoked *revoked, sk_revoked_by by, const char *name)
{
    uint64_t hash = apr_siphash24(name, strlen(name), revoked->keys[by]);
    place at = {revoked->bars + (size_t)((uint32_t)hash % revoked->buckets) * BUCKET,
                hash & 0xffffffff00000000u};

    return at;
}

static apr_time_t time_of(uint64_t bar)
{
    return (apr_time_t)(bar & 0xffffffffu);
}

static bool has_tag(uint64_t bar, uint64_t tag)
{
    return bar && (bar ^ tag) >> 32 == 0;
}

/* Until when a name is barred; 0 if it is not. */
static apr_time_t barred_until(const sk_revoked *revoked, sk_revoked_by by, const char *name)
{
    apr_time_t until = 0;
    place at;
    int i;

    if (!name) {
        return 0;
    }
    at = place_of(revoked, by, name);
    for (i = 0; i < BUCKET; i++) {
        uint64_t bar = atomic_load_explicit(&at.bucket[i], memory_order_acquire);
        if (has_tag(bar, at.tag) && time_of(bar) > until) {
            until = time_of(bar);
        }
    }
    return until;
}

static void raise_to(_Atomic uint64_t *word, uint64_t value)
{
    uint64_t is = atomic_load(word);

    while (is < value && !atomic_compare_exchange_weak(word, &is, value)) {
    }
}

/* Where a bar goes: over an earlier one of the same name, else into a free word, else over the oldest. */
static _Atomic uint64_t *word_for(const place *at, uint64_t *is)
{
    _Atomic uint64_t *best = at->bucket;
    int i;

    *is = atomic_load(best);
    for (i = 0; i < BUCKET && !has_tag(*is, at->tag); i++) {
        uint64_t bar = atomic_load(&at->bucket[i]);
        if (has_tag(bar, at->tag) || time_of(bar) < time_of(*is)) {
            best = &at->bucket[i];
            *is = bar;
        }
    }
    return best;
}

/* A bar that no session can be old enough for any more is no loss. */
static void warn_of_loss(const sk_call *call, const sk_revoked *revoked, apr_time_t forgotten)
{
    uint64_t now = (uint64_t)apr_time_sec(apr_time_now());
    uint64_t warned = atomic_load(&revoked->words[WARNED]);

    if (forgotten + revoked->life > (apr_time_t)now && now >= warned + WARNING_PAUSE
        && atomic_compare_exchange_strong(&revoked->words[WARNED], &warned, now)) {
        sk_call_log(
            call, SK_LEVEL_WARNING,
            "the list of sessions that were ended before their time is too short: "
            "sessions are confirmed with Scalekit more often than they need be, and those "
            "without a refresh token end; make ScalekitSharedMemory larger and restart httpd");
    }
}

bool sk_revoked_bar(const sk_call *call, const sk_revoked *revoked, sk_revoked_by by,
                    const char *name, apr_time_t until)
{
    place at = place_of(revoked, by, name);
    uint64_t bar = at.tag | (uint32_t)until, is;
    _Atomic uint64_t *word;

    do {
        word = word_for(&at, &is);
        if (has_tag(is, at.tag) && time_of(is) >= until) {
            break;
        }
        /* The line first: from here on nobody may miss the old bar. */
        if (is && !has_tag(is, at.tag)) {
            raise_to(&revoked->words[FORGOTTEN], (uint64_t)time_of(is));
            warn_of_loss(call, revoked, time_of(is));
        }
    } while (!atomic_compare_exchange_strong(word, &is, bar));
    /* Also for a bar that was there: who set it may not have come this far. */
    atomic_fetch_add(&revoked->words[BARRED], 1);
    return !has_tag(is, at.tag);
}

/* ---- sessions ---- */

/* Until when sessions like this one of its user are barred. */
static apr_time_t user_barred_until(const sk_revoked *revoked, const sk_identity *who)
{
    apr_time_t all = barred_until(revoked, SK_REVOKED_SUB, who->sub);
    apr_time_t sidless = who->sid ? 0 : barred_until(revoked, SK_REVOKED_SUB_SIDLESS, who->sub);

    return all > sidless ? all : sidless;
}

static bool is_barred(const sk_revoked *revoked, const sk_record *record)
{
    const sk_identity *who = &record->identity;

    return barred_until(revoked, SK_REVOKED_ID, record->id)
           || barred_until(revoked, SK_REVOKED_SID, who->sid)
           || record->login <= user_barred_until(revoked, who);
}

/* Three lines of memory that nobody else has need of, and as many hashes: mostly nothing was barred since the last look. */
static bool is_free(const sk_revoked *revoked, const sk_record *record, sk_memo_note *note)
{
    uint64_t now = atomic_load(&revoked->words[BARRED]) + 1; /* before the look; 0 is no note */

    if (note && atomic_load(note) == now) {
        return true;
    }
    if (is_barred(revoked, record)) {
        return false;
    }
    if (note) {
        atomic_store(note, now);
    }
    return true;
}

sk_standing sk_revoked_look(const sk_revoked *revoked, const sk_record *record,
                            sk_memo_note *note)
{
    if (!is_free(revoked, record, note)) {
        return SK_STANDING_ENDED;
    }
    if (record->confirmed <= (apr_time_t)atomic_load(&revoked->words[FORGOTTEN])) {
        return SK_STANDING_DOUBTFUL;
    }
    return record->confirmed < revoked->started
                   && record->confirmed < apr_time_sec(sk_table_created(revoked->table))
               ? SK_STANDING_UNCONFIRMED
               : SK_STANDING_GOOD;
}

apr_time_t sk_revoked_beginning(const sk_revoked *revoked, const sk_record *record,
                                apr_time_t second)
{
    return user_barred_until(revoked, &record->identity) == second ? second + 1 : second;
}
