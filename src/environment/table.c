/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/table.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <apr_shm.h>
#include <apr_strings.h>

#include "environment/ring.h"

#if defined __APPLE__ || defined __OpenBSD__ || defined __NetBSD__
#define SK_TABLE_WITHOUT_ROBUST_MUTEXES
#endif

/* To be raised with every change of what lies in the segment, here or in ring.h. */
#define LAYOUT 4
#define MAGIC 0x6c6174656c616373u

#define USERDATA "mod_auth_scalekit/table"

/* More stripes are of no use, and smaller ones would hold too little. */
#define STRIPES_MAX 16
#define STRIPE_MIN ((size_t)256 * 1024)

typedef struct header {
    _Alignas(
        SK_RING_CELL) uint64_t magic; /* this, layout and size stay the first in every layout */
    uint64_t layout;
    uint64_t size;
    _Atomic apr_time_t created;
    _Atomic uint64_t words[SK_TABLE_WORDS];
} header; /* the marks follow, then the stripes */

typedef struct stripe {
    pthread_mutex_t mutex;
    _Atomic uint64_t recoveries;
    sk_ring ring; /* its cells follow */
} stripe;

struct sk_table {
    header *header;
    uint32_t marks;
    uint32_t stripes;
    size_t stripe_size;
};

static_assert(SK_TABLE_KEY == SK_RING_KEY, "a key of the table is one of the ring");
/* NOLINTNEXTLINE(misc-redundant-expression): until one of them changes */
static_assert(SK_TABLE_VALUE_MAX == SK_RING_VALUE_MAX,
              "a value of the table is one of the ring");
static_assert(sizeof(header) % SK_RING_CELL == 0, "the marks are aligned");

/* ---- the segment: found or made ---- */

static _Atomic uint64_t *marks_of(const sk_table *table)
{
    return (_Atomic uint64_t *)(table->header + 1);
}

static stripe *stripe_at(const sk_table *table, uint32_t number)
{
    return (stripe *)((char *)(marks_of(table) + table->marks) + number * table->stripe_size);
}

/* The largest power of two of them that takes at most a sixteenth of the table. */
static uint32_t count_marks(size_t size)
{
    uint32_t count = 1;

    while (count * sizeof(uint64_t) <= size / 16 / 2) {
        count *= 2;
    }
    return count;
}

static sk_table *table_in(apr_pool_t *pool, apr_shm_t *segment, size_t size)
{
    sk_table *table = apr_palloc(pool, sizeof(*table));
    uintptr_t base = (uintptr_t)apr_shm_baseaddr_get(segment);

    table->header = (header *)APR_ALIGN(base, SK_RING_CELL);
    table->marks = count_marks(size);
    table->stripes = 1;
    while (table->stripes < STRIPES_MAX && size / table->stripes >= 2 * STRIPE_MIN) {
        table->stripes *= 2;
    }
    size -= sizeof(header) + table->marks * sizeof(uint64_t);
    table->stripe_size = size / table->stripes / SK_RING_CELL * SK_RING_CELL;
    return table;
}

static int make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);

    if (failed) {
        return failed;
    }
    failed = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
#ifndef SK_TABLE_WITHOUT_ROBUST_MUTEXES
    failed = failed ? failed : pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
#endif
    failed = failed ? failed : pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed;
}

static apr_status_t fill(sk_table *table, size_t size)
{
    uint32_t i;
    int failed;

    memset(table->header, 0, sizeof(*table->header) + table->marks * sizeof(uint64_t));
    table->header->magic = MAGIC;
    table->header->layout = LAYOUT;
    table->header->size = size;
    table->header->created = apr_time_now();
    for (i = 0; i < table->stripes; i++) {
        stripe *made = stripe_at(table, i);
        if ((failed = make_mutex(&made->mutex))) {
            return APR_FROM_OS_ERROR(failed);
        }
        made->recoveries = 0;
        sk_ring_init(&made->ring, table->stripe_size - offsetof(stripe, ring));
    }
    return APR_SUCCESS;
}

static size_t segment_size(size_t size)
{
    return size + SK_RING_CELL; /* APR aligns to 8 bytes only */
}

