/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP to Scalekit, over libcurl: a small pool of kept-alive handles per process, each call bounded in time and size, no
 * redirects, certificates verified.
 */
#ifndef SK_ENVIRONMENT_HTTP_H
#define SK_ENVIRONMENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_errno.h>

#include "core/settings.h"
#include "environment/breaker.h"
#include "environment/call.h"

/** The largest answer that we read, in bytes. */
#define SK_HTTP_ANSWER_MAX ((size_t)256 * 1024)

typedef struct sk_http sk_http;

/** The idle connections of a process, for all of its clients. */
typedef struct sk_handles sk_handles;

/** The failure, this very pointer, of who was not let through because Scalekit failed several times in a row. */
extern const char sk_http_resting[];

typedef struct sk_http_answer {
    int status; /* 0: there was no answer; then `failure` says why */
    const char *body;
    size_t length;
    const char *failure;
    /* The failure, of a 200: that of a user with many or long claims, not Scalekit's */
    bool is_too_large;
    sk_breaker_pass pass;   /* for sk_http_judge() */
    apr_time_t retry_after; /* how long it asks to be left alone; 0: it does not */
} sk_http_answer;

/** libcurl's global start, once, before threads; it is never undone, since other modules may use libcurl too. */
apr_status_t sk_http_start(void);

/** Make them after fork: connections belong to a process. NULL: no memory for a lock. */
sk_handles *sk_http_handles(apr_pool_t *pool);

/** A client for one environment. */
sk_http *sk_http_create(apr_pool_t *pool, const sk_settings *settings,
                        const sk_breaker *breaker, sk_handles *handles);

/** GET, or with a body POST of an HTML form. Blocks, at most ScalekitTimeout's total. sk_http_judge() must follow. */
sk_http_answer sk_http_ask(const sk_call *call, sk_http *http, const char *path,
                           const char *form);

/** Whether the answer was one that Scalekit gives when it is well: several others in a row, and nobody asks for a while. */
void sk_http_judge(const sk_call *call, sk_http *http, const sk_http_answer *answer,
                   bool is_useful);

#endif
