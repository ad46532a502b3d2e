/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody who asks something of the environment brings along: memory, a log and a time limit. No httpd request, so
 * that all of this runs in a unit test as well.
 */
#ifndef SK_ENVIRONMENT_CALL_H
#define SK_ENVIRONMENT_CALL_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef enum sk_level {
    SK_LEVEL_ERROR,
    SK_LEVEL_WARNING,
    SK_LEVEL_INFO,
    SK_LEVEL_DEBUG
} sk_level;

/** Takes one line, without a newline at its end. */
typedef void sk_log_function(void *baton, sk_level level, const char *line);

typedef struct sk_call {
    apr_pool_t *pool; /* for the answer and all that is needed on the way */
    sk_log_function *log;
    void *log_baton;
    apr_time_t deadline; /* when all of it has to be over */
    /* libcurl repeats a request by itself when a kept connection turns out to be dead: not this one. */
    bool never_twice;
    /* The breaker has let it through already: what else is asked on its behalf need not ask again. */
    bool is_let_through;
} sk_call;

/** What is left of the time, at least a moment: 0 would mean "no limit" to libcurl. */
static inline apr_time_t sk_call_time_left(const sk_call *call)
{
    apr_time_t left = call->deadline - apr_time_now();

    return left > 1000 ? left : 1000;
}

#define sk_call_log(call, level, ...)                                                          \
    (call)->log((call)->log_baton, (level), apr_psprintf((call)->pool, __VA_ARGS__))

#endif
