/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/table.h"

#include <stdlib.h>
#include <apr_shm.h>

#include "support_table.h"

#define SMALL SK_TABLE_SIZE_MIN
#define LARGE (8 * 1024 * 1024)
#define NOW apr_time_from_sec(1000)
#define HOUR apr_time_from_sec(3600)

static bool has(apr_pool_t *pool, sk_table *table, apr_time_t now, uint32_t number)
{
    size_t length;

    return sk_table_get(table, pool, now, support_key(number).bytes, &length) != NULL;
}

static sk_outcome set_text(sk_table *table, uint32_t number, const char *text)
{
    return sk_table_set(table, NOW, support_key(number).bytes, text, strlen(text), HOUR);
}

static sk_outcome add_text(sk_table *table, uint32_t number, const char *text)
{
    return sk_table_add(table, NOW, support_key(number).bytes, text, strlen(text), HOUR);
}

static void expect_text(apr_pool_t *pool, sk_table *table, uint32_t number, const char *text)
{
    size_t length = 99;
    const unsigned char *value =
        sk_table_get(table, pool, NOW, support_key(number).bytes, &length);

    support_expect_text(apr_itoa(pool, (int)number), (const char *)value, text);
    support_expect(!text || length == strlen(text), "the length of %d", (int)number);
}

/* ---- what the operations mean ---- */

static void values_of_all_sizes_come_back(void **state)
{
    sk_table *table = support_new_table(*state, SMALL);
    unsigned char *value = apr_palloc(*state, SK_TABLE_VALUE_MAX + 1);
    apr_pool_t *pool;
    size_t size, length;

    for (size = 0; size <= SK_TABLE_VALUE_MAX; size += size < 300 ? 1 : 61) {
        uint32_t number = (uint32_t)size % 5;
        unsigned char *is;
        apr_pool_create(&pool, *state);
        support_write_value(value, number, (uint32_t)size, size);
        assert_int_equal(sk_table_set(table, NOW, support_key(number).bytes, value, size, HOUR),
                         SK_OUTCOME_YES);
        is = sk_table_get(table, pool, NOW, support_key(number).bytes, &length);
        assert_non_null(is);
        assert_int_equal(length, size);
        assert_memory_equal(is, value, size);
        assert_int_equal(is[length], '\0');
        apr_pool_destroy(pool);
    }
    assert_int_equal(
        sk_table_set(table, NOW, support_key(1).bytes, value, SK_TABLE_VALUE_MAX, HOUR),
        SK_OUTCOME_YES);
    assert_int_equal(
        sk_table_set(table, NOW, support_key(1).bytes, value, SK_TABLE_VALUE_MAX + 1, HOUR),
        SK_OUTCOME_FAILED);
    assert_int_equal(sk_table_add(table, NOW, support_key(2).bytes, value, SIZE_MAX, HOUR),
                     SK_OUTCOME_FAILED);
    assert_non_null(sk_table_get(table, *state, NOW, support_key(1).bytes, &length));
    assert_int_equal(length, SK_TABLE_VALUE_MAX);
}

static void a_value_lives_until_its_time_is_over(void **state)
{
    static const struct {
        apr_time_t ttl, then;
        bool lives;
    } rows[] = {
        {1, 0, true},
        {1, 1, false},
        {100, 99, true},
        {100, 100, false},
        {100, 101, false},
        {100, -1, true},
        {0, 0, false},
        {-1, 0, false},
        {-100, -50, false},
        {INT64_MAX, 0, true},
        {INT64_MAX, INT64_MAX - NOW - 1, true},
        {INT64_MAX - NOW, INT64_MAX - NOW - 1, true},
        {INT64_MIN, 0, false},
    };
    uint32_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_table *table = support_new_table(*state, SMALL);
        const unsigned char *bytes;
        apr_time_t then = NOW + rows[i].then;
        support_key_bytes name = support_key(i);
        bytes = name.bytes;
        sk_table_set(table, NOW, bytes, "x", 1, rows[i].ttl);
        support_expect(has(*state, table, then, i) == rows[i].lives, "get, row %d", (int)i);
        support_expect(sk_table_add(table, then, bytes, "y", 1, HOUR)
                           == (rows[i].lives ? SK_OUTCOME_NO : SK_OUTCOME_YES),
                       "add, row %d", (int)i);
        sk_table_set(table, NOW, bytes, "x", 1, rows[i].ttl);
        support_expect(sk_table_delete_if_equal(table, then, bytes, "x", 1)
                           == (rows[i].lives ? SK_OUTCOME_YES : SK_OUTCOME_NO),
                       "delete_if_equal, row %d", (int)i);
        sk_table_set(table, NOW, bytes, "x", 1, rows[i].ttl);
        support_expect(sk_table_delete(table, then, bytes)
                           == (rows[i].lives ? SK_OUTCOME_YES : SK_OUTCOME_NO),
                       "delete, row %d", (int)i);
    }
}

