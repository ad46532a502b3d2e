/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/table.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "support_table.h"

#define NOW apr_time_from_sec(1000)
#define HOUR apr_time_from_sec(3600)
#define LARGE (8 * 1024 * 1024)

enum { HAMMERERS = 4, ROUNDS = 20000, HAMMER_KEYS = 40, LEASES = 64, IDLE = 140, ACTIVE = 40 };

/* What the hammerers report; shared with the processes among them. */
typedef struct report {
    _Atomic uint32_t torn, values, ready, wins[ROUNDS];
} report;

typedef struct hammer {
    sk_table *table;
    report *report;
    apr_pool_t *pool;
    uint32_t seed, operations;
    bool sets_only; /* what is added is kept */
} hammer;

static report *new_report(void)
{
    report *made =
        mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(made != MAP_FAILED);
    return made;
}

static void check_value(const hammer *h, uint32_t number)
{
    support_key_bytes name = support_key(number);
    size_t length;
    const unsigned char *value = sk_table_get(h->table, h->pool, NOW, name.bytes, &length);

    if (value) {
        h->report->values++;
        h->report->torn += !support_is_whole(value, number, length);
    }
    apr_pool_clear(h->pool);
}

/* Writes, reads and deletes a few keys that everybody uses. */
static void hammer_values(const hammer *h, uint32_t limit)
{
    unsigned char value[3000];
    uint32_t i, word = h->seed * 2654435761u + 1;

    for (i = 0; i < h->operations; i++) {
        uint32_t number = (word = word * 1664525u + 1013904223u) >> 8;
        size_t length = sizeof(support_value) + (number >> 10) % limit;
        uint32_t kind = (number >> 6) % 8;
        support_key_bytes name = support_key(number %= HAMMER_KEYS);
        support_write_value(value, number, h->seed + i, length);
        if (kind < (h->sets_only ? 4u : 2u)) {
            sk_table_set(h->table, NOW, name.bytes, value, length, HOUR);
        }
        else if (kind < 4) {
            sk_table_add(h->table, NOW, name.bytes, value, length, HOUR);
        }
        else if (kind == 4) {
            sk_table_delete(h->table, NOW, name.bytes);
        }
        else {
            check_value(h, number);
        }
    }
}

static void *hammer_all(void *baton)
{
    const hammer *h = baton;
    uint32_t i;

    for (i = 0; i < ROUNDS; i++) {
        support_key_bytes name = support_key(100000 + i);
        if (sk_table_add(h->table, NOW, name.bytes, "lease", 5, HOUR) == SK_OUTCOME_YES) {
            h->report->wins[i]++;
        }
    }
    h->report->ready++;
    while (h->report->ready < HAMMERERS) {
        usleep(100); /* others still want leases, which we are about to push out */
    }
    hammer_values(h, 2900);
    return NULL;
}

static void expect_one_winner_each(report *seen)
{
    uint32_t i, wrong = 0;

    for (i = 0; i < ROUNDS; i++) {
        wrong += seen->wins[i] != 1;
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(seen->torn, 0);
    assert_true(seen->values > 1000);
    munmap(seen, sizeof(*seen));
}

static pid_t start_process(void (*run)(hammer *h), hammer *h)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        run(h);
        _exit(0);
    }
    return child;
}

static void run_all(hammer *h)
{
    hammer_all(h);
}

