/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <apr_general.h>

const char *fuzz_input;

void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold%s%s: %s\n", file, line, fuzz_input ? " for " : "",
            fuzz_input ? fuzz_input : "", condition);
    abort();
}

/* ---- memory: each piece by itself, so that a sanitizer sees the first byte too many ---- */

typedef struct list {
    void **pieces;
    size_t count, room;
} list;

static apr_pool_t *input_pool;
static list of_input, lasting;

static void *checked(void *memory)
{
    if (!memory) {
        abort();
    }
    return memory;
}

static void *add(list *to, void *piece)
{
    if (to->count == to->room) {
        to->room = 2 * to->room + 64;
        to->pieces = checked(realloc(to->pieces, to->room * sizeof(*to->pieces)));
    }
    to->pieces[to->count++] = piece;
    return piece;
}

/* In the place of APR's own, which cuts pieces from blocks. */
void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    return add(pool == input_pool ? &of_input : &lasting, checked(malloc(size > 0 ? size : 1)));
}

apr_pool_t *fuzz_lasting_pool(void)
{
    static apr_pool_t *pool;

    if (!pool
        && (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)) {
        abort();
    }
    return pool;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (apr_pool_create(&input_pool, fuzz_lasting_pool()) != APR_SUCCESS) {
        abort();
    }
    fuzz_one(input_pool, bytes, length);
    apr_pool_destroy(input_pool);
    input_pool = NULL;
    while (of_input.count > 0) {
        free(of_input.pieces[--of_input.count]);
    }
    return 0;
}

/* ---- inputs ---- */

const char *fuzz_text(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    return apr_pstrndup(pool, length > 0 ? (const char *)bytes : "", length);
}

const char *fuzz_line(char **text)
{
    char *line = *text, *end = line + strcspn(line, "\n");

    *text = *end ? end + 1 : end;
    *end = '\0';
    return line;
}
