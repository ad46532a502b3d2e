/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/breaker.h"

enum { FAILURES = 3 };

#define SHORTEST apr_time_from_sec(5)
#define LONGEST apr_time_from_sec(60)

/* Longer than any call takes: who tries and dies does not keep the others out for ever. */
#define TRIAL apr_time_from_sec(15)

sk_breaker_says sk_breaker_ask(const sk_breaker *breaker, apr_time_t now)
{
    uint64_t until;

    if (atomic_load(breaker->failures) < FAILURES) {
        return SK_BREAKER_CALL;
    }
    until = atomic_load(breaker->quiet_until);
    return (uint64_t)now >= until
                   && atomic_compare_exchange_strong(breaker->quiet_until, &until,
                                                     (uint64_t)(now + TRIAL))
               ? SK_BREAKER_TRY
               : SK_BREAKER_NO;
}

static void stay_quiet(const sk_breaker *breaker, apr_time_t now, apr_time_t pause)
{
    atomic_store(breaker->pause, (uint64_t)pause);
    atomic_store(breaker->quiet_until, (uint64_t)(now + pause));
}

void sk_breaker_note(const sk_breaker *breaker, sk_breaker_says said, bool went_well,
                     apr_time_t now)
{
    if (went_well) {
        if (atomic_load(breaker->failures) > 0) {
            atomic_store(breaker->failures, 0);
            atomic_store(breaker->pause, 0);
        }
    }
    else if (said == SK_BREAKER_TRY) {
        apr_time_t pause = 2 * (apr_time_t)atomic_load(breaker->pause);
        stay_quiet(breaker, now,
                   pause < SHORTEST  ? SHORTEST
                   : pause > LONGEST ? LONGEST
                                     : pause);
    }
    else if (atomic_fetch_add(breaker->failures, 1) + 1 == FAILURES) {
        stay_quiet(breaker, now, SHORTEST);
    }
}
