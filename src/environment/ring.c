/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/ring.h"

#include <assert.h>
#include <string.h>

/* Two for each cell: there is always an empty one, and the way to it is short. */
#define SLOTS_PER_CELL 2

static_assert(sizeof(sk_ring_entry) == SK_RING_CELL, "an entry begins with one cell");
static_assert(sizeof(sk_ring) % SK_RING_CELL == 0, "the cells follow");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "atomics work across processes");

void sk_ring_init(sk_ring *ring, size_t bytes)
{
    size_t cost = SK_RING_CELL + SLOTS_PER_CELL * sizeof(uint32_t);

    memset(ring, 0, bytes);
    ring->cells = (uint32_t)((bytes - sizeof(*ring)) / cost);
    ring->slots = ring->cells * SLOTS_PER_CELL;
}

/* ---- the cells ---- */

static unsigned char *cells_of(sk_ring *ring)
{
    return (unsigned char *)(ring + 1);
}

static sk_ring_entry *entry_at(sk_ring *ring, uint64_t position)
{
    return (sk_ring_entry *)(cells_of(ring) + position % ring->cells * SK_RING_CELL);
}

static uint32_t size_in_cells(size_t length)
{
    return (uint32_t)(1 + (length + SK_RING_CELL - 1) / SK_RING_CELL);
}

/* A value that meets the end of the ring goes on at its start. */
typedef struct parts {
    unsigned char *first, *second;
    size_t first_length, second_length;
} parts;

static parts parts_of(sk_ring *ring, uint64_t position, size_t length)
{
    size_t offset = (position + 1) % ring->cells * SK_RING_CELL;
    size_t rest = (size_t)ring->cells * SK_RING_CELL - offset;
    parts value = {cells_of(ring) + offset, cells_of(ring), length, 0};

    if (length > rest) {
        value.first_length = rest;
        value.second_length = length - rest;
    }
    return value;
}

void sk_ring_read(sk_ring *ring, const sk_ring_entry *entry, void *value)
{
    parts from = parts_of(ring, entry->position, entry->length);

    memcpy(value, from.first, from.first_length);
    memcpy((unsigned char *)value + from.first_length, from.second, from.second_length);
}

bool sk_ring_equals(sk_ring *ring, const sk_ring_entry *entry, const void *value, size_t length)
{
    parts is = parts_of(ring, entry->position, entry->length);

    return entry->length == length && memcmp(is.first, value, is.first_length) == 0
           && memcmp(is.second, (const unsigned char *)value + is.first_length,
                     is.second_length)
                  == 0;
}

/* ---- checksums ---- */

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* The parts of one value give the sum of the whole, since all but the last end between words. */
static uint64_t add_bytes(uint64_t sum, const void *bytes, size_t length)
{
    const unsigned char *next = bytes;
    uint64_t word;

    for (; length >= sizeof(word); length -= sizeof(word), next += sizeof(word)) {
        memcpy(&word, next, sizeof(word));
        sum = mix(sum, word);
    }
    if (length > 0) {
        word = 0;
        memcpy(&word, next, length);
        sum = mix(sum, word);
    }
    return sum;
}

static uint64_t add_head(const unsigned char *key, apr_time_t expiry, uint64_t stays,
                         size_t length)
{
    return add_bytes(mix(mix(mix(1, (uint64_t)expiry), stays), length), key, SK_RING_KEY);
}

uint64_t sk_ring_sum(const sk_ring_item *item)
{
    return add_bytes(add_head(item->key, item->expiry, item->stays, item->length), item->value,
                     item->length);
}

static uint64_t sum_of(sk_ring *ring, const sk_ring_entry *entry)
{
    parts value = parts_of(ring, entry->position, entry->length);
    uint64_t sum = add_head(entry->key, entry->expiry, entry->stays, entry->length);

    sum = add_bytes(sum, value.first, value.first_length);
    return add_bytes(sum, value.second, value.second_length);
}

/* ---- the index: a slot has the number of an entry's cell, plus one; 0 is empty ---- */

static uint32_t *index_of(sk_ring *ring)
{
    return (uint32_t *)(cells_of(ring) + (size_t)ring->cells * SK_RING_CELL);
}

