/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/breaker.h"

enum { FAILURES = 3 };

#define SHORTEST apr_time_from_sec(5)
#define LONGEST apr_time_from_sec(60)

/* Longer than any call takes: who tries and dies does not keep the others out for ever. */
#define TRIAL apr_time_from_sec(15)

sk_breaker_pass sk_breaker_ask(const sk_breaker *breaker, apr_time_t now)
{
    uint64_t until;

    if (atomic_load(breaker->failures) < FAILURES) {
        return SK_BREAKER_PASS;
    }
    until = atomic_load(breaker->quiet_until);
    /* Further ahead than any pause: the clock was set back. */
    return ((uint64_t)now >= until || until - (uint64_t)now > (uint64_t)LONGEST)
                   && atomic_compare_exchange_strong(breaker->quiet_until, &until,
                                                     (uint64_t)(now + TRIAL))
               ? SK_BREAKER_TRIAL
               : SK_BREAKER_STOP;
}

/* Of calls that fail at the same time only the one that makes it three starts the pause; only a trial prolongs it. */
static apr_time_t note_failure(const sk_breaker *breaker, sk_breaker_pass pass,
                               apr_time_t retry_after, apr_time_t now)
{
    uint64_t failures = atomic_fetch_add(breaker->failures, 1) + 1;
    apr_time_t pause = SHORTEST;

    if (failures != FAILURES && pass != SK_BREAKER_TRIAL
        && (retry_after == 0 || failures > FAILURES)) {
        return 0;
    }
    if (pass == SK_BREAKER_TRIAL) {
        pause = 2 * (apr_time_t)atomic_load(breaker->pause);
    }
    pause = pause < retry_after ? retry_after : pause;
    pause = pause < SHORTEST ? SHORTEST : pause > LONGEST ? LONGEST : pause;
    atomic_store(breaker->pause, (uint64_t)pause);
    atomic_store(breaker->quiet_until, (uint64_t)(now + pause));
    if (failures < FAILURES) {
        atomic_store(breaker->failures, FAILURES);
    }
    return pause;
}

apr_time_t sk_breaker_note(const sk_breaker *breaker, sk_breaker_pass pass, bool went_well,
                           apr_time_t retry_after, apr_time_t now)
{
    if (!went_well) {
        return note_failure(breaker, pass, retry_after, now);
    }
    if (atomic_load(breaker->failures) > 0) {
        atomic_store(breaker->failures, 0);
    }
    return 0;
}