static void an_add_does_not_replace(void **state)
{
    sk_table *table = support_new_table(*state, LARGE);

    assert_int_equal(add_text(table, 1, "first"), SK_OUTCOME_YES);
    assert_int_equal(add_text(table, 1, "second"), SK_OUTCOME_NO);
    expect_text(*state, table, 1, "first");
    assert_int_equal(set_text(table, 1, "third"), SK_OUTCOME_YES);
    expect_text(*state, table, 1, "third");
    assert_int_equal(add_text(table, 1, "fourth"), SK_OUTCOME_NO);
    assert_int_equal(sk_table_delete(table, NOW, support_key(1).bytes), SK_OUTCOME_YES);
    expect_text(*state, table, 1, NULL);
    assert_int_equal(sk_table_delete(table, NOW, support_key(1).bytes), SK_OUTCOME_NO);
    assert_int_equal(add_text(table, 1, "fifth"), SK_OUTCOME_YES);
    expect_text(*state, table, 1, "fifth");
}

static void only_what_is_equal_is_deleted(void **state)
{
    static const char *const others[] = {"", "m", "min", "mine ", "minE", "Mine", "other"};
    sk_table *table = support_new_table(*state, LARGE);
    const support_key_bytes name = support_key(1);
    size_t i;

    set_text(table, 1, "mine");
    for (i = 0; i < COUNT(others); i++) {
        support_expect(
            sk_table_delete_if_equal(table, NOW, name.bytes, others[i], strlen(others[i]))
                == SK_OUTCOME_NO,
            "\"%s\"", others[i]);
    }
    expect_text(*state, table, 1, "mine");
    assert_int_equal(sk_table_delete_if_equal(table, NOW, name.bytes, "mine", 4),
                     SK_OUTCOME_YES);
    assert_int_equal(sk_table_delete_if_equal(table, NOW, name.bytes, "mine", 4),
                     SK_OUTCOME_NO);
    expect_text(*state, table, 1, NULL);
    set_text(table, 1, "");
    assert_int_equal(sk_table_delete_if_equal(table, NOW, name.bytes, NULL, 0), SK_OUTCOME_YES);
}

static void the_oldest_goes_first(void **state)
{
    sk_table *table = support_new_table(*state, SMALL);
    uint32_t i, fit = (uint32_t)(sk_table_statistics_of(table).capacity / 128);

    for (i = 0; i < fit; i++) {
        assert_int_equal(set_text(table, i, "text"), SK_OUTCOME_YES);
    }
    assert_int_equal(sk_table_statistics_of(table).entries, fit);
    set_text(table, 3, "again"); /* for which 0 goes */
    for (i = 0; i < 100; i++) {
        set_text(table, fit + i, "text"); /* for which 1, 2, what 3 was, 4, ... go */
    }
    for (i = 0; i < fit + 100; i++) {
        support_expect(has(*state, table, NOW, i) == (i == 3 || i > 100), "%d of %d", (int)i,
                       (int)fit);
    }
    assert_int_equal(sk_table_statistics_of(table).evictions, 100);
    assert_int_equal(sk_table_statistics_of(table).entries, fit);
}

static void only_live_entries_count_as_evicted(void **state)
{
    sk_table *table = support_new_table(*state, SMALL);
    uint32_t i, fit = (uint32_t)(sk_table_statistics_of(table).capacity / 128);

    for (i = 0; i < fit; i++) {
        support_key_bytes name = support_key(i);
        sk_table_set(table, NOW, name.bytes, "x", 1, i < 10 ? 5 : HOUR);
        if (i >= 10 && i < 20) {
            sk_table_delete(table, NOW, name.bytes);
        }
    }
    for (i = 0; i < 25; i++) {
        support_key_bytes name = support_key(1000 + i);
        sk_table_set(table, NOW + 5, name.bytes, "x", 1, HOUR);
    }
    assert_int_equal(sk_table_statistics_of(table).evictions, 5);
    assert_int_equal(sk_table_statistics_of(table).bytes, fit);
}

