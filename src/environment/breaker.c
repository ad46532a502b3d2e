/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/breaker.h"

enum {
    FAILURES = 3
};

#define SHORTEST apr_time_from_sec(5)
#define LONGEST apr_time_from_sec(60)

/* Longer than any call takes: who tries and dies does not keep the others out for ever. */
#define TRIAL apr_time_from_sec(15)

static apr_uint64_t load(const apr_uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(apr_uint64_t *word, apr_uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

bool sk_breaker_lets_through(const sk_breaker *breaker, apr_time_t now)
{
    apr_uint64_t until;

    if (load(breaker->failures) < FAILURES) {
        return true;
    }
    until = load(breaker->quiet_until);
    return (apr_uint64_t)now >= until
           && __atomic_compare_exchange_n(breaker->quiet_until, &until, (apr_uint64_t)(now + TRIAL), false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void sk_breaker_note(const sk_breaker *breaker, bool went_well, apr_time_t now)
{
    apr_time_t pause;

    if (went_well) {
        if (load(breaker->failures) > 0) {
            store(breaker->failures, 0);
            store(breaker->pause, 0);
        }
        return;
    }
    if (__atomic_add_fetch(breaker->failures, 1, __ATOMIC_ACQ_REL) < FAILURES) {
        return;
    }
    pause = 2 * (apr_time_t)load(breaker->pause);
    pause = pause < SHORTEST ? SHORTEST : pause > LONGEST ? LONGEST : pause;
    store(breaker->pause, (apr_uint64_t)pause);
    store(breaker->quiet_until, (apr_uint64_t)(now + pause));
}
