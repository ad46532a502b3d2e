/* SPDX-License-Identifier: Apache-2.0 */
#include "session/memo.h"

#include <stdlib.h>
#include <string.h>
#include <apr_atomic.h>
#include <apr_hash.h>
#include <apr_ring.h>
#include <apr_thread_mutex.h>
#include <openssl/crypto.h>

/* One block: this, the text, what was made of it. */
typedef struct item {
    APR_RING_ENTRY(item) link;
    const void *owner;
    apr_uint32_t users; /* the memo, and the requests that have it */
    size_t size;
    size_t text_length;
    size_t length;
    char text[];
} item;

/* The last used comes first. */
typedef struct item_ring item_ring;
APR_RING_HEAD(item_ring, item);

struct sk_memo {
    apr_thread_mutex_t *mutex; /* held for a comparison */
    apr_hash_t *by_text;       /* compares the whole text */
    item_ring items;
    size_t used;
    size_t size;
};

/*
 * mod_session_crypto's text begins with its MAC and a salt, ours with a nonce (to the 23rd character): no two begin alike. Only texts that
 * one of the two has made get in here.
 */
static unsigned int hash_beginning(const char *text, apr_ssize_t *length)
{
    apr_ssize_t beginning;

    if (*length == APR_HASH_KEY_STRING) {
        *length = (apr_ssize_t)strlen(text);
    }
    beginning = *length < 24 ? *length : 24;
    return apr_hashfunc_default(text, &beginning);
}

static apr_status_t release(void *data)
{
    item *used = data;

    if (apr_atomic_dec32(&used->users) == 0) {
        OPENSSL_cleanse(used, used->size);
        free(used);
    }
    return APR_SUCCESS;
}

static void drop(sk_memo *memo, item *dropped)
{
    apr_hash_set(memo->by_text, dropped->text, (apr_ssize_t)dropped->text_length, NULL);
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
    memo->by_text = apr_hash_make_custom(pool, hash_beginning);
    memo->size = size;
    APR_RING_INIT(&memo->items, item, link);
    apr_pool_cleanup_register(pool, memo, drop_all, apr_pool_cleanup_null);
    return memo;
}

const void *sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, const char *text,
                         size_t *length)
{
    item *found;

    if (!memo || apr_thread_mutex_trylock(memo->mutex) != APR_SUCCESS) {
        return NULL;
    }
    found = apr_hash_get(memo->by_text, text, APR_HASH_KEY_STRING);
    if (found && found->owner != owner) {
        found = NULL;
    }
    if (found) {
        apr_atomic_inc32(&found->users);
        APR_RING_REMOVE(found, link);
        APR_RING_INSERT_HEAD(&memo->items, found, item, link);
    }
    apr_thread_mutex_unlock(memo->mutex);
    if (!found) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, found, release, apr_pool_cleanup_null);
    *length = found->length;
    return found->text + found->text_length + 1;
}

static item *make_item(size_t size, const void *owner, const char *text, size_t text_length)
{
    item *made = malloc(size);

    if (made) {
        made->owner = owner;
        made->users = 1;
        made->size = size;
        made->text_length = text_length;
        made->length = size - sizeof(item) - text_length - 2;
        memcpy(made->text, text, text_length + 1);
    }
    return made;
}

void sk_memo_add(sk_memo *memo, const void *owner, const char *text, const void *made,
                 size_t length)
{
    size_t text_length = strlen(text), size = sizeof(item) + text_length + length + 2;
    item *added, *same;

    if (!memo || size > memo->size / 4
        || !(added = make_item(size, owner, text, text_length))) {
        return;
    }
    memcpy(added->text + text_length + 1, made, length);
    added->text[text_length + 1 + length] = '\0';
    if (apr_thread_mutex_trylock(memo->mutex) != APR_SUCCESS) {
        release(added);
        return;
    }
    same = apr_hash_get(memo->by_text, text, (apr_ssize_t)text_length);
    if (same) {
        drop(memo, same);
    }
    while (memo->used + size > memo->size) {
        drop(memo, APR_RING_LAST(&memo->items)); /* NOLINT: drop() takes it out of the ring */
    }
    APR_RING_INSERT_HEAD(&memo->items, added, item, link);
    apr_hash_set(memo->by_text, added->text, (apr_ssize_t)text_length, added);
    memo->used += size;
    apr_thread_mutex_unlock(memo->mutex);
}
