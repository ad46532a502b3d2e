/* SPDX-License-Identifier: Apache-2.0 */
#include "session/memo.h"

#include <stdlib.h>
#include <string.h>
#include <apr_hash.h>
#include <apr_ring.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <openssl/crypto.h>

/* One block: this, the text, the entry. */
typedef struct item {
    APR_RING_ENTRY(item) link;
    const void *owner;
    apr_time_t expiry;
    size_t size;
    size_t text_length;
    const char *entry;
    char text[];
} item;

/* The last used comes first. */
typedef struct item_ring item_ring;
APR_RING_HEAD(item_ring, item);

struct sk_memo {
    apr_thread_mutex_t *mutex;
    apr_hash_t *by_text; /* compares the whole text */
    item_ring items;
    size_t used;
    size_t size;
};

/*
 * mod_session_crypto's text begins with its MAC, a salt and an initialization vector (54 characters), so that no two begin alike. Only
 * texts that it has made get in here.
 */
static unsigned int hash_beginning(const char *text, apr_ssize_t *length)
{
    apr_ssize_t beginning;

    if (*length == APR_HASH_KEY_STRING) {
        *length = (apr_ssize_t)strlen(text);
    }
    beginning = *length < 54 ? *length : 54;
    return apr_hashfunc_default(text, &beginning);
}

static void drop(sk_memo *memo, item *dropped)
{
    apr_hash_set(memo->by_text, dropped->text, (apr_ssize_t)dropped->text_length, NULL);
    APR_RING_REMOVE(dropped, link);
    memo->used -= dropped->size;
    OPENSSL_cleanse(dropped, dropped->size);
    free(dropped);
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

bool sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, const char *text,
                  apr_time_t now, sk_memo_session *session)
{
    item *found;
    bool is_found;

    apr_thread_mutex_lock(memo->mutex);
    found = apr_hash_get(memo->by_text, text, APR_HASH_KEY_STRING);
    if (found && found->expiry && found->expiry < now) {
        drop(memo, found);
        found = NULL;
    }
    is_found = found && found->owner == owner;
    if (is_found) {
        session->entry = apr_pstrdup(pool, found->entry);
        session->expiry = found->expiry;
        APR_RING_REMOVE(found, link);
        APR_RING_INSERT_HEAD(&memo->items, found, item, link);
    }
    apr_thread_mutex_unlock(memo->mutex);
    return is_found;
}

static item *make_item(const void *owner, const char *text, const sk_memo_session *session)
{
    size_t text_length = strlen(text), entry_length = strlen(session->entry);
    size_t size = sizeof(item) + text_length + entry_length + 2;
    item *made = malloc(size);

    if (made) {
        made->owner = owner;
        made->expiry = session->expiry;
        made->size = size;
        made->text_length = text_length;
        made->entry = made->text + text_length + 1;
        memcpy(made->text, text, text_length + 1);
        memcpy(made->text + text_length + 1, session->entry, entry_length + 1);
    }
    return made;
}

void sk_memo_add(sk_memo *memo, const void *owner, const char *text,
                 const sk_memo_session *session)
{
    item *added = make_item(owner, text, session), *same;

    if (!added || added->size > memo->size / 4) {
        free(added);
        return;
    }
    apr_thread_mutex_lock(memo->mutex);
    same = apr_hash_get(memo->by_text, text, APR_HASH_KEY_STRING);
    if (same) {
        drop(memo, same);
    }
    while (memo->used + added->size > memo->size) {
        drop(memo, APR_RING_LAST(&memo->items)); /* NOLINT: drop() takes it out of the ring */
    }
    APR_RING_INSERT_HEAD(&memo->items, added, item, link);
    apr_hash_set(memo->by_text, added->text, (apr_ssize_t)added->text_length, added);
    memo->used += added->size;
    apr_thread_mutex_unlock(memo->mutex);
}
