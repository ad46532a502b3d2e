/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/errands.h"

#include <pthread.h>
#include <stdatomic.h>
#include <apr_time.h>

#include "support.h"

enum { CALLERS = 8 };

/* What an errand saw. */
typedef struct seen {
    pthread_t thread;
    apr_pool_t *pool;
    const char *answer;
} seen;

static atomic_int met;

static const char *look(const sk_call *call, void *baton)
{
    seen *s = baton;

    s->thread = pthread_self();
    s->pool = call->pool;
    return s->answer ? apr_pstrdup(call->pool, s->answer) : NULL;
}

/* Goes on when all the others are there, or after a while. */
static const char *meet(const sk_call *call, void *baton)
{
    int i;

    met++;
    for (i = 0; i < 5000 && met < CALLERS; i++) {
        apr_sleep(1000);
    }
    if (met < CALLERS) {
        met = -CALLERS; /* in vain */
    }
    return look(call, baton);
}

static bool is_own(const seen *s)
{
    return pthread_equal(s->thread, pthread_self());
}

static void another_thread_runs_them(void **state)
{
    sk_call call = {*state, NULL, NULL, 0, false, false};
    sk_errands *errands = sk_errands_create(*state);
    seen first = {0}, second = {0};

    assert_null(sk_errands_run(errands, &call, look, &first));
    assert_false(is_own(&first));
    /* The one that is idle. */
    assert_null(sk_errands_run(errands, &call, look, &second));
    assert_true(pthread_equal(first.thread, second.thread));
}

static void the_answer_outlives_the_errand(void **state)
{
    sk_call call = {*state, NULL, NULL, 0, false, false};
    seen s = {0};
    const char *answer;

    s.answer = "what went wrong";
    answer = sk_errands_run(sk_errands_create(*state), &call, look, &s);
    assert_string_equal(answer, s.answer);
    assert_ptr_not_equal(s.pool, *state);
}

static void without_threads_the_caller_runs_them(void **state)
{
    sk_call call = {*state, NULL, NULL, 0, false, false};
    seen s = {0};

    s.answer = "no";
    assert_string_equal(sk_errands_run(NULL, &call, look, &s), "no");
    assert_true(is_own(&s));
    assert_ptr_not_equal(s.pool, *state);
}

typedef struct caller {
    pthread_t thread;
    sk_errands *errands;
    seen seen;
} caller;

static void *run_one(void *baton)
{
    caller *c = baton;
    sk_call call = {NULL, NULL, NULL, 0, false, false};

    apr_pool_create(&call.pool, NULL);
    sk_errands_run(c->errands, &call, meet, &c->seen);
    apr_pool_destroy(call.pool);
    return NULL;
}

static void none_waits_for_another(void **state)
{
    sk_errands *errands = sk_errands_create(*state);
    caller callers[CALLERS] = {0};
    int i;

    for (i = 0; i < CALLERS; i++) {
        callers[i].errands = errands;
        assert_int_equal(pthread_create(&callers[i].thread, NULL, run_one, &callers[i]), 0);
    }
    for (i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_false(pthread_equal(callers[i].seen.thread, callers[i].thread));
    }
    assert_int_equal(met, CALLERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(another_thread_runs_them),
        TEST(the_answer_outlives_the_errand),
        TEST(without_threads_the_caller_runs_them),
        TEST(none_waits_for_another),
    };

    return RUN(tests);
}
