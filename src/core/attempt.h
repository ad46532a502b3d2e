/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A login attempt and the sealed text that a browser keeps of it: a random seed, from which state, nonce and PKCE
 * verifier are derived, the time and the return target.
 */
#ifndef SK_CORE_ATTEMPT_H
#define SK_CORE_ATTEMPT_H

#include <apr_pools.h>
#include <apr_time.h>

#include "core/seal.h"

/** The bytes of a seed. */
#define SK_ATTEMPT_SEED 32

typedef struct sk_attempt {
    const char *state;
    const char *nonce;
    const char *verifier;
    const char *target; /* where the browser wanted to go: a local target */
    /* A short name of the attempt for log and page, of no use to anybody else */
    const char *reference;
    apr_time_t started;
} sk_attempt;

/** The short name that the attempt of this state has in log and page. */
const char *sk_attempt_reference(apr_pool_t *pool, const char *state);

/** What follows from a seed. NULL if OpenSSL fails, as all here. */
sk_attempt *sk_attempt_make(apr_pool_t *pool, const unsigned char *seed, apr_time_t started,
                            const char *target);

/** The sealed text of an attempt. */
const char *sk_attempt_seal(apr_pool_t *pool, const sk_sealer *sealer,
                            const unsigned char *seed, apr_time_t started, const char *target);

/** The attempt of a sealed text; NULL if it is none. */
const sk_attempt *sk_attempt_open(apr_pool_t *pool, const sk_sealer *sealer, const char *text);

#endif
