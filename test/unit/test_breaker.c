/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/breaker.h"

#include "support.h"

#define NOW ((apr_time_t)1700000000 * APR_USEC_PER_SEC)

typedef struct state {
    _Atomic uint64_t failures, quiet_until, pause;
    sk_breaker breaker;
} state;

static state *fresh(apr_pool_t *pool)
{
    state *s = apr_pcalloc(pool, sizeof(*s));

    s->breaker.failures = &s->failures;
    s->breaker.quiet_until = &s->quiet_until;
    s->breaker.pause = &s->pause;
    return s;
}

/* So many calls that fail, those let through as what they were let through as. @return the last pause, in seconds */
static int note_failures(const state *s, int times, apr_time_t now)
{
    apr_time_t pause = 0;

    while (times-- > 0) {
        pause = sk_breaker_note(&s->breaker, sk_breaker_ask(&s->breaker, now), false, 0, now);
    }
    return (int)apr_time_sec(pause);
}

static sk_breaker_pass ask_after(const state *s, int seconds)
{
    return sk_breaker_ask(&s->breaker, NOW + apr_time_from_sec(seconds));
}

static void three_failures_begin_a_pause_and_a_trial_ends_it(void **pool)
{
    state *s = fresh(*pool);

    assert_int_equal(note_failures(s, 2, NOW), 0);
    assert_int_equal(ask_after(s, 0), SK_BREAKER_PASS);
    assert_int_equal(note_failures(s, 1, NOW), 5);
    assert_int_equal(ask_after(s, 4), SK_BREAKER_STOP);
    assert_int_equal(ask_after(s, 5), SK_BREAKER_TRIAL);
    assert_int_equal(ask_after(s, 5), SK_BREAKER_STOP);
    sk_breaker_note(&s->breaker, SK_BREAKER_TRIAL, true, 0, NOW + apr_time_from_sec(6));
    assert_int_equal(ask_after(s, 6), SK_BREAKER_PASS);
}

static void pauses_grow_to_a_minute(void **pool)
{
    static const int pauses[] = {10, 20, 40, 60, 60};
    state *s = fresh(*pool);
    int at = note_failures(s, 3, NOW);
    size_t i;

    for (i = 0; i < COUNT(pauses); i++) {
        assert_int_equal(note_failures(s, 1, NOW + apr_time_from_sec(at)), pauses[i]);
        at += pauses[i];
    }
}

static void a_clock_that_is_set_back_ends_the_pause(void **pool)
{
    state *s = fresh(*pool);

    note_failures(s, 3, NOW + apr_time_from_sec(1800));
    assert_int_equal(ask_after(s, 1801), SK_BREAKER_STOP);
    assert_int_equal(ask_after(s, 0), SK_BREAKER_TRIAL);
    assert_int_equal(ask_after(s, 1), SK_BREAKER_STOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(three_failures_begin_a_pause_and_a_trial_ends_it),
        TEST(pauses_grow_to_a_minute),
        TEST(a_clock_that_is_set_back_ends_the_pause),
    };

    return RUN(tests);
}
