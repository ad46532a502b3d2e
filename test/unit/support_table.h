/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the shared memory have in common: tables that die with the test's pool, keys, and values that say of
 * themselves what they should be.
 */
#ifndef SK_TEST_SUPPORT_TABLE_H
#define SK_TEST_SUPPORT_TABLE_H

#include "environment/table.h"
#include "support.h"

typedef struct support_key_bytes {
    unsigned char bytes[SK_TABLE_KEY];
} support_key_bytes;

/** How a value begins. */
typedef struct support_value {
    uint32_t number, seed, length;
} support_value;

/** The last line that was logged. */
extern char support_log[1000];

/** Opens a table; support_log then has what it says. */
sk_table *support_open_table(apr_pool_t *pool, apr_pool_t *process, size_t size);

/** A new table in the pool. */
sk_table *support_new_table(apr_pool_t *pool, size_t size);

support_key_bytes support_key(uint32_t number);

/** Makes a value that belongs to the key of that number. */
void support_write_value(unsigned char *value, uint32_t number, uint32_t seed, size_t length);

/** Was this written at once, for the key of that number? */
bool support_is_whole(const unsigned char *value, uint32_t number, size_t length);

/** The same numbers in each run. */
uint32_t support_random(uint32_t limit);

#endif
