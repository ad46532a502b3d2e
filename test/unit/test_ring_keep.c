/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/ring.h"

#include <stdlib.h>

#include "support_table.h"

enum { KEYS = 2000, OPERATIONS = 30000 };

#define NOW 1000
#define LATER 1000000000

static unsigned char buffer[SK_RING_VALUE_MAX];

/* What a ring must know of what stays, and the most that an append has moved. */
typedef struct model {
    sk_ring *ring;
    uint64_t cells, kept; /* what stays takes now */
    uint32_t keys, sizes, clock;
    struct {
        uint32_t seed, length;
        apr_time_t expiry; /* 0: it is not there */
    } of[KEYS];
} model;

static sk_ring *new_ring(apr_pool_t *pool, size_t bytes)
{
    char *memory = apr_palloc(pool, bytes + SK_RING_CELL);
    sk_ring *ring = (sk_ring *)APR_ALIGN((uintptr_t)memory, SK_RING_CELL);

    sk_ring_init(ring, bytes);
    return ring;
}

static uint64_t cells_for(size_t length)
{
    return 1 + (length + SK_RING_CELL - 1) / SK_RING_CELL;
}

static uint64_t reserve_of(const sk_ring *ring)
{
    uint64_t largest = cells_for(SK_RING_VALUE_MAX);

    return largest < ring->cells / 16 ? largest : ring->cells / 16;
}

/* Appends; says how many cells were moved for it. */
static uint64_t append(sk_ring *ring, apr_time_t now, uint32_t number, uint32_t seed,
                       size_t length, apr_time_t expiry, bool stays)
{
    support_key_bytes key = support_key(number);
    sk_ring_item item = {key.bytes, buffer, length, expiry, stays, 0};
    uint64_t head = ring->head;

    support_write_value(buffer, number, seed, length);
    item.sum = sk_ring_sum(&item);
    sk_ring_append(ring, now, &item);
    return ring->head - head - cells_for(length);
}

static sk_ring_entry *find(sk_ring *ring, apr_time_t now, uint32_t number)
{
    return sk_ring_find(ring, now, support_key(number).bytes);
}

static bool holds(sk_ring *ring, uint32_t number, uint32_t seed, size_t length)
{
    const sk_ring_entry *entry = find(ring, NOW, number);

    support_write_value(buffer, number, seed, length);
    return entry && sk_ring_equals(ring, entry, buffer, length);
}

static void keep(sk_ring *ring, uint32_t number)
{
    append(ring, NOW, number, number, 100, LATER, true);
}

/* Enough entries that need not stay for the tail to come by everywhere, often. */
static void write_others(sk_ring *ring, apr_time_t now)
{
    uint32_t i;

    for (i = 0; i < 5 * ring->cells; i++) {
        append(ring, now, KEYS + i, i, 100, LATER, false);
    }
}

static void what_stays_is_there_when_others_are_gone(void **state)
{
    sk_ring *ring = new_ring(*state, 16384);

    keep(ring, 1);
    append(ring, NOW, 2, 2, 100, LATER, false);
    write_others(ring, NOW);
    assert_true(holds(ring, 1, 1, 100));
    assert_null(find(ring, NOW, 2));
    assert_int_equal(ring->losses, 0);
    assert_int_equal(ring->kept_entries, 1);
    assert_int_equal(ring->kept_cells, 3);
    sk_ring_rebuild(ring);
    assert_int_equal(ring->kept_entries, 1);
    assert_int_equal(ring->kept_cells, 3);
    assert_int_equal(ring->drops, 0);
    write_others(ring, NOW);
    assert_true(holds(ring, 1, 1, 100));
}