/* Is this segment one that we can use? */
static bool fits(const sk_call *call, const sk_table *table, apr_shm_t *segment, size_t size)
{
    const header *is = table->header;

    if (apr_shm_size_get(segment) < segment_size(SK_TABLE_SIZE_MIN) || is->magic != MAGIC) {
        sk_call_log(call, SK_LEVEL_WARNING, "The shared memory is damaged and made anew");
        return false;
    }
    if (is->layout != LAYOUT || is->size != size) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "The shared memory is made anew: it has layout %" APR_UINT64_T_FMT
                    " and %" APR_UINT64_T_FMT
                    " bytes, and is to have layout %d and %" APR_SIZE_T_FMT
                    " bytes. Sessions that were kept in it are lost, and a refresh that is "
                    "under way may be repeated",
                    is->layout, is->size, LAYOUT, size);
        return false;
    }
    return true;
}

static sk_table *make(const sk_call *call, apr_pool_t *process, size_t size)
{
    apr_shm_t *segment;
    sk_table *table = NULL;
    char text[120];
    apr_status_t status = apr_shm_create(&segment, segment_size(size), NULL, process);

    if (status == APR_SUCCESS) {
        table = table_in(call->pool, segment, size);
        status = fill(table, size);
        if (status != APR_SUCCESS) {
            apr_shm_destroy(segment);
        }
    }
    if (status != APR_SUCCESS) {
        sk_call_log(call, SK_LEVEL_ERROR,
                    "There is no shared memory of %" APR_SIZE_T_FMT " bytes: %s", size,
                    apr_strerror(status, text, sizeof(text)));
        return NULL;
    }
    apr_pool_userdata_set(segment, USERDATA, NULL, process);
    return table;
}

/* The process pool keeps nothing of ours but the segment, whose cleanup is APR's: our own code may be unloaded and
 * another version of it loaded before we are here again. */
sk_table *sk_table_open(const sk_call *call, apr_pool_t *process, size_t size)
{
    void *segment = NULL;
    sk_table *table;

    if (size < SK_TABLE_SIZE_MIN || size > SK_TABLE_SIZE_MAX) {
        sk_call_log(call, SK_LEVEL_ERROR,
                    "Shared memory of %" APR_SIZE_T_FMT " bytes is too small or too large",
                    size);
        return NULL;
    }
    apr_pool_userdata_get(&segment, USERDATA, process);
    if (segment) {
        table = table_in(call->pool, segment, size);
        if (fits(call, table, segment, size)) {
            return table;
        }
        apr_pool_userdata_set(NULL, USERDATA, NULL, process);
        apr_shm_destroy(segment);
    }
    return make(call, process, size);
}

/* ---- one stripe at a time ---- */

#ifdef SK_TABLE_WITHOUT_ROBUST_MUTEXES

/* How long somebody may hold a lock before we believe that he is dead. */
#define PATIENCE apr_time_from_msec(200)
#define PATIENCE_STEP apr_time_from_msec(1)

static bool take(stripe *taken)
{
    apr_time_t waited = 0;

    while (pthread_mutex_trylock(&taken->mutex) != 0) {
        if (waited >= PATIENCE) {
            return false;
        }
        apr_sleep(PATIENCE_STEP);
        waited += PATIENCE_STEP;
    }
    return true;
}
#else
static bool take(stripe *taken)
{
    int status = pthread_mutex_lock(&taken->mutex);

    if (status == EOWNERDEAD) {
        sk_ring_rebuild(&taken->ring);
        taken->recoveries++;
        status = pthread_mutex_consistent(&taken->mutex);
    }
    return status == 0;
}
#endif

/* The locked stripe of that key; NULL if it is lost. */
static stripe *lock(const sk_table *table, const unsigned char *key)
{
    stripe *locked = stripe_at(table, key[0] % table->stripes);

    return take(locked) ? locked : NULL;
}

static void unlock(stripe *locked)
{
    pthread_mutex_unlock(&locked->mutex);
}

unsigned char *sk_table_get(sk_table *table, apr_pool_t *pool, apr_time_t now,
                            const unsigned char *key, size_t *length)
{
    stripe *locked = lock(table, key);
    const sk_ring_entry *entry = locked ? sk_ring_find(&locked->ring, now, key) : NULL;
    unsigned char *value = NULL;

    if (entry) {
        *length = entry->length;
        value = apr_palloc(pool, *length + 1);
        sk_ring_read(&locked->ring, entry, value);
        value[*length] = '\0';
    }
    if (locked) {
        unlock(locked);
    }
    return value;
}

