/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login attempts: one sealed cookie each, so that tabs do not disturb each other. At most SK_ATTEMPTS_MAX and
 * SK_ATTEMPTS_BYTES are kept, the oldest goes; each dies after ten minutes or when used.
 *
 * A cookie holds a random seed, from which state, nonce and PKCE verifier are derived, the time and the return target.
 */
#ifndef SK_SESSION_LOGIN_STATE_H
#define SK_SESSION_LOGIN_STATE_H

#include <stdbool.h>
#include <httpd.h>

#define SK_ATTEMPTS_MAX 5
#define SK_ATTEMPTS_BYTES 2560
#define SK_ATTEMPT_LIFE 600 /* seconds */

typedef struct sk_attempt {
    const char *state;
    const char *nonce;
    const char *verifier;
    const char *target; /* where the browser wanted to go: a local target */
    const char *
        reference; /* a short name of the attempt for log and page, of no use to anybody else */
    apr_time_t started;
} sk_attempt;

/**
 * Begins an attempt: makes its secrets and sends its cookie.
 * @param secure whether the site is on https
 * @return NULL if there is no randomness
 */
const sk_attempt *sk_attempt_start(request_rec *r, const char *target, bool secure);

typedef enum sk_attempt_found {
    SK_ATTEMPT_FOUND,
    SK_ATTEMPT_EXPIRED, /* *attempt is set */
    SK_ATTEMPT_UNKNOWN  /* its cookie is not there: used before, evicted, or never ours */
} sk_attempt_found;

/** Finds the attempt of a state and ends it: its cookie is deleted, whatever it was worth. */
sk_attempt_found sk_attempt_take(request_rec *r, const char *state, bool secure,
                                 const sk_attempt **attempt);

/** The short name that the attempt of this state has in log and page. */
const char *sk_attempt_reference(request_rec *r, const char *state);

/** Is this the name of an attempt's cookie? */
bool sk_attempt_is_cookie(const char *name);

#endif