static void processes_share_it(void **state)
{
    sk_table *table = support_new_table(*state, LARGE);
    report *seen = new_report();
    hammer h = {table, seen, *state, 0, 20000, false};
    pid_t children[HAMMERERS];
    size_t i;
    int status;

    for (i = 0; i < COUNT(children); i++) {
        h.seed = (uint32_t)i;
        apr_pool_create(&h.pool, *state);
        children[i] = start_process(run_all, &h);
    }
    for (i = 0; i < COUNT(children); i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(sk_table_statistics_of(table).recoveries, 0);
    expect_one_winner_each(seen);
}

static void threads_share_it(void **state)
{
    sk_table *table = support_new_table(*state, LARGE);
    report *seen = new_report();
    pthread_t threads[HAMMERERS];
    hammer h[HAMMERERS];
    size_t i;

    for (i = 0; i < COUNT(threads); i++) {
        hammer one = {table, seen, NULL, (uint32_t)i, 20000, false};
        h[i] = one;
        assert_int_equal(apr_pool_create_unmanaged(&h[i].pool), APR_SUCCESS);
        assert_int_equal(pthread_create(&threads[i], NULL, hammer_all, &h[i]), 0);
    }
    for (i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        apr_pool_destroy(h[i].pool);
    }
    expect_one_winner_each(seen);
}

#ifndef SK_TABLE_WITHOUT_ROBUST_MUTEXES

/* Writes no more than what leaves the leases in the ring, then only reads. */
static void run_until_killed(hammer *h)
{
    uint32_t i;

    hammer_values(h, 200);
    for (i = 0;; i++) {
        check_value(h, i % HAMMER_KEYS);
    }
}

static void take_leases(sk_table *table)
{
    uint32_t i;

    for (i = 0; i < LEASES; i++) {
        support_key_bytes name = support_key(200000 + i);
        sk_table_set(table, NOW, name.bytes, &i, sizeof(i), HOUR);
    }
}

static void expect_leases(apr_pool_t *pool, sk_table *table, int round)
{
    uint32_t i;
    size_t length = 0;

    for (i = 0; i < LEASES; i++) {
        support_key_bytes name = support_key(200000 + i);
        const unsigned char *is = sk_table_get(table, pool, NOW, name.bytes, &length);
        support_expect(is && length == sizeof(i) && memcmp(is, &i, sizeof(i)) == 0,
                       "round %d: lease %d is lost", round, (int)i);
        support_expect(sk_table_add(table, NOW, name.bytes, "x", 1, HOUR) == SK_OUTCOME_NO,
                       "round %d: lease %d is given twice", round, (int)i);
    }
}

static void the_killed_leave_it_whole(void **state)
{
    sk_table *table = support_new_table(*state, 512 * 1024);
    report *seen = new_report();
    hammer h = {table, seen, *state, 0, 800, false};
    pid_t children[2];
    apr_pool_t *pool;
    int round, status;
    size_t i;

    apr_pool_create(&pool, *state);
    apr_pool_create(&h.pool, *state);
    for (round = 0; round < 250; round++) {
        take_leases(table);
        for (i = 0; i < COUNT(children); i++) {
            h.seed = (uint32_t)(round * 1000 + (int)i);
            children[i] = start_process(run_until_killed, &h);
        }
        usleep(support_random(3000));
        for (i = 0; i < COUNT(children); i++) {
            kill(children[i], SIGKILL);
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            expect_leases(pool, table, round);
        }
        for (i = 0; i < HAMMER_KEYS; i++) {
            check_value(&h, (uint32_t)i);
        }
        apr_pool_clear(pool);
    }
    assert_int_equal(seen->torn, 0);
    assert_true(sk_table_statistics_of(table).recoveries > 0);
    assert_int_equal(sk_table_statistics_of(table).drops, 0);
    munmap(seen, sizeof(*seen));
}

/* ---- what is kept ---- */

static void keep(const hammer *h, uint32_t number, uint32_t seed, size_t length)
{
    unsigned char value[3000];
    support_key_bytes name = support_key(number);

    support_write_value(value, number, seed, length);
    sk_table_keep(h->table, NOW, name.bytes, value, length, HOUR);
}

/* Visitors who come again and again, so that the idle ones' sessions have to be moved on. */
static void run_keeping_until_killed(hammer *h)
{
    uint32_t i, word = h->seed * 2654435761u + 1;

    for (i = 0;; i++) {
        uint32_t number = (word = word * 1664525u + 1013904223u) >> 8;
        keep(h, 300000 + number % ACTIVE, h->seed + i, 12 + (number >> 8) % 2900);
        if (number % 3 == 0) {
            hammer_values(h, 200);
        }
    }
}

static void expect_kept(const hammer *h, uint32_t first, uint32_t count, int round)
{
    uint32_t i, there = h->report->values;

    for (i = 0; i < count; i++) {
        check_value(h, first + i);
    }
    support_expect(h->report->values == there + count, "round %d: %d of %d are lost", round,
                   (int)(there + count - h->report->values), (int)count);
}

static void the_killed_lose_nothing_that_is_kept(void **state)
{
    sk_table *table = support_new_table(*state, 512 * 1024);
    report *seen = new_report(), *heard = new_report();
    hammer h = {table, heard, *state, 0, 2, true}, look = {table, seen, *state, 0, 0, true};
    pid_t children[2];
    int round, status;
    uint32_t i;

    apr_pool_create(&h.pool, *state);
    apr_pool_create(&look.pool, *state);
    for (i = 0; i < IDLE; i++) {
        keep(&h, 400000 + i, i, 12 + support_random(1900));
    }
    for (i = 0; i < ACTIVE; i++) {
        keep(&h, 300000 + i, i, 2900);
    }
    for (round = 0; round < 250; round++) {
        for (i = 0; i < COUNT(children); i++) {
            h.seed = (uint32_t)round * 1000 + i;
            children[i] = start_process(run_keeping_until_killed, &h);
        }
        usleep(2000 + support_random(3000));
        for (i = 0; i < COUNT(children); i++) {
            kill(children[i], SIGKILL);
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        }
        expect_kept(&look, 400000, IDLE, round);
        expect_kept(&look, 300000, ACTIVE, round);
    }
    assert_int_equal(seen->torn + heard->torn, 0);
    assert_true(sk_table_statistics_of(table).recoveries > 0);
    assert_true(sk_table_statistics_of(table).evictions > 0);
    assert_int_equal(sk_table_statistics_of(table).losses, 0);
    assert_int_equal(sk_table_statistics_of(table).drops, 0);
    assert_int_equal(sk_table_statistics_of(table).kept_entries, IDLE + ACTIVE);
    munmap(seen, sizeof(*seen));
    munmap(heard, sizeof(*heard));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(processes_share_it),
        TEST(threads_share_it),
#ifndef SK_TABLE_WITHOUT_ROBUST_MUTEXES
        TEST(the_killed_leave_it_whole),
        TEST(the_killed_lose_nothing_that_is_kept),
#endif
    };

    return RUN(tests);
}
