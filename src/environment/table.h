/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory: a table of opaque values with a time to live, which all processes of the server see, those of an old
 * generation and those of a new one after a graceful restart. Lost when the server stops.
 *
 * When it is full, the oldest entry of a stripe goes, even if it has not expired; the statistics count that. In a table
 * of 8 MB, one of 16 stripes, an entry is safe until about 430 KB more have been written to its stripe.
 *
 * What is kept outlives that: it is safe until it expires, is deleted or replaced, whatever is written, as long as all
 * that is kept takes at most three quarters of its stripe, and no entry of it more than a sixteenth. Where it takes more,
 * the oldest goes, and counts as a loss. What has expired takes its room until it is the oldest. The others share what is
 * left: beside three quarters, one is safe until about a tenth of the stripe has been written.
 *
 * Each operation is bounded: it holds the lock of one stripe for a memcpy of what is asked for; one that writes, of up to
 * nine times that as well, 300 KB at most. It asks nothing of the system but that lock.
 *
 * A process that is killed in the middle leaves either what was there before or what it wrote, never a mixture: whoever
 * comes next puts the stripe right. (To replace the oldest entry of a full stripe may be to evict it first.) Where there
 * are no robust mutexes (macOS, OpenBSD, NetBSD) nobody can know that the holder of a lock is dead: the stripe then
 * fails, each time after 200 ms, until the server is stopped and started.
 *
 * `now` and times to live are in microseconds. Any clock will do that is the same in all processes.
 */
#ifndef SK_ENVIRONMENT_TABLE_H
#define SK_ENVIRONMENT_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "environment/call.h"

/** The bytes of a key: a hash, all of whose bits are used. */
#define SK_TABLE_KEY 32

/** The largest value, in bytes. */
#define SK_TABLE_VALUE_MAX ((size_t)33 * 1024)

/** The smallest table, in bytes. */
#define SK_TABLE_SIZE_MIN ((size_t)64 * 1024)

/** The largest table, in bytes. */
#define SK_TABLE_SIZE_MAX ((size_t)1024 * 1024 * 1024)

/** How many words there are. */
#define SK_TABLE_WORDS 256

typedef struct sk_table sk_table;

typedef enum sk_outcome {
    SK_OUTCOME_YES,   /* it is done */
    SK_OUTCOME_NO,    /* the answer is no; nothing was changed */
    SK_OUTCOME_FAILED /* nobody knows; nothing was changed */
} sk_outcome;

typedef struct sk_table_statistics {
    uint64_t capacity; /* for entries, in bytes; each takes 64 and its value rounded up to 64 */
    uint64_t entries;  /* expired ones too, until their room is needed */
    uint64_t bytes;    /* of their values */
    uint64_t kept_entries; /* of the entries, those that are kept */
    uint64_t kept_bytes;   /* of the capacity, what those take */
    uint64_t evictions;    /* of entries that had not expired, ever: the table is too small */
    uint64_t losses;       /* of the evictions, those of entries that were to be kept */
    uint64_t recoveries; /* after the death of a process in the middle of an operation, ever */
    uint64_t drops;      /* of what a recovery did not trust, in cells of 64 bytes, ever */
} sk_table_statistics;

/**
 * Finds the table of this server or makes it. To be called by the parent, before it forks. A table of another layout
 * (the module was replaced on disk) or size is given up for a new, empty one, and the log says so; the children of the
 * old generation keep theirs, nobody else may use it any more.
 * @param call its pool gets the handle
 * @param process the pool that lives as long as the server
 * @param size in bytes, within the limits above
 * @return NULL if there is no memory, which is logged
 */
sk_table *sk_table_open(const sk_call *call, apr_pool_t *process, size_t size);

/**
 * The value of a key, allocated from the pool, with a NUL behind it that does not count. NULL if there is none, or if
 * the stripe is lost.
 */
unsigned char *sk_table_get(sk_table *table, apr_pool_t *pool, apr_time_t now,
                            const unsigned char *key, size_t *length);

/**
 * A number that goes with the value of a key and is another one with another value, as surely as checksums are that nobody
 * can choose: values have to differ at random, as what is sealed does.
 * @return false if there is none
 */
bool sk_table_sum(const sk_table *table, apr_time_t now, const unsigned char *key,
                  uint64_t *sum);

/**
 * Stores a value, in place of the one that is there. It is alive for `ttl`: at now + ttl it is not any more.
 * @return YES, or FAILED if it is too large or the stripe is lost
 */
sk_outcome sk_table_set(sk_table *table, apr_time_t now, const unsigned char *key,
                        const void *value, size_t length, apr_time_t ttl);

/** Like sk_table_set(); the value stays until it expires, is deleted or replaced, as long as all that stays fits. */
sk_outcome sk_table_keep(sk_table *table, apr_time_t now, const unsigned char *key,
                         const void *value, size_t length, apr_time_t ttl);

/** Stores a value if none is alive, and keeps it. Of many that try, exactly one gets a YES. */
sk_outcome sk_table_add(sk_table *table, apr_time_t now, const unsigned char *key,
                        const void *value, size_t length, apr_time_t ttl);

/** Deletes. @return NO if none was alive */
sk_outcome sk_table_delete(sk_table *table, apr_time_t now, const unsigned char *key);

/** Deletes this value. @return NO if none, or another one, was alive */
sk_outcome sk_table_delete_if_equal(sk_table *table, apr_time_t now, const unsigned char *key,
                                    const void *value, size_t length);

/**
 * One of SK_TABLE_WORDS numbers, 0 in a new table, to be used without a lock. Whoever changes what a word means raises
 * the layout version in table.c.
 */
_Atomic uint64_t *sk_table_word(sk_table *table, unsigned int number);

/**
 * More words, 0 in a new table, to be used without a lock: a sixteenth of the table or a little less. They begin at a
 * multiple of 64 bytes. As above for what they mean.
 * @param count gets their number, a power of two
 */
_Atomic uint64_t *sk_table_marks(sk_table *table, uint32_t *count);

/** When it was made: it knows of nothing that was before. */
apr_time_t sk_table_created(const sk_table *table);

/** What the table has and had, without a lock: the numbers need not be of one instant. */
sk_table_statistics sk_table_statistics_of(const sk_table *table);

#endif