/* The table picks the stripe by the first bytes of the key. */
static uint32_t home_of(const sk_ring *ring, const unsigned char *key)
{
    uint64_t hash;

    memcpy(&hash, key + SK_RING_KEY - sizeof(hash), sizeof(hash));
    return (uint32_t)(hash % ring->slots);
}

static uint32_t slot_after(const sk_ring *ring, uint32_t slot)
{
    return slot + 1 == ring->slots ? 0 : slot + 1;
}

/* How far it is from one slot on to another. */
static uint32_t distance(const sk_ring *ring, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + ring->slots - from;
}

/* The slot of that key, or the empty one where it belongs. */
static uint32_t slot_of(sk_ring *ring, const unsigned char *key)
{
    const uint32_t *index = index_of(ring);
    uint32_t slot = home_of(ring, key);

    while (index[slot] && memcmp(entry_at(ring, index[slot] - 1)->key, key, SK_RING_KEY) != 0) {
        slot = slot_after(ring, slot);
    }
    return slot;
}

static void empty_slot(sk_ring *ring, uint32_t hole)
{
    uint32_t *index = index_of(ring);
    uint32_t slot;

    for (slot = slot_after(ring, hole); index[slot]; slot = slot_after(ring, slot)) {
        uint32_t home = home_of(ring, entry_at(ring, index[slot] - 1)->key);
        if (distance(ring, home, slot) >= distance(ring, hole, slot)) {
            index[hole] = index[slot];
            hole = slot;
        }
    }
    index[hole] = 0;
}

/* ---- changes ---- */

static void forget(sk_ring *ring, sk_ring_entry *entry)
{
    entry->is_live = 0;
    ring->entries--;
    ring->bytes -= entry->length;
    if (entry->stays) {
        ring->kept_entries--;
        ring->kept_cells -= size_in_cells(entry->length);
    }
}

/* Makes the index say where the newest entry of that key is. */
static void enter(sk_ring *ring, const sk_ring_entry *entry)
{
    uint32_t *index = index_of(ring);
    uint32_t slot = slot_of(ring, entry->key);

    if (index[slot]) {
        forget(ring, entry_at(ring, index[slot] - 1));
    }
    index[slot] = (uint32_t)(entry->position % ring->cells) + 1;
    ring->entries++;
    ring->bytes += entry->length;
    if (entry->stays) {
        ring->kept_entries++;
        ring->kept_cells += size_in_cells(entry->length);
    }
}

sk_ring_entry *sk_ring_find(sk_ring *ring, apr_time_t now, const unsigned char *key)
{
    uint32_t cell = index_of(ring)[slot_of(ring, key)];
    sk_ring_entry *entry = cell ? entry_at(ring, cell - 1) : NULL;

    return entry && now < entry->expiry ? entry : NULL;
}

void sk_ring_remove(sk_ring *ring, sk_ring_entry *entry)
{
    uint32_t slot = slot_of(ring, entry->key);

    forget(ring, entry);
    empty_slot(ring, slot);
}

static sk_ring_entry *write_entry(sk_ring *ring, uint64_t position, const sk_ring_item *item)
{
    sk_ring_entry *entry = entry_at(ring, position);
    parts to = parts_of(ring, position, item->length);

    memcpy(entry->key, item->key, SK_RING_KEY);
    entry->expiry = item->expiry;
    entry->position = position;
    entry->sum = item->sum;
    entry->length = (uint32_t)item->length;
    entry->stays = item->stays;
    entry->is_live = 1;
    if (item->length > 0) {
        memcpy(to.first, item->value, to.first_length);
        memcpy(to.second, (const unsigned char *)item->value + to.first_length,
               to.second_length);
    }
    return entry;
}

/* Writes into free cells. The head covers what is complete, and an older copy is there until it does: the fences keep
 * the compiler from writing in another order, should we die in between. */
static void put(sk_ring *ring, const sk_ring_item *item)
{
    sk_ring_entry *entry = write_entry(ring, ring->head, item);

    atomic_thread_fence(memory_order_seq_cst);
    ring->head += size_in_cells(item->length);
    atomic_thread_fence(memory_order_seq_cst);
    enter(ring, entry);
}

/* ---- room ---- */