static void the_newest_says_whether_it_stays(void **state)
{
    sk_ring *ring = new_ring(*state, 16384);

    keep(ring, 1);
    append(ring, NOW, 1, 1, 100, LATER, false);
    append(ring, NOW, 2, 2, 100, LATER, false);
    keep(ring, 2);
    write_others(ring, NOW);
    assert_null(find(ring, NOW, 1));
    assert_true(holds(ring, 2, 2, 100));
    assert_int_equal(ring->kept_entries, 1);
    assert_int_equal(ring->losses, 0);
}

static void what_expired_or_was_removed_goes(void **state)
{
    sk_ring *ring = new_ring(*state, 16384);

    append(ring, NOW, 1, 1, 100, NOW + 5, true);
    keep(ring, 2);
    sk_ring_remove(ring, find(ring, NOW, 2));
    write_others(ring, NOW + 5);
    assert_null(find(ring, NOW, 1));
    assert_null(find(ring, NOW, 2));
    assert_int_equal(ring->kept_entries, 0);
    assert_int_equal(ring->kept_cells, 0);
    assert_int_equal(ring->losses, 0);
}

static void the_oldest_goes_where_too_much_stays(void **state)
{
    sk_ring *ring = new_ring(*state, 16384);
    uint32_t i, count = ring->cells / 3 * 2;

    for (i = 0; i < count; i++) {
        keep(ring, i);
    }
    write_others(ring, NOW);
    assert_int_equal(ring->losses, count - ring->kept_entries);
    assert_true(ring->losses <= ring->evictions);
    assert_in_range(ring->kept_cells, ring->cells * 3 / 4 - 3, ring->cells * 3 / 4);
    for (i = 0; i < count; i++) {
        support_expect(holds(ring, i, i, 100) == (i >= ring->losses), "entry %d", (int)i);
    }
}

static void a_ring_of_one_entry_keeps_it(void **state)
{
    sk_ring *ring = new_ring(*state, 4096);
    size_t length = (ring->cells - 1) * SK_RING_CELL;
    uint32_t i;

    for (i = 0; i < 5; i++) {
        append(ring, NOW, i % 2, i, length, LATER, true);
        assert_true(holds(ring, i % 2, i, length));
        assert_int_equal(ring->kept_entries, 1);
    }
    append(ring, NOW, 3, 3, 0, LATER, true);
    assert_int_equal(ring->losses, 5);
}

/* ---- against a model ---- */

/* Which of the keys is written next. */
typedef uint32_t (*pattern)(model *m);

static uint32_t any(model *m)
{
    return support_random(m->keys);
}

static uint32_t each_in_turn(model *m)
{
    return m->clock % m->keys;
}

static uint32_t the_same(model *m)
{
    return m->keys - 1;
}

static uint64_t age(model *m, uint32_t number)
{
    const sk_ring_entry *entry = find(m->ring, NOW, number);

    return entry ? m->ring->head - entry->position : 0;
}

/* The last that the tail will meet of all, or the first: what dies there is free late, or soon. */
static uint32_t the_extreme(model *m, bool is_oldest)
{
    uint32_t i, found = 0;

    for (i = 1; i < m->keys; i++) {
        if ((age(m, i) > age(m, found)) == is_oldest) {
            found = i;
        }
    }
    return found;
}

static uint32_t the_newest(model *m)
{
    return the_extreme(m, false);
}

static uint32_t the_oldest(model *m)
{
    return the_extreme(m, true);
}

/* Long runs of entries that die and of such that stay. */
static uint32_t by_halves(model *m)
{
    return m->clock / m->keys % 3 ? m->clock % (m->keys / 2) : m->keys - 1 - m->clock % 7;
}

static uint32_t in_turn_or_newest(model *m)
{
    return m->clock / 100 % 2 ? the_newest(m) : each_in_turn(m);
}

static const struct {
    const char *name;
    pattern next;
} patterns[] = {
    {"any", any},
    {"each in turn", each_in_turn},
    {"the same", the_same},
    {"the newest", the_newest},
    {"the oldest", the_oldest},
    {"by halves", by_halves},
    {"in turn or the newest", in_turn_or_newest},
};

