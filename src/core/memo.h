/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process has opened: what was sealed, or encrypted by others, and what was in it.
 *
 * It is remembered for every byte of what was opened and for an owner, outside of whom it is not found. What begins with the
 * same 24 bytes is found slowly, so only what begins with a nonce, a MAC or the like belongs here.
 *
 * Bounded in bytes: what was not used for longest goes, and is wiped as soon as nobody uses it any more. Any thread of
 * the process may use it, and none waits for another: who finds it busy does without. NULL is one that remembers nothing.
 */
#ifndef SK_CORE_MEMO_H
#define SK_CORE_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>

typedef struct sk_memo sk_memo;

/**
 * Makes an empty one, which goes with the pool.
 * @param size in bytes
 * @return NULL if there is no lock for it
 */
sk_memo *sk_memo_create(apr_pool_t *parent, size_t size);

/** Some bytes. */
typedef struct sk_span {
    const void *bytes;
    size_t length;
} sk_span;

/**
 * What was in something that is closed.
 * @param pool for as long as it lives, what is returned stays as it is; a NUL follows
 * @return whether it is known
 */
bool sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, sk_span closed,
                  sk_span *content);

/** Remembers what was in it, unless it would take more than a quarter of the memo. */
void sk_memo_add(sk_memo *memo, const void *owner, sk_span closed, sk_span content);

#endif