static uint64_t free_cells(const sk_ring *ring)
{
    return ring->cells - (ring->head - ring->tail);
}

/* The largest entry whose staying is sure. */
static uint64_t reserve_of(const sk_ring *ring)
{
    uint64_t largest = size_in_cells(SK_RING_VALUE_MAX);

    return largest < ring->cells / 16 ? largest : ring->cells / 16;
}

static bool can_move(const sk_ring *ring, apr_time_t now, const sk_ring_entry *entry)
{
    return entry->stays && now < entry->expiry
           && size_in_cells(entry->length) <= free_cells(ring)
           && ring->kept_cells <= (uint64_t)ring->cells * 3 / 4;
}

static void move(sk_ring *ring, const sk_ring_entry *entry)
{
    unsigned char value[SK_RING_VALUE_MAX];
    sk_ring_item item = {entry->key,    value,        entry->length,
                         entry->expiry, entry->stays, entry->sum};

    sk_ring_read(ring, entry, value);
    put(ring, &item);
}

static void evict(sk_ring *ring, apr_time_t now, sk_ring_entry *entry,
                  const unsigned char *replaced)
{
    if (now < entry->expiry && memcmp(entry->key, replaced, SK_RING_KEY) != 0) {
        ring->evictions++;
        ring->losses += entry->stays;
    }
    sk_ring_remove(ring, entry);
}

static void pass_oldest(sk_ring *ring, apr_time_t now, const unsigned char *replaced,
                        bool may_move)
{
    sk_ring_entry *entry = entry_at(ring, ring->tail);

    if (entry->is_live && may_move && can_move(ring, now, entry)) {
        move(ring, entry);
    }
    else if (entry->is_live) {
        evict(ring, now, entry, replaced);
    }
    /* The tail leaves what has a newer copy, and no cell changes before the tail has left it. */
    atomic_thread_fence(memory_order_seq_cst);
    ring->tail += size_in_cells(entry->length);
    atomic_thread_fence(memory_order_seq_cst);
}

static void make_room(sk_ring *ring, apr_time_t now, const sk_ring_item *item)
{
    uint64_t size = size_in_cells(item->length);
    uint64_t kept = ring->kept_cells + (item->stays ? size : 0);
    uint64_t wanted = kept > 0 ? size + reserve_of(ring) + kept / 6 : size;
    uint64_t end = ring->tail + SK_RING_PASSES * size;

    if (end > ring->head) {
        end = ring->head;
    }
    while (free_cells(ring) < size || (free_cells(ring) < wanted && ring->tail < end)) {
        pass_oldest(ring, now, item->key, ring->tail < end);
    }
}

void sk_ring_append(sk_ring *ring, apr_time_t now, const sk_ring_item *item)
{
    make_room(ring, now, item);
    put(ring, item);
}

/* ---- after a death ---- */

static bool is_whole(sk_ring *ring, uint64_t position)
{
    const sk_ring_entry *entry = entry_at(ring, position);

    return entry->position == position && entry->length <= SK_RING_VALUE_MAX
           && position + size_in_cells(entry->length) <= ring->head
           && entry->sum == sum_of(ring, entry);
}

/* A cell that means nothing, so that the way from the tail to the head leads over it. */
static void write_gap(sk_ring *ring, uint64_t position)
{
    static const unsigned char nobody[SK_RING_KEY] = {0};
    sk_ring_item gap = {nobody, NULL, 0, 0, false, 0};

    gap.sum = sk_ring_sum(&gap);
    write_entry(ring, position, &gap)->is_live = 0;
    ring->drops++;
}

void sk_ring_rebuild(sk_ring *ring)
{
    uint64_t position;
    sk_ring_entry *entry;

    memset(index_of(ring), 0, ring->slots * sizeof(uint32_t));
    ring->entries = 0;
    ring->bytes = 0;
    ring->kept_entries = 0;
    ring->kept_cells = 0;
    if (ring->head - ring->tail > ring->cells) {
        ring->tail = ring->head;
    }
    for (position = ring->tail; position < ring->head;
         position += size_in_cells(entry->length)) {
        entry = entry_at(ring, position);
        if (!is_whole(ring, position)) {
            write_gap(ring, position);
        }
        if (entry->is_live) {
            enter(ring, entry);
        }
    }
}