static void let_go(model *m, uint32_t number)
{
    if (m->of[number].expiry) {
        m->kept -= cells_for(m->of[number].length);
        m->of[number].expiry = 0;
    }
}

/* Keeps a value, if all that stays then takes at most three quarters. */
static uint64_t write_kept(model *m, uint32_t number, apr_time_t expiry)
{
    size_t length = sizeof(support_value) + support_random(m->sizes);
    uint64_t moved, cells = cells_for(length);
    uint64_t is = m->of[number].expiry ? cells_for(m->of[number].length) : 0;

    if (m->kept - is + cells > (uint64_t)m->ring->cells * 3 / 4) {
        return 0;
    }
    moved = append(m->ring, NOW, number, m->clock, length, expiry, true);
    let_go(m, number);
    m->of[number].seed = m->clock;
    m->of[number].length = (uint32_t)length;
    m->of[number].expiry = expiry;
    m->kept += cells;
    support_expect(moved <= SK_RING_PASSES * cells + reserve_of(m->ring), "%d moved for %d",
                   (int)moved, (int)cells);
    return moved;
}

static void remove_kept(model *m, uint32_t number)
{
    if (m->of[number].expiry) {
        sk_ring_remove(m->ring, find(m->ring, NOW, number));
        let_go(m, number);
    }
}

static void expect_all(model *m, const char *name)
{
    uint32_t i, wrong = 0;

    for (i = 0; i < m->keys; i++) {
        wrong += m->of[i].expiry ? !holds(m->ring, i, m->of[i].seed, m->of[i].length)
                                 : find(m->ring, NOW, i) != NULL;
    }
    support_expect(wrong == 0, "%s, %d cells, sizes to %d, operation %d: %d of %d are wrong",
                   name, (int)m->ring->cells, (int)m->sizes, (int)m->clock, (int)wrong,
                   (int)m->keys);
    support_expect(m->ring->losses == 0, "%s: %d losses", name, (int)m->ring->losses);
    support_expect(m->ring->kept_cells == m->kept, "%s: %d cells stay, not %d", name,
                   (int)m->ring->kept_cells, (int)m->kept);
}

/* Fills three quarters and goes on writing, with some others among it. */
static void expect_no_loss(model *m, pattern next, const char *name)
{
    uint32_t others = support_random(3);

    m->keys = (uint32_t)(m->ring->cells * 3 / 4 / cells_for(m->sizes / 2)) * 2;
    m->keys = m->keys > KEYS ? KEYS : m->keys;
    for (m->clock = 0; m->clock < m->keys; m->clock++) {
        write_kept(m, m->clock, LATER);
    }
    for (; m->clock < 3000 && m->ring->losses == 0; m->clock++) {
        write_kept(m, next(m), LATER);
        if (m->clock % 4 < others) {
            append(m->ring, NOW, KEYS + m->clock % 50, 1, support_random(m->sizes), LATER,
                   false);
        }
        if (m->clock % 500 == 0) {
            remove_kept(m, support_random(m->keys));
            expect_all(m, name);
        }
    }
    expect_all(m, name);
}

static void no_pattern_of_writes_loses_what_stays(void **state)
{
    static const size_t sizes[] = {4096, 10000, 60000, 480000};
    model *m = calloc(1, sizeof(*m));
    size_t i, j, k;

    assert_non_null(m);
    for (i = 0; i < COUNT(patterns); i++) {
        for (j = 0; j < COUNT(sizes); j++) {
            for (k = 1; k <= 8; k *= 2) {
                memset(m, 0, sizeof(*m));
                m->ring = new_ring(*state, sizes[j]);
                m->sizes =
                    (uint32_t)((reserve_of(m->ring) - 1) * SK_RING_CELL - sizeof(support_value))
                        / (uint32_t)k
                    + 1;
                expect_no_loss(m, patterns[i].next, patterns[i].name);
            }
        }
    }
    free(m);
}

