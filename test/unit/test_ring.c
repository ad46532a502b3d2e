/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/ring.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#ifdef __linux__
#include <sys/ptrace.h>
#endif

#include "support.h"

#define SMALL 4096
#define TINY 2048
#define NOW 1000
#define LATER 1000000

static unsigned char buffer[SK_RING_VALUE_MAX];

static sk_ring *new_ring(apr_pool_t *pool, size_t bytes)
{
    char *memory = apr_palloc(pool, bytes + SK_RING_CELL);
    sk_ring *ring = (sk_ring *)APR_ALIGN((uintptr_t)memory, SK_RING_CELL);

    sk_ring_init(ring, bytes);
    return ring;
}

/* Keys whose homes in the index are few, so that they meet. */
static const unsigned char *key_of(int number)
{
    static unsigned char key[SK_RING_KEY];

    memset(key, 0, sizeof(key));
    key[0] = (unsigned char)number;
    key[SK_RING_KEY - 8] = (unsigned char)(number % 3);
    return key;
}

static const unsigned char *value_of(int number, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        buffer[i] = (unsigned char)((size_t)number * 7 + i * 31 + i / 256);
    }
    return buffer;
}

/* One at a time: it is made of static memory. */
static sk_ring_item new_item(int key, int value, size_t length)
{
    sk_ring_item item = {key_of(key), value_of(value, length), length, LATER, false, 0};

    item.sum = sk_ring_sum(&item);
    return item;
}

static void append(sk_ring *ring, int key, int value, size_t length)
{
    sk_ring_item item = new_item(key, value, length);

    sk_ring_append(ring, NOW, &item);
}

static bool holds(sk_ring *ring, int key, int value, size_t length)
{
    static unsigned char is[SK_RING_VALUE_MAX];
    const sk_ring_entry *entry = sk_ring_find(ring, NOW, key_of(key));

    if (!entry || entry->length != length) {
        return false;
    }
    sk_ring_read(ring, entry, is);
    return memcmp(is, value_of(value, length), length) == 0
           && sk_ring_equals(ring, entry, buffer, length);
}

static bool has(sk_ring *ring, int key)
{
    return sk_ring_find(ring, NOW, key_of(key)) != NULL;
}

static void values_go_over_the_end_of_the_ring_anywhere(void **state)
{
    static const size_t lengths[] = {0, 1, 8, 63, 64, 65, 127, 128, 129, 1000, 2048};
    sk_ring *ring = new_ring(*state, SMALL);
    uint32_t start, cells = ring->cells;
    size_t i;

    assert_true(cells > 40);
    for (start = 0; start < cells; start++) {
        for (i = 0; i < COUNT(lengths); i++) {
            sk_ring_init(ring, SMALL);
            ring->head = ring->tail = 5 * cells + start;
            append(ring, 1, 1, 10);
            append(ring, 2, 2, lengths[i]);
            append(ring, 3, 3, 10);
            support_expect(holds(ring, 1, 1, 10) && holds(ring, 2, 2, lengths[i])
                               && holds(ring, 3, 3, 10),
                           "from %d, %d bytes", (int)start, (int)lengths[i]);
            sk_ring_rebuild(ring);
            support_expect(holds(ring, 1, 1, 10) && holds(ring, 2, 2, lengths[i])
                               && holds(ring, 3, 3, 10) && ring->drops == 0,
                           "from %d, %d bytes, after a rebuild", (int)start, (int)lengths[i]);
        }
    }
}

static void one_entry_may_fill_the_ring(void **state)
{
    sk_ring *ring = new_ring(*state, SMALL);
    size_t length = (ring->cells - 1) * SK_RING_CELL;

    append(ring, 1, 1, 10);
    append(ring, 2, 2, length);
    assert_false(has(ring, 1));
    assert_true(holds(ring, 2, 2, length));
    append(ring, 2, 3, length);
    assert_true(holds(ring, 2, 3, length));
    append(ring, 3, 4, 0);
    assert_false(has(ring, 2));
    assert_true(holds(ring, 3, 4, 0));
    assert_int_equal(ring->evictions, 2);
    assert_int_equal(ring->entries, 1);
    assert_int_equal(ring->bytes, 0);
}

