/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/crowd.h"

int sk_crowd_enter(const sk_crowd *crowd, apr_time_t now, apr_time_t until)
{
    int i;

    for (i = 0; i < crowd->count; i++) {
        uint64_t taken_until = atomic_load(&crowd->places[i]);
        if (taken_until <= (uint64_t)now
            && atomic_compare_exchange_strong(&crowd->places[i], &taken_until,
                                              (uint64_t)until)) {
            return i;
        }
    }
    return -1;
}

bool sk_crowd_is_fresh(const sk_crowd *crowd, apr_time_t now, apr_time_t then)
{
    int i;

    for (i = 0; i < crowd->count; i++) {
        uint64_t taken_until = atomic_load(&crowd->places[i]);
        if (taken_until > (uint64_t)now && taken_until <= (uint64_t)then) {
            return false;
        }
    }
    return true;
}

void sk_crowd_leave(const sk_crowd *crowd, int place, apr_time_t until)
{
    uint64_t ours = (uint64_t)until;

    atomic_compare_exchange_strong(&crowd->places[place], &ours, 0);
}
