/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/environment.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <apr_strings.h>

#include "core/text.h"
#include "environment/discovery.h"
#include "environment/logout_token.h"

/* What was said is not said again for a day, by whatever process. */
#define SAID_FOR apr_time_from_sec(24 * 3600)

/* While all who log in have been at it for less, they are just many; how often who waits for them looks. */
#define YOUNG apr_time_from_sec(2)
#define PAUSE apr_time_from_msec(20)

/* Of the difference of two clocks, in seconds: less may be the way that the tokens took. */
enum { CLOCK_LIMIT = 20 };

/*
 * The table's words: three for the breaker of each environment (of more environments than there is room for, some share
 * one), those of revoked.c, whether losses were noticed, then places for those who refresh or wait for it, and places for those who log in.
 */
enum {
    BREAKERS = 16,
    BREAKER_WORDS = 3,
    REVOKED = BREAKERS * BREAKER_WORDS,
    LOSSES_NOTICED = REVOKED + SK_REVOKED_WORDS,
    REFRESH_PLACES = LOSSES_NOTICED + 1,
    REFRESH_MAX = 80,
    LOGIN_PLACES = REFRESH_PLACES + REFRESH_MAX,
    LOGIN_MAX = SK_TABLE_WORDS - LOGIN_PLACES,
};

struct sk_environment {
    sk_tokens tokens;
    sk_crowd refreshing;
    sk_crowd logging_in;
    sk_refresher refresher;
    sk_revoked *revoked;
    _Atomic uint64_t *losses_noticed;
    atomic_bool is_examined; /* by this process or another */
};

static const char busy[] = "too many callers wait for Scalekit already";

/* By its text: an errand returns a copy. */
bool sk_environment_is_resting(const char *wrong)
{
    return sk_text_equal(wrong, busy) || sk_text_equal(wrong, sk_http_resting)
           || wrong == sk_keys_missing;
}

static sk_breaker breaker_of(const sk_settings *settings, sk_table *table)
{
    unsigned int first = BREAKER_WORDS * ((unsigned int)settings->number % BREAKERS);
    sk_breaker breaker = {sk_table_word(table, first), sk_table_word(table, first + 1),
                          sk_table_word(table, first + 2)};

    return breaker;
}

static sk_crowd crowd_of(sk_table *table, unsigned int first, int places, int least, int most)
{
    sk_crowd crowd = {sk_table_word(table, first), places < least  ? least
                                                   : places > most ? most
                                                                   : places};

    return crowd;
}

sk_environment *sk_environment_create(apr_pool_t *pool, const sk_settings *settings,
                                      const sk_process *process)
{
    sk_environment *environment = apr_pcalloc(pool, sizeof(*environment));
    sk_table *table = process->table;
    sk_breaker breaker = breaker_of(settings, table);
    sk_tokens *tokens = &environment->tokens;
    sk_refresher *refresher = &environment->refresher;

    tokens->settings = settings;
    tokens->http = sk_http_create(pool, settings, &breaker, process->handles);
    tokens->errands = process->errands;
    environment->refreshing =
        crowd_of(table, REFRESH_PLACES, process->workers / 10, 2, REFRESH_MAX);
    environment->logging_in = crowd_of(table, LOGIN_PLACES, process->workers / 2, 1, LOGIN_MAX);
    refresher->tokens = tokens;
    refresher->crowd = &environment->refreshing;
    refresher->cache = sk_cache_create(pool, table, process->memo, settings->secrets,
                                       settings->env_url, settings->client_id);
    tokens->keys = tokens->http && refresher->cache
                       ? sk_keys_create(pool, tokens->http, refresher->cache)
                       : NULL;
    environment->revoked =
        sk_revoked_create(pool, table, sk_table_word(table, REVOKED), settings);
    environment->losses_noticed = sk_table_word(table, LOSSES_NOTICED);
    return tokens->keys && environment->revoked ? environment : NULL;
}

/* ---- what is said once ---- */

static bool is_first_to_say(const sk_call *call, const sk_environment *environment,
                            const char *what)
{
    const sk_settings *settings = environment->tokens.settings;
    const sk_cache *cache = environment->refresher.cache;
    const char *name = apr_pstrcat(call->pool, what, "\n", settings->name, "\n",
                                   settings->env_url, "\n", settings->issuer, NULL);
    sk_cache_key key;

    return sk_cache_name(cache, "said", name, &key)
           && sk_cache_add(call, cache, apr_time_now(), &key, "", 0, SAID_FOR)
                  == SK_OUTCOME_YES;
}

