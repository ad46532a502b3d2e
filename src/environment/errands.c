/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/errands.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>

typedef struct work {
    const sk_call *call;
    sk_errand *errand;
    void *baton;
    const char *result;
} work;

typedef struct runner {
    sk_errands *errands;
    apr_thread_t *thread;
    /* In turn the runner waits for work and the caller for its end */
    apr_thread_cond_t *changed;
    work *work;
    struct runner *next;      /* of all */
    struct runner *next_idle; /* who ran last comes first, so that few run */
} runner;

struct sk_errands {
    apr_thread_mutex_t *mutex; /* guards all here, and is never held while an errand runs */
    apr_pool_t *pool;          /* of the runners */
    runner *all, *idle;
    bool is_over;
};

static void perform(work *w)
{
    sk_call call = *w->call;

    apr_pool_create(&call.pool, NULL);
    w->result = w->errand(&call, w->baton);
    if (w->result) {
        w->result = apr_pstrdup(w->call->pool, w->result);
    }
    apr_pool_destroy(call.pool);
}

/* With the mutex held, and left alone for the moment: who is woken wants it. */
static void wake(sk_errands *errands, runner *one)
{
    apr_thread_mutex_unlock(errands->mutex);
    apr_thread_cond_signal(one->changed);
    apr_thread_mutex_lock(errands->mutex);
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *baton)
{
    runner *self = baton;
    sk_errands *errands = self->errands;

    (void)thread;
    apr_thread_mutex_lock(errands->mutex);
    while (self->work || !errands->is_over) {
        if (self->work) {
            apr_thread_mutex_unlock(errands->mutex);
            perform(self->work);
            apr_thread_mutex_lock(errands->mutex);
            self->work = NULL;
            wake(errands, self);
        }
        else {
            apr_thread_cond_wait(self->changed, errands->mutex);
        }
    }
    apr_thread_mutex_unlock(errands->mutex);
    return NULL;
}

static apr_status_t end(void *baton)
{
    sk_errands *errands = baton;
    apr_status_t ignored;
    runner *one;

    apr_thread_mutex_lock(errands->mutex);
    errands->is_over = true;
    for (one = errands->all; one; one = one->next) {
        apr_thread_cond_broadcast(one->changed);
    }
    apr_thread_mutex_unlock(errands->mutex);
    for (one = errands->all; one; one = one->next) {
        apr_thread_join(&ignored, one->thread);
    }
    apr_pool_destroy(errands->pool);
    return APR_SUCCESS;
}

sk_errands *sk_errands_create(apr_pool_t *pool)
{
    sk_errands *errands = apr_pcalloc(pool, sizeof(*errands));

    if (apr_thread_mutex_create(&errands->mutex, APR_THREAD_MUTEX_DEFAULT, pool)
        != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_create(&errands->pool, NULL);
    apr_pool_pre_cleanup_register(pool, errands, end);
    return errands;
}

static runner *new_runner(sk_errands *errands)
{
    apr_pool_t *pool;
    runner *made;

    apr_pool_create(&pool, errands->pool);
    made = apr_pcalloc(pool, sizeof(*made));
    made->errands = errands;
    if (apr_thread_cond_create(&made->changed, pool) != APR_SUCCESS
        || apr_thread_create(&made->thread, NULL, run, made, pool) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return NULL;
    }
    made->next = errands->all;
    errands->all = made;
    return made;
}

/* With the mutex held. @return false if there is no thread to be had */
static bool hand_over(sk_errands *errands, work *w)
{
    runner *one = errands->idle;

    if (errands->is_over) {
        return false;
    }
    if (one) {
        errands->idle = one->next_idle;
    }
    else if (!(one = new_runner(errands))) {
        return false;
    }
    one->work = w;
    wake(errands, one);
    while (one->work) {
        apr_thread_cond_wait(one->changed, errands->mutex);
    }
    one->next_idle = errands->idle;
    errands->idle = one;
    return true;
}

const char *sk_errands_run(sk_errands *errands, const sk_call *call, sk_errand *errand,
                           void *baton)
{
    work w = {call, errand, baton, NULL};
    bool is_done = false;

    if (errands) {
        apr_thread_mutex_lock(errands->mutex);
        is_done = hand_over(errands, &w);
        apr_thread_mutex_unlock(errands->mutex);
    }
    if (errands && !is_done) {
        sk_call_log(
            call, SK_LEVEL_WARNING,
            "there is no thread to be had for a call to Scalekit: the worker makes it itself; "
            "raise the limit of threads (TasksMax, ulimit -u)");
    }
    if (!is_done) {
        perform(&w);
    }
    return w.result;
}
