/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many workers of the server are busy with calling Scalekit or waiting for it, counted in shared memory as places that
 * are taken until a time: who dies in one gives it back by time.
 */
#ifndef SK_ENVIRONMENT_CROWD_H
#define SK_ENVIRONMENT_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <apr_time.h>

typedef struct sk_crowd {
    _Atomic uint64_t
        *places; /* shared; each the time in microseconds until which it is taken */
    int count;   /* how many there are for this server */
} sk_crowd;

/** Takes a place until a time. @return its number, or -1 if all are taken */
int sk_crowd_enter(const sk_crowd *crowd, apr_time_t now, apr_time_t until);

/** Has nobody here been in since so long that their time is up by then? */
bool sk_crowd_is_fresh(const sk_crowd *crowd, apr_time_t now, apr_time_t then);

/** Gives it back. */
void sk_crowd_leave(const sk_crowd *crowd, int place, apr_time_t until);

#endif