/* One random operation, at a time that goes on. */
static void do_anything(model *m, apr_time_t now)
{
    static const bool is_kept[] = {true, true, false};
    uint32_t number = support_random(300);
    size_t length = sizeof(support_value) + support_random(support_random(9) ? 300 : 3000);
    apr_time_t expiry = now + 1 + support_random(30000);
    bool stays = is_kept[support_random(3)];
    sk_ring_entry *entry = find(m->ring, now, number);

    if (support_random(8) == 0) {
        if (entry) {
            sk_ring_remove(m->ring, entry);
            m->of[number].expiry = 0;
        }
        return;
    }
    append(m->ring, now, number, m->clock, length, expiry, stays);
    m->of[number].seed = m->clock;
    m->of[number].length = (uint32_t)length;
    m->of[number].expiry = stays ? expiry : 0;
}

static void the_ring_does_what_a_map_with_expiry_does(void **state)
{
    model *m = calloc(1, sizeof(*m));
    apr_time_t now = NOW;
    uint32_t i, wrong = 0, expired = 0;

    assert_non_null(m);
    m->ring = new_ring(*state, 250000);
    for (m->clock = 0; m->clock < OPERATIONS; m->clock++, now += support_random(30)) {
        do_anything(m, now);
        assert_true(m->ring->kept_cells <= m->ring->cells * 3 / 4);
        for (i = m->clock % 10; i < 300; i += 10) {
            const sk_ring_entry *entry = find(m->ring, now, i);
            support_write_value(buffer, i, m->of[i].seed, m->of[i].length);
            wrong += entry && !sk_ring_equals(m->ring, entry, buffer, m->of[i].length);
            wrong += !entry && now < m->of[i].expiry;
            expired += !entry && m->of[i].expiry > 0;
        }
        if (m->clock % 1000 == 0) {
            uint64_t entries = m->ring->kept_entries, cells = m->ring->kept_cells;
            sk_ring_rebuild(m->ring);
            assert_int_equal(m->ring->kept_entries, entries);
            assert_int_equal(m->ring->kept_cells, cells);
        }
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(m->ring->losses, 0);
    assert_true(m->ring->evictions > 100 && expired > 100);
    free(m);
}

/* The largest stripe, three quarters of it in one run of small entries that stay, one append after another. */
static void no_append_moves_more_than_its_share(void **state)
{
    sk_ring *ring = new_ring(*state, 64 * 1024 * 1024);
    uint64_t moved, most = 0, written = 0, all = 0;
    uint32_t i, count = (uint32_t)(ring->cells * 3ull / 4 / 3);

    for (i = 0; i < count; i++) {
        keep(ring, i);
    }
    for (i = 0; written < ring->cells; i++) {
        size_t length = support_random(50) ? support_random(3000) : SK_RING_VALUE_MAX;
        uint64_t cells = cells_for(length);
        moved = append(ring, NOW, count + i % 100, i, length, LATER, false);
        support_expect(moved < SK_RING_PASSES * cells + 3, "%d moved for %d", (int)moved,
                       (int)cells);
        most = moved > most ? moved : most;
        written += cells;
        all += moved;
    }
    assert_true(most > 4000 && all > ring->cells);
    assert_int_equal(ring->losses, 0);
    assert_int_equal(ring->kept_entries, count);
    print_message("# %d cells moved at most, %d for each appended\n", (int)most,
                  (int)(all / written));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_stays_is_there_when_others_are_gone),
        TEST(the_newest_says_whether_it_stays),
        TEST(what_expired_or_was_removed_goes),
        TEST(the_oldest_goes_where_too_much_stays),
        TEST(a_ring_of_one_entry_keeps_it),
        TEST(no_pattern_of_writes_loses_what_stays),
        TEST(the_ring_does_what_a_map_with_expiry_does),
        TEST(no_append_moves_more_than_its_share),
    };

    return RUN(tests);
}