bool sk_table_sum(const sk_table *table, apr_time_t now, const unsigned char *key,
                  uint64_t *sum)
{
    stripe *locked = lock(table, key);
    const sk_ring_entry *entry = locked ? sk_ring_find(&locked->ring, now, key) : NULL;

    if (entry) {
        *sum = entry->sum;
    }
    if (locked) {
        unlock(locked);
    }
    return entry;
}

static sk_outcome put(sk_table *table, apr_time_t now, sk_ring_item *item, apr_time_t ttl,
                      bool only_if_absent)
{
    sk_outcome outcome = SK_OUTCOME_YES;
    stripe *locked;

    if (item->length > SK_TABLE_VALUE_MAX) {
        return SK_OUTCOME_FAILED;
    }
    item->expiry = ttl > INT64_MAX - now ? INT64_MAX : now + ttl;
    item->sum = sk_ring_sum(item);
    if (!(locked = lock(table, item->key))) {
        return SK_OUTCOME_FAILED;
    }
    if (only_if_absent && sk_ring_find(&locked->ring, now, item->key)) {
        outcome = SK_OUTCOME_NO;
    }
    else {
        sk_ring_append(&locked->ring, now, item);
    }
    unlock(locked);
    return outcome;
}

sk_outcome sk_table_set(sk_table *table, apr_time_t now, const unsigned char *key,
                        const void *value, size_t length, apr_time_t ttl)
{
    sk_ring_item item = {key, value, length, 0, false, 0};

    return put(table, now, &item, ttl, false);
}

sk_outcome sk_table_keep(sk_table *table, apr_time_t now, const unsigned char *key,
                         const void *value, size_t length, apr_time_t ttl)
{
    sk_ring_item item = {key, value, length, 0, true, 0};

    return put(table, now, &item, ttl, false);
}

sk_outcome sk_table_add(sk_table *table, apr_time_t now, const unsigned char *key,
                        const void *value, size_t length, apr_time_t ttl)
{
    sk_ring_item item = {key, value, length, 0, true, 0};

    return put(table, now, &item, ttl, true);
}

/* A NULL value is any value. */
static sk_outcome erase(sk_table *table, apr_time_t now, const unsigned char *key,
                        const void *value, size_t length)
{
    stripe *locked = lock(table, key);
    sk_ring_entry *entry;

    if (!locked) {
        return SK_OUTCOME_FAILED;
    }
    entry = sk_ring_find(&locked->ring, now, key);
    if (entry && value && !sk_ring_equals(&locked->ring, entry, value, length)) {
        entry = NULL;
    }
    if (entry) {
        sk_ring_remove(&locked->ring, entry);
    }
    unlock(locked);
    return entry ? SK_OUTCOME_YES : SK_OUTCOME_NO;
}

sk_outcome sk_table_delete(sk_table *table, apr_time_t now, const unsigned char *key)
{
    return erase(table, now, key, NULL, 0);
}

sk_outcome sk_table_delete_if_equal(sk_table *table, apr_time_t now, const unsigned char *key,
                                    const void *value, size_t length)
{
    return erase(table, now, key, value ? value : "", length);
}

/* ---- without a lock ---- */

_Atomic uint64_t *sk_table_word(sk_table *table, unsigned int number)
{
    return number < SK_TABLE_WORDS ? &table->header->words[number] : NULL;
}

_Atomic uint64_t *sk_table_marks(sk_table *table, uint32_t *count)
{
    *count = table->marks;
    return marks_of(table);
}

apr_time_t sk_table_created(const sk_table *table)
{
    apr_time_t now = apr_time_now(), created = atomic_load(&table->header->created);

    /* In the future: the clock was set back since. */
    while (created > now
           && !atomic_compare_exchange_weak(&table->header->created, &created, now)) {
    }
    return created < now ? created : now;
}

sk_table_statistics sk_table_statistics_of(const sk_table *table)
{
    sk_table_statistics sum = {0};
    uint32_t i;

    for (i = 0; i < table->stripes; i++) {
        stripe *one = stripe_at(table, i);
        sum.capacity += (uint64_t)one->ring.cells * SK_RING_CELL;
        sum.entries += one->ring.entries;
        sum.bytes += one->ring.bytes;
        sum.kept_entries += one->ring.kept_entries;
        sum.kept_bytes += one->ring.kept_cells * SK_RING_CELL;
        sum.losses += one->ring.losses;
        sum.evictions += one->ring.evictions;
        sum.recoveries += one->recoveries;
        sum.drops += one->ring.drops;
    }
    return sum;
}
