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

typedef enum sk_breaker_pass {
    SK_BREAKER_PASS,  /* call */
    SK_BREAKER_TRIAL, /* call, for all others, who wait for how it goes */
    SK_BREAKER_STOP   /* do not call */
} sk_breaker_pass;

/** May a call be made? If so, sk_breaker_note() must follow. */
sk_breaker_pass sk_breaker_ask(const sk_breaker *breaker, apr_time_t now);

/**
 * How the call went. An answer may say how long nobody shall call (Retry-After); then one is enough.
 * @return the pause that begins with it; 0: none
 */
apr_time_t sk_breaker_note(const sk_breaker *breaker, sk_breaker_pass pass, bool went_well,
                           apr_time_t retry_after, apr_time_t now);

#endif
