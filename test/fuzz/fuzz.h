/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all fuzz targets share. A target is one file with one function, fuzz_one(), which takes bytes from outside
 * and says with HOLDS() what must be true whatever they are.
 *
 * libFuzzer makes up the bytes, or replay.c takes them from corpus/.
 */
#ifndef SK_TEST_FUZZ_H
#define SK_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <apr_pools.h>
#include <apr_strings.h>

/** The target. The pool lives as long as this input. */
void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length);

/** A pool that stays, for keys and the like. */
apr_pool_t *fuzz_lasting_pool(void);

/** The bytes as a text, up to their first NUL. */
const char *fuzz_text(apr_pool_t *pool, const uint8_t *bytes, size_t length);

/** The first line of a text, cut off from the rest, which *text is then. */
const char *fuzz_line(char **text);

#define HOLDS(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fuzz_fail(__FILE__, __LINE__, #condition);                                         \
        }                                                                                      \
    } while (0)

/** Ends the program. */
void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/** What is being replayed, for fuzz_fail() to name; NULL: libFuzzer says it. */
extern const char *fuzz_input;

/** libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif
