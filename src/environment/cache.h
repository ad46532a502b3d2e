/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a server tell each other about one Scalekit environment: sealed values with a time to live, and
 * an atomic add for leases. Where it is kept (the table; some day Redis, for several machines) is nobody else's affair.
 *
 * The store sees neither the names of the values nor the values: a name is hashed for this environment and client
 * (SHA-256: a name must be hard to guess), a value is sealed together with its name.
 * What does not open is not there.
 *
 * While secrets are changed the old generation reads nothing that the new one sealed; leases hold between them
 * nevertheless, since names do not depend on secrets.
 *
 * `now` and times to live are in microseconds.
 */
#ifndef SK_ENVIRONMENT_CACHE_H
#define SK_ENVIRONMENT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "core/memo.h"
#include "environment/call.h"
#include "environment/table.h"

/** The largest value, in bytes. */
#define SK_CACHE_VALUE_MAX ((size_t)24 * 1024)

typedef struct sk_cache sk_cache;

/** The name of a value, hashed: to be made once and used as often as wanted. */
typedef struct sk_cache_key {
    unsigned char bytes[SK_TABLE_KEY];
} sk_cache_key;

/**
 * Makes the cache of an environment. Its keys are cleansed with the pool.
 * @param table must live as long as the pool
 * @param memo spares sk_cache_find() work; must live as long as the pool; NULL: none
 * @param secrets `const char *` each, at least one; the first seals, all open
 * @return NULL if OpenSSL fails
 */
sk_cache *sk_cache_create(apr_pool_t *pool, sk_table *table, sk_memo *memo,
                          const apr_array_header_t *secrets, const char *env_url,
                          const char *client_id);

/**
 * Names a value.
 * @param purpose what kind of value it is, such as "refresh"
 * @param secret which one, such as the refresh token
 * @return false if OpenSSL fails
 */
bool sk_cache_name(const sk_cache *cache, const char *purpose, const char *secret,
                   sk_cache_key *key);

/** The value, allocated from the call's pool, with a NUL behind it that does not count; NULL if there is none. */
const unsigned char *sk_cache_get(const sk_call *call, const sk_cache *cache, apr_time_t now,
                                  const sk_cache_key *key, size_t *length);

/**
 * The same of what goes by this secret, whose beginning nobody can choose (see memo.h). What is found is remembered, until
 * it makes room or another value is there.
 */
const unsigned char *sk_cache_find(const sk_call *call, const sk_cache *cache, apr_time_t now,
                                   const char *purpose, const char *secret, size_t *length);

/**
 * Is there a value, also one that does not open here? While keys are changed, the processes of a new generation seal with
 * one that those of the old generation do not have.
 */
bool sk_cache_has(const sk_call *call, const sk_cache *cache, apr_time_t now,
                  const sk_cache_key *key);

/** Stores a value, in place of the one that is there. A larger one than allowed is logged. @return YES or FAILED */
sk_outcome sk_cache_set(const sk_call *call, const sk_cache *cache, apr_time_t now,
                        const sk_cache_key *key, const void *value, size_t length,
                        apr_time_t ttl);

/** Like sk_cache_set(); the value stays until it expires, is deleted or replaced, as long as all that stays fits. */
sk_outcome sk_cache_keep(const sk_call *call, const sk_cache *cache, apr_time_t now,
                         const sk_cache_key *key, const void *value, size_t length,
                         apr_time_t ttl);

/** Stores a value if none is there. Of many that try, exactly one gets a YES. FAILED is no YES: do not go on. */
sk_outcome sk_cache_add(const sk_call *call, const sk_cache *cache, apr_time_t now,
                        const sk_cache_key *key, const void *value, size_t length,
                        apr_time_t ttl);

/**
 * Notes that something that works once was used, for as long as it might be brought again.
 * @return NULL, or why it must not be used, in words for the log
 */
const char *sk_cache_use_up(const sk_call *call, const sk_cache *cache, const char *purpose,
                            const char *secret, apr_time_t ttl);

/** Deletes. @return NO if there was none */
sk_outcome sk_cache_delete(const sk_call *call, const sk_cache *cache, apr_time_t now,
                           const sk_cache_key *key);

/** Deletes this value, such as a lease that may be another's by now. @return NO if there was none, or another one */
sk_outcome sk_cache_delete_if_equal(const sk_call *call, const sk_cache *cache, apr_time_t now,
                                    const sk_cache_key *key, const void *value, size_t length);

/** How many values that were to stay did not, for want of room, ever: of all that share the memory. */
uint64_t sk_cache_losses(const sk_cache *cache);

#endif