static void what_is_kept_outlives_what_is_set(void **state)
{
    sk_table *table = support_new_table(*state, LARGE);
    const support_key_bytes kept = support_key(1), set = support_key(2);
    uint32_t i;

    assert_int_equal(sk_table_keep(table, NOW, kept.bytes, "kept", 4, HOUR), SK_OUTCOME_YES);
    assert_int_equal(sk_table_keep(table, NOW, set.bytes, "kept", 4, HOUR), SK_OUTCOME_YES);
    assert_int_equal(sk_table_statistics_of(table).kept_entries, 2);
    assert_int_equal(sk_table_statistics_of(table).kept_bytes, 2 * 128);
    set_text(table, 2, "set");
    for (i = 0; i < 100000; i++) {
        set_text(table, 3 + i, "others");
    }
    expect_text(*state, table, 1, "kept");
    expect_text(*state, table, 2, NULL);
    assert_int_equal(sk_table_statistics_of(table).kept_entries, 1);
    assert_int_equal(sk_table_statistics_of(table).losses, 0);
    for (i = 0; i < 100000; i++) {
        support_key_bytes name = support_key(i);
        sk_table_keep(table, NOW, name.bytes, "kept", 4, HOUR);
    }
    assert_int_equal(sk_table_statistics_of(table).kept_entries,
                     100000 - sk_table_statistics_of(table).losses);
    assert_true(sk_table_statistics_of(table).losses > 0);
    assert_true(sk_table_statistics_of(table).kept_bytes
                >= sk_table_statistics_of(table).capacity * 3 / 4);
}

/* ---- the segment ---- */

static void the_table_is_found_again(void **state)
{
    apr_pool_t *first, *second;
    sk_table *table;

    apr_pool_create(&first, *state);
    apr_pool_create(&second, *state);
    table = support_open_table(first, *state, LARGE);
    set_text(table, 1, "kept");
    *sk_table_word(table, 7) = 42;
    apr_pool_destroy(first);
    table = support_open_table(second, *state, LARGE);
    assert_string_equal(support_log, "");
    expect_text(*state, table, 1, "kept");
    assert_int_equal(*sk_table_word(table, 7), 42);
}

static void expect_new(apr_pool_t *pool, size_t size, const char *log)
{
    sk_table *table = support_open_table(pool, pool, size);

    assert_non_null(table);
    support_expect_verdict(log, support_log, log);
    expect_text(pool, table, 1, NULL);
    assert_int_equal(*sk_table_word(table, 0), 0);
    assert_int_equal(set_text(table, 1, "kept"), SK_OUTCOME_YES);
    *sk_table_word(table, 0) = 1;
}

/* The first words of the segment: magic, layout, size. */
static uint64_t *segment_of(apr_pool_t *pool)
{
    void *segment = NULL;

    apr_pool_userdata_get(&segment, "mod_auth_scalekit/table", pool);
    assert_non_null(segment);
    return (uint64_t *)APR_ALIGN((uintptr_t)apr_shm_baseaddr_get(segment), (size_t)64);
}

static void another_layout_or_size_is_given_up(void **state)
{
    expect_new(*state, LARGE, "");
    expect_new(*state, 2 * LARGE, "has layout 4 and 8388608 bytes");
    expect_new(*state, SMALL, "is to have layout 4 and 65536 bytes");
    segment_of(*state)[1]++;
    expect_new(*state, SMALL, "has layout 5 and 65536 bytes");
    segment_of(*state)[0]++;
    expect_new(*state, SMALL, "damaged");
    segment_of(*state)[2]++;
    expect_new(*state, SMALL, "has layout 4 and 65537 bytes");
}

static void impossible_sizes_are_refused(void **state)
{
    static const size_t sizes[] = {0, 1, SK_TABLE_SIZE_MIN - 1, SK_TABLE_SIZE_MAX + (size_t)1,
                                   SIZE_MAX};
    size_t i;

    for (i = 0; i < COUNT(sizes); i++) {
        support_expect(!support_open_table(*state, *state, sizes[i]), "%d", (int)i);
        support_expect_verdict("log", support_log, "too small or too large");
    }
}

