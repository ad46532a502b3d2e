/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process has made of texts that took long to make something of: of what mod_session_crypto decodes, which derives its key
 * anew for each session (4096 rounds of PBKDF2, more than a millisecond), and of our own sealed entries.
 *
 * Something is remembered for a text, of which every byte is compared, and for an owner, outside of whom it is not found. It
 * says nothing about the times of a session, which are looked at in any case.
 *
 * Bounded in bytes: what was not used for longest goes, and is wiped as soon as nobody uses it any more. Any thread of
 * the process may use it, and none waits for another: who finds it busy does without. NULL is one that remembers nothing.
 */
#ifndef SK_SESSION_MEMO_H
#define SK_SESSION_MEMO_H

#include <stddef.h>
#include <apr_pools.h>

typedef struct sk_memo sk_memo;

/**
 * Makes an empty one, which goes with the pool.
 * @param size in bytes
 * @return NULL if there is no lock for it
 */
sk_memo *sk_memo_create(apr_pool_t *parent, size_t size);

/**
 * What was made of a text.
 * @param pool for as long as it lives, what is returned stays as it is
 * @param length what was made has; a NUL follows
 * @return NULL if that is not known
 */
const void *sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, const char *text,
                         size_t *length);

/** Remembers what was made of a text, unless it would take more than a quarter of the memo. */
void sk_memo_add(sk_memo *memo, const void *owner, const char *text, const void *made,
                 size_t length);

#endif
