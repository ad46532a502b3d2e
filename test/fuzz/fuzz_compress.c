/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed records (core/compress). The input is what was unsealed, and also what is compressed.
 *
 * What decompresses is within bounds and compresses to something that decompresses to the same; so does everything else.
 */
#include "core/compress.h"
#include "fuzz.h"

static void expect_the_same_again(apr_pool_t *pool, sk_span plain)
{
    sk_span compressed = sk_compress(pool, plain), again;

    HOLDS(compressed.bytes);
    again = sk_decompress(pool, compressed);
    HOLDS(again.bytes && again.length == plain.length);
    HOLDS(memcmp(again.bytes, plain.bytes, plain.length) == 0);
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const sk_span input = {bytes, length};
    sk_span plain = sk_decompress(pool, input);

    if (plain.bytes) {
        HOLDS(plain.length <= SK_COMPRESS_MAX);
        expect_the_same_again(pool, plain);
    }
    if (bytes && length <= SK_COMPRESS_MAX) {
        expect_the_same_again(pool, input);
    }
}
