/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process has opened: what was sealed, or encrypted by others, or lies behind a secret, and what was in it.
 *
 * It is remembered for every byte of what was opened and for an owner, outside of whom it is not found. What is the same in
 * bytes 8 to 24 is found slowly, so only what has a nonce, a MAC or the like there belongs here.
 *
 * Bounded in bytes: what was not used for longest goes, and is wiped as soon as nobody uses it any more. Any thread of
 * the process may use it, and none waits for another: who finds it busy does without. NULL is one that remembers nothing.
 */
#ifndef SK_CORE_MEMO_H
#define SK_CORE_MEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>

#include "core/span.h"

typedef struct sk_memo sk_memo;

/**
 * Makes an empty one, which goes with the pool.
 * @param size in bytes
 * @return NULL if there is no lock for it
 */
sk_memo *sk_memo_create(apr_pool_t *parent, size_t size);

/** What the owner has found out about something: 0 at first, and forgotten with it. */
typedef _Atomic uint64_t sk_memo_note;

/**
 * What was in something that is closed.
 * @param pool for as long as it lives, what is returned stays as it is; a NUL follows
 * @param note unless NULL, where to find the owner's note about it; NULL if it is not known
 * @return whether it is known
 */
bool sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, sk_span closed,
                  sk_span *content, sk_memo_note **note);

/**
 * Room for what was in it, to be filled and given to sk_memo_keep().
 * @return aligned for any type; NULL if it would take more than a quarter of the memo
 */
void *sk_memo_room(sk_memo *memo, const void *owner, sk_span closed, size_t length);

/** Remembers what is in the room, which is the memo's from then on. */
void sk_memo_keep(sk_memo *memo, void *room);

#endif