static const char *compare(const sk_call *call, void *baton)
{
    const sk_tokens *tokens = baton;

    sk_discovery_compare(call, tokens->settings, tokens->http);
    return NULL;
}

bool sk_environment_is_examined(const sk_environment *environment)
{
    return atomic_load(&environment->is_examined);
}

void sk_environment_examine(const sk_call *call, sk_environment *environment)
{
    sk_tokens *tokens = &environment->tokens;

    if (!atomic_exchange(&environment->is_examined, true)
        && is_first_to_say(call, environment, "discovery")) {
        sk_errands_run(tokens->errands, call, compare, tokens);
    }
}

static void look_at_clock(const sk_call *call, const sk_environment *environment,
                          const sk_record *record)
{
    const sk_settings *settings = environment->tokens.settings;
    long ahead = (long)record->clock_ahead;

    if (labs(ahead) > CLOCK_LIMIT && is_first_to_say(call, environment, "clock")) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "%s: this machine's clock is %ld seconds %s Scalekit's: set it (NTP); with "
                    "more than ScalekitClockSkew, which is %ld, nobody can log in",
                    settings->name, labs(ahead), ahead > 0 ? "ahead of" : "behind",
                    (long)apr_time_sec(settings->clock_skew));
    }
}

/* ---- what is asked of Scalekit ---- */

/*
 * Takes a place among those who log in. While nobody has been in for long Scalekit is well, and a herd waits for its turn, which costs
 * a worker each; for half of the time that a call has at most.
 */
static int enter(const sk_call *call, const sk_environment *environment, apr_time_t *until)
{
    const sk_crowd *crowd = &environment->logging_in;
    apr_time_t life = environment->tokens.settings->total_timeout;
    apr_time_t young = YOUNG < life / 2 ? YOUNG : life / 2;

    for (;;) {
        apr_time_t now = apr_time_now();
        int place;
        *until = now + life;
        place = sk_crowd_enter(crowd, now, *until);
        if (place >= 0 || call->deadline - now < life / 2
            || !sk_crowd_is_fresh(crowd, now, *until - young)) {
            return place;
        }
        apr_sleep(PAUSE);
    }
}

const char *sk_environment_login(const sk_call *call, sk_environment *environment,
                                 const sk_code *code, sk_record *record)
{
    apr_time_t until;
    int place = enter(call, environment, &until);
    const char *wrong;

    if (place < 0) {
        return busy;
    }
    wrong = sk_tokens_exchange(call, &environment->tokens, code, record);
    sk_crowd_leave(&environment->logging_in, place, until);
    if (!wrong) {
        look_at_clock(call, environment, record);
    }
    return wrong;
}

sk_refreshed sk_environment_refresh(const sk_call *call, sk_environment *environment,
                                    sk_refresh_when when, sk_record *record)
{
    sk_refreshed refreshed = sk_refresh(call, &environment->refresher, when, record);

    look_at_clock(call, environment, record);
    return refreshed;
}

sk_refreshed sk_environment_follow(const sk_call *call, sk_environment *environment,
                                   sk_record *record)
{
    return sk_refresh_follow(call, &environment->refresher, record);
}

const char *sk_environment_idp_initiated(const sk_call *call, sk_environment *environment,
                                         const char *token, sk_idp_request *request)
{
    int place = sk_crowd_enter(&environment->logging_in, apr_time_now(), call->deadline);
    const char *wrong;

    if (place < 0) {
        return busy;
    }
    wrong = sk_idp_check(call, environment->tokens.settings, environment->tokens.keys,
                         environment->refresher.cache, token, request);
    sk_crowd_leave(&environment->logging_in, place, call->deadline);
    return wrong;
}

const char *sk_environment_logout_token(const sk_call *call, sk_environment *environment,
                                        const char *token)
{
    int place = sk_crowd_enter(&environment->logging_in, apr_time_now(), call->deadline);
    const char *wrong;

    if (place < 0) {
        return busy;
    }
    wrong = sk_logout_token_take(call, environment->tokens.settings, environment->tokens.keys,
                                 environment->refresher.cache, environment->revoked, token);
    sk_crowd_leave(&environment->logging_in, place, call->deadline);
    return wrong;
}

const sk_revoked *sk_environment_revoked(const sk_environment *environment)
{
    return environment->revoked;
}

const sk_cache *sk_environment_cache(const sk_environment *environment)
{
    return environment->refresher.cache;
}

bool sk_environment_begins_to_lose(const sk_environment *environment)
{
    uint64_t nobody = 0;

    return sk_cache_losses(environment->refresher.cache) > 0
           && atomic_compare_exchange_strong(environment->losses_noticed, &nobody, 1);
}
