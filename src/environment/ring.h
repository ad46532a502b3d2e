/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded store of entries, oldest out first: one stripe of the table. It lives in shared memory and has no pointers
 * inside; nothing here locks, allocates or asks the system.
 *
 * The entries lie one behind the other in a ring of cells: a new one is written into free cells and then committed by
 * moving the head, in one store; the tail moves on when room is needed. Over it an index with open addressing finds
 * entries by key. Whoever dies in the middle leaves the entries between tail and head whole: sk_ring_rebuild() makes a
 * new index from them.
 *
 * An entry that stays and has not expired is not evicted when the tail comes by, but appended once more; a death before
 * the tail has left the old copy leaves both, and the newer one counts. So that there is room for copies, the tail goes
 * ahead: it passes SK_RING_PASSES cells for each that is appended, while fewer are free than a reserve (a sixteenth of
 * the ring, or the largest entry) and a sixth of what stays. Then none that stays is lost, whatever is written when, as
 * long as they take at most three quarters of the cells and nothing is written that is larger than the reserve:
 *
 * - Less than a round after enough was free, the tail has met at most what stayed then. That took an eighth of it from
 *   what was free, and a sixth was there beside the reserve.
 * - A round later all that was dead then is free: at least a quarter of the cells, less what was appended meanwhile,
 *   which is an eighth of the cells and one entry. That leaves a sixteenth.
 */
#ifndef SK_ENVIRONMENT_RING_H
#define SK_ENVIRONMENT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_time.h>

/** What room is counted in, in bytes. A ring begins at a multiple of it. */
#define SK_RING_CELL ((size_t)64)

#define SK_RING_KEY 32
#define SK_RING_VALUE_MAX ((size_t)33 * 1024)

/** How many cells the tail passes for one that is appended; a bound of what one append moves. */
#define SK_RING_PASSES 8

/** Its head and counters; the cells and the index follow. Counters may be read without a lock. */
typedef struct sk_ring {
    _Alignas(SK_RING_CELL) _Atomic uint64_t head; /* in cells since the beginning of time */
    _Atomic uint64_t tail;
    uint32_t cells;
    uint32_t slots;                /* of the index */
    _Atomic uint64_t entries;      /* that are in the index, expired ones too */
    _Atomic uint64_t bytes;        /* of their values */
    _Atomic uint64_t kept_entries; /* of the entries, those that stay */
    _Atomic uint64_t kept_cells;
    _Atomic uint64_t evictions; /* of entries that had not expired, ever */
    _Atomic uint64_t losses;    /* of the evictions, those of entries that were to stay */
    _Atomic uint64_t drops;     /* of cells that a rebuild did not trust, ever */
} sk_ring;

/** An entry as it lies in its first cell; the value is in the cells behind. */
typedef struct sk_ring_entry {
    unsigned char key[SK_RING_KEY];
    apr_time_t expiry;
    uint64_t position; /* in cells since the beginning of time */
    uint64_t sum;      /* of all but `position` and `is_live` */
    uint32_t length;
    uint16_t stays;
    _Atomic uint16_t is_live; /* not deleted or replaced; it may have expired */
} sk_ring_entry;

/** What is to be appended. The key has SK_RING_KEY bytes, the value at most SK_RING_VALUE_MAX. */
typedef struct sk_ring_item {
    const unsigned char *key;
    const void *value;
    size_t length;
    apr_time_t expiry;
    bool stays;   /* until it expires, is removed or replaced, if there is room */
    uint64_t sum; /* sk_ring_sum(), made before the lock is taken */
} sk_ring_item;

/** Makes an empty ring of that many bytes in all. They must hold the largest entry. */
void sk_ring_init(sk_ring *ring, size_t bytes);

/** The checksum of an item. */
uint64_t sk_ring_sum(const sk_ring_item *item);

/** The entry of that key that has not expired, or NULL. It is valid until the next change. */
sk_ring_entry *sk_ring_find(sk_ring *ring, apr_time_t now, const unsigned char *key);

/** Copies the value, entry->length bytes. */
void sk_ring_read(sk_ring *ring, const sk_ring_entry *entry, void *value);

/** Has the entry this value? */
bool sk_ring_equals(sk_ring *ring, const sk_ring_entry *entry, const void *value,
                    size_t length);

/** Adds an entry or replaces the one of that key; where there is no room, the oldest that need not stay go. */
void sk_ring_append(sk_ring *ring, apr_time_t now, const sk_ring_item *item);

void sk_ring_remove(sk_ring *ring, sk_ring_entry *entry);

/** After a death in the middle of a change: makes a new index from the ring, without what is damaged. */
void sk_ring_rebuild(sk_ring *ring);

#endif
