/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether it makes sense to call Scalekit: after three failures in a row nobody calls for 5 s, then one call tries; each time that
 * it fails as well the pause doubles, up to 60 s. All processes share the state.
 */
#ifndef SK_ENVIRONMENT_BREAKER_H
#define SK_ENVIRONMENT_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <apr_time.h>

/** Three words of shared memory, all 0 at first. */
typedef struct sk_breaker {
    _Atomic uint64_t *failures;
    _Atomic uint64_t *quiet_until; /* the time, in microseconds, until which nobody calls */
    _Atomic uint64_t *pause;       /* how long that was, in microseconds */
} sk_breaker;

typedef enum sk_breaker_says {
    SK_BREAKER_NO, /* nobody calls now */
    SK_BREAKER_CALL,
    SK_BREAKER_TRY /* the one call that shows whether it makes sense again */
} sk_breaker_says;

/** May a call be made? If so sk_breaker_note() must follow. */
sk_breaker_says sk_breaker_ask(const sk_breaker *breaker, apr_time_t now);

/**
 * How that call went: an answer that is no 5xx and no 429 is well. Only a try makes the pause longer: of the calls that
 * were under way together when Scalekit failed, each one fails.
 */
void sk_breaker_note(const sk_breaker *breaker, sk_breaker_says said, bool went_well,
                     apr_time_t now);

#endif