/* All orders in which 5 entries that share their homes in the index can be deleted. */
static void deletions_leave_the_index_whole(void **state)
{
    sk_ring *ring = new_ring(*state, SMALL);
    int order, i, j;

    for (order = 0; order < 5 * 5 * 5 * 5; order++) {
        int digits = order;
        bool gone[5] = {false};
        sk_ring_init(ring, SMALL);
        for (i = 0; i < 5; i++) {
            append(ring, i, i, 20);
        }
        for (i = 0; i < 4; i++, digits /= 5) {
            sk_ring_entry *entry = sk_ring_find(ring, NOW, key_of(digits % 5));
            support_expect((entry == NULL) == gone[digits % 5], "order %d", order);
            if (entry) {
                sk_ring_remove(ring, entry);
            }
            gone[digits % 5] = true;
            for (j = 0; j < 5; j++) {
                support_expect(gone[j] ? !has(ring, j) : holds(ring, j, j, 20),
                               "order %d, entry %d", order, j);
            }
        }
    }
}

/* A byte of an entry, counted from where its first cell begins. */
static unsigned char *byte_of(sk_ring *ring, int key, size_t byte)
{
    unsigned char *cells = (unsigned char *)(ring + 1);
    unsigned char *entry = (unsigned char *)sk_ring_find(ring, NOW, key_of(key));

    assert_non_null(entry);
    return cells + ((size_t)(entry - cells) + byte) % (ring->cells * SK_RING_CELL);
}

static void a_rebuild_drops_what_is_damaged_and_nothing_else(void **state)
{
    sk_ring *ring = new_ring(*state, SMALL);
    size_t byte, size = SK_RING_CELL + 200, is_live = offsetof(sk_ring_entry, is_live);

    for (byte = 0; byte < size; byte++) {
        sk_ring_init(ring, SMALL);
        ring->head = ring->tail = ring->cells - 6;
        append(ring, 1, 1, 100);
        append(ring, 2, 2, 200);
        append(ring, 3, 3, 100);
        if (byte >= is_live && byte < is_live + sizeof(uint16_t)) {
            continue;
        }
        *byte_of(ring, 2, byte) ^= 0x10;
        sk_ring_rebuild(ring);
        support_expect(!has(ring, 2) && ring->drops > 0, "byte %d is believed", (int)byte);
        support_expect(holds(ring, 1, 1, 100) && holds(ring, 3, 3, 100),
                       "byte %d takes others along", (int)byte);
        append(ring, 4, 4, (ring->cells - 1) * SK_RING_CELL);
        support_expect(holds(ring, 4, 4, (ring->cells - 1) * SK_RING_CELL) && !has(ring, 1)
                           && ring->entries == 1,
                       "byte %d is in the way", (int)byte);
    }
}

static void a_rebuild_believes_no_impossible_ends(void **state)
{
    sk_ring *ring = new_ring(*state, SMALL);

    append(ring, 1, 1, 100);
    ring->tail = ring->head + 1;
    sk_ring_rebuild(ring);
    assert_false(has(ring, 1));
    append(ring, 2, 2, 100);
    assert_true(holds(ring, 2, 2, 100));
    assert_int_equal(ring->entries, 1);
}

/* What a death leaves that comes between the new copy and the old one. */
static void the_newer_of_two_copies_counts(void **state)
{
    sk_ring *ring = new_ring(*state, SMALL);
    sk_ring_entry *older;

    append(ring, 1, 1, 100);
    older = sk_ring_find(ring, NOW, key_of(1));
    append(ring, 2, 2, 100);
    append(ring, 1, 3, 200);
    older->is_live = 1;
    sk_ring_rebuild(ring);
    assert_true(holds(ring, 1, 3, 200) && holds(ring, 2, 2, 100));
    assert_int_equal(older->is_live, 0);
    assert_int_equal(ring->entries, 2);
}

/* ---- a death at every single instruction ---- */

#ifdef __linux__

/* What may be missing, and what may be new, if somebody dies in the middle. */
typedef struct deed {
    const char *name;
    void (*act)(sk_ring *ring, const sk_ring_item *item);
    bool some_stay;    /* 12 to 15, and the one that is written; the others may go */
    int oldest_may_go; /* how many of them */
    int key;           /* that is changed; 0: none */
    bool may_be_new, may_be_gone;
} deed;

static bool stays(const deed *done, int key)
{
    return done->some_stay && key >= 12 && key <= 15;
}

