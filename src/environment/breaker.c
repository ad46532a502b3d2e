/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/breaker.h"

enum { FAILURES = 3 };

#define SHORTEST apr_time_from_sec(5)
#define LONGEST apr_time_from_sec(60)

/* Longer than any call takes: who tries and dies does not keep the others out for ever. */
#define TRIAL apr_time_from_sec(15)

bool sk_breaker_lets_through(const sk_breaker *breaker, apr_time_t now)
{
    uint64_t until;

    if (atomic_load(breaker->failures) < FAILURES) {
        return true;
    }
    until = atomic_load(breaker->quiet_until);
    return (uint64_t)now >= until
           && atomic_compare_exchange_strong(breaker->quiet_until, &until,
                                             (uint64_t)(now + TRIAL));
}

void sk_breaker_note(const sk_breaker *breaker, bool went_well, apr_time_t now)
{
    apr_time_t pause;

    if (went_well) {
        if (atomic_load(breaker->failures) > 0) {
            atomic_store(breaker->failures, 0);
            atomic_store(breaker->pause, 0);
        }
        return;
    }
    if (atomic_fetch_add(breaker->failures, 1) + 1 < FAILURES) {
        return;
    }
    pause = 2 * (apr_time_t)atomic_load(breaker->pause);
    pause = pause < SHORTEST ? SHORTEST : pause > LONGEST ? LONGEST : pause;
    atomic_store(breaker->pause, (uint64_t)pause);
    atomic_store(breaker->quiet_until, (uint64_t)(now + pause));
}
