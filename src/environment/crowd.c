/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/crowd.h"

static bool replace(apr_uint64_t *place, apr_uint64_t old, apr_time_t value)
{
    return __atomic_compare_exchange_n(place, &old, (apr_uint64_t)value, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

int sk_crowd_enter(const sk_crowd *crowd, apr_time_t now, apr_time_t until)
{
    int i;

    for (i = 0; i < crowd->count; i++) {
        apr_uint64_t taken_until = __atomic_load_n(&crowd->places[i], __ATOMIC_ACQUIRE);
        if (taken_until <= (apr_uint64_t)now && replace(&crowd->places[i], taken_until, until)) {
            return i;
        }
    }
    return -1;
}

void sk_crowd_leave(const sk_crowd *crowd, int place, apr_time_t until)
{
    replace(&crowd->places[place], (apr_uint64_t)until, 0);
}
