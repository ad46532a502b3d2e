/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login attempts: one sealed cookie each, so that tabs do not disturb each other. At most SK_ATTEMPTS_MAX and
 * SK_ATTEMPTS_BYTES are kept, the oldest goes; each dies after ten minutes or when used.
 */
#ifndef SK_SESSION_LOGIN_STATE_H
#define SK_SESSION_LOGIN_STATE_H

#include <stdbool.h>
#include <httpd.h>

#include "core/attempt.h"

#define SK_ATTEMPTS_MAX 12
#define SK_ATTEMPTS_BYTES 2560
#define SK_ATTEMPT_LIFE 600 /* seconds */

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

/** Is this the name of an attempt's cookie? */
bool sk_attempt_is_cookie(const char *name);

#endif
