/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memo.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <apr_hash.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>
#include <openssl/crypto.h>

/* One block: this, what was in it, what was opened. */
typedef struct item {
    APR_RING_ENTRY(item) link;
    const void *owner;
    atomic_uint users; /* the memo, and the requests that have it */
    size_t size;
    sk_memo_note note;
    sk_span closed;
    sk_span content;
    alignas(max_align_t) char bytes[];
} item;

/* The last used comes first. */
typedef struct item_ring item_ring;
APR_RING_HEAD(item_ring, item);

struct sk_memo {
    apr_thread_mutex_t *mutex; /* held for a comparison */
    apr_hash_t *by_closed;     /* compares all of it */
    item_ring items;
    size_t used;
    size_t size;
};

/* Of random bytes, or their text in base64, any will do. */
static unsigned int hash_beginning(const char *bytes, apr_ssize_t *length)
{
    uint64_t words[3] = {0};

    memcpy(words, bytes, (size_t)*length < sizeof(words) ? (size_t)*length : sizeof(words));
    return (unsigned int)(((words[1] ^ words[2]) * 0x9e3779b97f4a7c15u) >> 32);
}

static apr_status_t release(void *data)
{
    item *used = data;

    if (atomic_fetch_sub(&used->users, 1) == 1) {
        OPENSSL_cleanse(used, used->size);
        free(used);
    }
    return APR_SUCCESS;
}

static void drop(sk_memo *memo, item *dropped)
{
    apr_hash_set(memo->by_closed, dropped->closed.bytes, (apr_ssize_t)dropped->closed.length,
                 NULL);
    APR_RING_REMOVE(dropped, link);
    memo->used -= dropped->size;
    release(dropped);
}

static apr_status_t drop_all(void *data)
{
    sk_memo *memo = data;

    while (!APR_RING_EMPTY(&memo->items, item, link)) {
        drop(memo, APR_RING_FIRST(&memo->items)); /* NOLINT: drop() takes it out of the ring */
    }
    return APR_SUCCESS;
}

/* A pool of our own: the process's must not be used by several threads at once. */
static apr_pool_t *make_pool(apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    if (apr_pool_create_ex(&pool, parent, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

sk_memo *sk_memo_create(apr_pool_t *parent, size_t size)
{
    apr_pool_t *pool = make_pool(parent);
    sk_memo *memo = pool ? apr_pcalloc(pool, sizeof(*memo)) : NULL;

    if (!memo
        || apr_thread_mutex_create(&memo->mutex, APR_THREAD_MUTEX_DEFAULT, pool)
               != APR_SUCCESS) {
        return NULL;
    }
    memo->by_closed = apr_hash_make_custom(pool, hash_beginning);
    memo->size = size;
    APR_RING_INIT(&memo->items, item, link);
    apr_pool_cleanup_register(pool, memo, drop_all, apr_pool_cleanup_null);
    return memo;
}

bool sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, sk_span closed,
                  sk_span *content, sk_memo_note **note)
{
    item *found;

    if (note) {
        *note = NULL;
    }
    if (!memo || apr_thread_mutex_trylock(memo->mutex) != APR_SUCCESS) {
        return false;
    }
    found = apr_hash_get(memo->by_closed, closed.bytes, (apr_ssize_t)closed.length);
    if (found && found->owner != owner) {
        found = NULL;
    }
    if (found) {
        atomic_fetch_add(&found->users, 1);
        APR_RING_REMOVE(found, link);
        APR_RING_INSERT_HEAD(&memo->items, found, item, link);
    }
    apr_thread_mutex_unlock(memo->mutex);
    if (found) {
        apr_pool_cleanup_register(pool, found, release, apr_pool_cleanup_null);
        *content = found->content;
        if (note) {
            *note = &found->note;
        }
    }
    return found;
}

static sk_span copy(char *to, sk_span bytes)
{
    memcpy(to, bytes.bytes, bytes.length);
    to[bytes.length] = '\0';
    bytes.bytes = to;
    return bytes;
}

void *sk_memo_room(sk_memo *memo, const void *owner, sk_span closed, size_t length)
{
    size_t size = sizeof(item) + length + 1 + closed.length + 1;
    item *made = memo && size <= memo->size / 4 ? malloc(size) : NULL;

    if (!made) {
        return NULL;
    }
    made->owner = owner;
    atomic_init(&made->users, 1);
    made->size = size;
    atomic_init(&made->note, 0);
    made->content.bytes = made->bytes;
    made->content.length = length;
    made->bytes[length] = '\0';
    made->closed = copy(made->bytes + length + 1, closed);
    return made->bytes;
}

void sk_memo_keep(sk_memo *memo, void *room)
{
    item *added = (item *)(void *)((char *)room - offsetof(item, bytes)), *same;
    apr_ssize_t length = (apr_ssize_t)added->closed.length;

    if (apr_thread_mutex_trylock(memo->mutex) != APR_SUCCESS) {
        release(added);
        return;
    }
    same = apr_hash_get(memo->by_closed, added->closed.bytes, length);
    if (same) {
        drop(memo, same);
    }
    while (memo->used + added->size > memo->size) {
        drop(memo, APR_RING_LAST(&memo->items)); /* NOLINT: drop() takes it out of the ring */
    }
    APR_RING_INSERT_HEAD(&memo->items, added, item, link);
    apr_hash_set(memo->by_closed, added->closed.bytes, length, added);
    memo->used += added->size;
    apr_thread_mutex_unlock(memo->mutex);
}