/* Entries 10, 11, ... of 100 bytes each fill the ring; 10 is the oldest. */
static void fill(sk_ring *ring, const deed *done)
{
    int i;

    sk_ring_init(ring, TINY);
    ring->head = ring->tail = 7;
    for (i = 10; i < 10 + (int)ring->cells / 3; i++) {
        sk_ring_item item = new_item(i, i, 100);
        item.stays = stays(done, i);
        item.sum = sk_ring_sum(&item);
        sk_ring_append(ring, NOW, &item);
    }
}

static void replace(sk_ring *ring, const sk_ring_item *item)
{
    sk_ring_append(ring, NOW, item);
}

static void delete (sk_ring *ring, const sk_ring_item *item)
{
    sk_ring_remove(ring, sk_ring_find(ring, NOW, item->key));
}

static void rebuild(sk_ring *ring, const sk_ring_item *item)
{
    (void)item;
    sk_ring_rebuild(ring);
}

static const deed deeds[] = {
    {"replace a newer one", replace, false, 2, 15, true, false},
    {"replace the oldest", replace, false, 2, 10, true, true},
    {"delete", delete, false, 0, 15, false, true},
    {"rebuild", rebuild, false, 0, 0, false, false},
    {"move for a new one", replace, true, 2, 0, false, false},
    {"move what is replaced", replace, true, 2, 13, true, false},
    {"move and replace one behind it", replace, true, 2, 17, true, true},
};

static void expect_whole(sk_ring *ring, const deed *done, int step)
{
    int i, count = (int)ring->cells / 3;

    sk_ring_rebuild(ring);
    support_expect(ring->drops == 0 && ring->losses == 0, "%s, step %d: drops", done->name,
                   step);
    for (i = 10; i < 10 + count; i++) {
        bool is_right = holds(ring, i, i, 100);
        if (i == done->key) {
            is_right = is_right || (done->may_be_new && holds(ring, i, 99, 300))
                       || (done->may_be_gone && !has(ring, i));
        }
        else if (done->some_stay ? !stays(done, i) : i < 10 + done->oldest_may_go) {
            is_right = is_right || !has(ring, i);
        }
        support_expect(is_right, "%s, step %d: entry %d", done->name, step, i);
    }
    append(ring, 1, 1, 500);
    support_expect(holds(ring, 1, 1, 500), "%s, step %d: it is of no use", done->name, step);
}

static pid_t start_traced(sk_ring *ring, const deed *done)
{
    sk_ring_item item = new_item(done->key, 99, 300);
    pid_t child;

    item.stays = done->some_stay;
    item.sum = sk_ring_sum(&item);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(1);
        }
        raise(SIGSTOP);
        done->act(ring, &item);
        _exit(0);
    }
    return child;
}

/* Its instructions would be valgrind's own, a hundred for each of ours. */
static bool is_in_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded && strstr(preloaded, "vgpreload");
}

/* After each of the child's instructions, a copy of its ring is what its death would leave. */
static int step_through(sk_ring *ring, sk_ring *copy, const deed *done)
{
    pid_t child = start_traced(ring, done);
    int status, steps = 0;

    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        memcpy(copy, ring, TINY);
        expect_whole(copy, done, steps);
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0) {
            break;
        }
        steps++;
    }
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || steps == 0));
    return steps;
}

static void a_death_at_any_instruction_leaves_the_ring_whole(void **state)
{
    sk_ring *copy = new_ring(*state, TINY);
    sk_ring *ring = mmap(NULL, TINY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t i;

    assert_true(ring != MAP_FAILED);
    if (is_in_valgrind()) {
        munmap(ring, TINY);
        print_message("# not in valgrind\n"); /* not skip(), which prove takes for a failure */
        return;
    }
    for (i = 0; i < COUNT(deeds); i++) {
        fill(ring, &deeds[i]);
        if (step_through(ring, copy, &deeds[i]) == 0) {
            munmap(ring, TINY);
            print_message("# a debugger or a container does not let us trace\n");
            return;
        }
        assert_true(!deeds[i].some_stay || ring->head > 7 + ring->cells + 3 * 4);
        expect_whole(ring, &deeds[i], -1);
    }
    munmap(ring, TINY);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_go_over_the_end_of_the_ring_anywhere),
        TEST(one_entry_may_fill_the_ring),
        TEST(deletions_leave_the_index_whole),
        TEST(a_rebuild_drops_what_is_damaged_and_nothing_else),
        TEST(a_rebuild_believes_no_impossible_ends),
        TEST(the_newer_of_two_copies_counts),
#ifdef __linux__
        TEST(a_death_at_any_instruction_leaves_the_ring_whole),
#endif
    };

    return RUN(tests);
}
