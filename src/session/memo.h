/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process has seen mod_session decode. mod_session_crypto derives its key anew for each session that it opens
 * (4096 rounds of PBKDF2, more than a millisecond), and is spared that for those it has opened already.
 *
 * What is remembered is our entry as we sealed it, never what is in it: who finds it here still has to open the seal and
 * to look at the times. It is remembered for the text that it came in and for an owner, outside of whom it is not found.
 *
 * Bounded in bytes: what was not used for longest goes, and is wiped. Any thread of the process may use it; its lock is
 * held for a comparison and a copy.
 */
#ifndef SK_SESSION_MEMO_H
#define SK_SESSION_MEMO_H

#include <stddef.h>
#include <stdbool.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef struct sk_memo sk_memo;

/** A session that holds our entry and nothing else. */
typedef struct sk_memo_session {
    const char *entry;
    apr_time_t expiry; /* mod_session's; 0: none */
} sk_memo_session;

/**
 * Makes an empty one, which is wiped with the pool.
 * @param size in bytes
 * @return NULL if there is no lock for it
 */
sk_memo *sk_memo_create(apr_pool_t *parent, size_t size);

/**
 * What a text was decoded to, if that is known and has not expired.
 * @param pool gets the entry
 */
bool sk_memo_find(sk_memo *memo, apr_pool_t *pool, const void *owner, const char *text,
                  apr_time_t now, sk_memo_session *session);

/** Remembers what a text was decoded to; what is larger than a quarter of the memo is not remembered. */
void sk_memo_add(sk_memo *memo, const void *owner, const char *text,
                 const sk_memo_session *session);

#endif