static void every_size_works(void **state)
{
    unsigned char *value = apr_pcalloc(*state, SK_TABLE_VALUE_MAX);
    size_t size;
    uint32_t i;

    for (size = SMALL; size < LARGE; size += size / 5 + 1) {
        sk_table *table = support_open_table(*state, *state, size);
        for (i = 0; i < 40; i++) {
            support_key_bytes name = support_key(i);
            assert_int_equal(
                sk_table_set(table, NOW, name.bytes, value, SK_TABLE_VALUE_MAX, HOUR),
                SK_OUTCOME_YES);
            support_expect(has(*state, table, NOW, i), "size %d", (int)size);
        }
        support_expect(sk_table_statistics_of(table).capacity > size / 10 * 8, "size %d",
                       (int)size);
    }
}

static void words_are_apart(void **state)
{
    sk_table *table = support_new_table(*state, SMALL);
    unsigned int i;

    for (i = 0; i < SK_TABLE_WORDS; i++) {
        assert_int_equal(*sk_table_word(table, i), 0);
        *sk_table_word(table, i) += i + 1;
    }
    for (i = 0; i < SK_TABLE_WORDS; i++) {
        assert_int_equal(*sk_table_word(table, i), i + 1);
    }
    assert_null(sk_table_word(table, SK_TABLE_WORDS));
    assert_null(sk_table_word(table, UINT32_MAX));
}

static void marks_are_apart_from_the_rest(void **state)
{
    static const struct {
        size_t size;
        uint32_t count;
    } rows[] = {
        {SMALL, 512}, {100000, 512}, {2 * SMALL, 1024}, {LARGE, 65536}, {LARGE + 1, 65536},
    };
    size_t i;
    uint32_t j, count;

    for (i = 0; i < COUNT(rows); i++) {
        sk_table *table = support_open_table(*state, *state, rows[i].size);
        _Atomic uint64_t *marks = sk_table_marks(table, &count);
        support_expect(count == rows[i].count, "row %d: %d", (int)i, (int)count);
        support_expect((uintptr_t)marks % 64 == 0, "row %d is not aligned", (int)i);
        for (j = 0; j < count; j++) {
            support_expect(marks[j] == 0, "row %d, mark %d", (int)i, (int)j);
            marks[j] = UINT64_MAX;
        }
        set_text(table, 1, "text");
        expect_text(*state, table, 1, "text");
        support_expect(*sk_table_word(table, SK_TABLE_WORDS - 1) == 0, "row %d", (int)i);
        for (j = 0; j < 1000; j++) {
            set_text(table, j, "text");
        }
        for (j = 0; j < count; j++) {
            support_expect(marks[j] == UINT64_MAX, "row %d, mark %d", (int)i, (int)j);
        }
    }
}

static void a_table_knows_when_it_was_made(void **state)
{
    apr_time_t before = apr_time_now(), created;
    sk_table *table = support_open_table(*state, *state, SMALL);

    created = sk_table_created(table);
    assert_true(created >= before && created <= apr_time_now());
    apr_sleep(2);
    assert_int_equal(sk_table_created(support_open_table(*state, *state, SMALL)), created);
    assert_true(sk_table_created(support_open_table(*state, *state, LARGE)) > created);
}

/* ---- against a model ---- */

enum { KEYS = 150, OPERATIONS = 100000 };

/* What the table must know: each key's value, and in which order the values were written. */
typedef struct model {
    struct {
        bool is_there;
        uint32_t seed, written;
        size_t length;
        apr_time_t expiry;
    } of[KEYS];
    struct {
        uint32_t number;
        size_t cells;
    } log[OPERATIONS];
    uint32_t first, last;
    size_t cells, capacity, evictions;
} model;

static void model_write(model *m, apr_time_t now, uint32_t number, uint32_t seed, size_t length,
                        apr_time_t ttl)
{
    size_t cells = 1 + (length + 63) / 64;

    while (m->cells + cells > m->capacity) {
        uint32_t oldest = m->log[m->first].number;
        if (m->of[oldest].is_there && m->of[oldest].written == m->first) {
            m->evictions += now < m->of[oldest].expiry && oldest != number;
            m->of[oldest].is_there = false;
        }
        m->cells -= m->log[m->first++].cells;
    }
    m->log[m->last].number = number;
    m->log[m->last].cells = cells;
    m->cells += cells;
    m->of[number].is_there = true;
    m->of[number].seed = seed;
    m->of[number].written = m->last++;
    m->of[number].length = length;
    m->of[number].expiry = now + ttl;
}

static bool model_has(const model *m, apr_time_t now, uint32_t number)
{
    return m->of[number].is_there && now < m->of[number].expiry;
}

static size_t random_length(void)
{
    uint32_t kind = support_random(100);

    return sizeof(support_value)
           + support_random(kind < 70   ? 200
                            : kind < 98 ? 3000
                                        : SK_TABLE_VALUE_MAX - 11);
}

/* One random operation on both; false if they differ. */
static bool same_for_both(apr_pool_t *pool, sk_table *table, model *m, apr_time_t now,
                          uint32_t seed)
{
    static unsigned char value[SK_TABLE_VALUE_MAX];
    uint32_t number = support_random(KEYS);
    size_t length = random_length();
    apr_time_t ttl = support_random(10000);
    bool was_there = model_has(m, now, number);
    support_key_bytes name = support_key(number);
    const unsigned char *is;

    switch (support_random(6)) {
    case 0:
        model_write(m, now, number, seed, length, ttl);
        support_write_value(value, number, seed, length);
        return sk_table_set(table, now, name.bytes, value, length, ttl) == SK_OUTCOME_YES;
    case 1:
        support_write_value(value, number, seed, length);
        if (was_there) {
            return sk_table_add(table, now, name.bytes, value, length, ttl) == SK_OUTCOME_NO;
        }
        /* What is added is kept, for which this model is too simple. */
        model_write(m, now, number, seed, length, ttl);
        return sk_table_set(table, now, name.bytes, value, length, ttl) == SK_OUTCOME_YES;
    case 2:
        if (was_there) {
            m->of[number].is_there = false;
        }
        return sk_table_delete(table, now, name.bytes)
               == (was_there ? SK_OUTCOME_YES : SK_OUTCOME_NO);
    case 3:
        length = m->of[number].length;
        support_write_value(value, number, m->of[number].seed + support_random(2), length);
        if (was_there && memcmp(value + 4, &m->of[number].seed, 4) == 0) {
            m->of[number].is_there = false;
            return sk_table_delete_if_equal(table, now, name.bytes, value, length)
                   == SK_OUTCOME_YES;
        }
        return sk_table_delete_if_equal(table, now, name.bytes, value, length) == SK_OUTCOME_NO;
    default:
        is = sk_table_get(table, pool, now, name.bytes, &length);
        if (!is || !was_there) {
            return !is && !was_there;
        }
        support_write_value(value, number, m->of[number].seed, m->of[number].length);
        return length == m->of[number].length && memcmp(is, value, length) == 0;
    }
}

static void the_table_does_what_a_simple_model_does(void **state)
{
    sk_table *table = support_new_table(*state, 2 * SMALL);
    model *m = calloc(1, sizeof(*m));
    apr_time_t now = NOW;
    apr_pool_t *pool;
    uint32_t i;

    assert_non_null(m);
    apr_pool_create(&pool, *state);
    m->capacity = sk_table_statistics_of(table).capacity / 64;
    for (i = 0; i < OPERATIONS; i++, now += support_random(20)) {
        support_expect(same_for_both(pool, table, m, now, i), "operation %d", (int)i);
        if (i % 100 == 0) {
            apr_pool_clear(pool);
        }
    }
    assert_int_equal(sk_table_statistics_of(table).evictions, m->evictions);
    assert_true(m->evictions > 1000);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_of_all_sizes_come_back),
        TEST(a_value_lives_until_its_time_is_over),
        TEST(an_add_does_not_replace),
        TEST(only_what_is_equal_is_deleted),
        TEST(the_oldest_goes_first),
        TEST(only_live_entries_count_as_evicted),
        TEST(what_is_kept_outlives_what_is_set),
        TEST(the_table_is_found_again),
        TEST(another_layout_or_size_is_given_up),
        TEST(impossible_sizes_are_refused),
        TEST(every_size_works),
        TEST(words_are_apart),
        TEST(marks_are_apart_from_the_rest),
        TEST(a_table_knows_when_it_was_made),
        TEST(the_table_does_what_a_simple_model_does),
    };

    return RUN(tests);
}
