/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, made shorter before they are sealed: names of permissions are alike, what providers write is mostly the same, and an ID token
 * says again what the record says. So a cookie, which httpd reads with each request, is shorter, or holds several times as many permissions.
 *
 * Compressed: a format number, the length of the plain bytes (3 bytes, big-endian), then an LZ4 block with a dictionary of what records
 * mostly say. Only for what nobody but Scalekit can write into: else its length could tell a stranger who writes something into it
 * what else is there.
 */
#ifndef SK_CORE_COMPRESS_H
#define SK_CORE_COMPRESS_H

#include <apr_pools.h>

#include "core/span.h"

/** What can be compressed at most, in bytes: half of what Linux gives a CGI script in one variable. */
#define SK_COMPRESS_MAX (64 * 1024)

/** @return cleansed with the pool; no bytes if there is too much to compress */
sk_span sk_compress(apr_pool_t *pool, sk_span plain);

/** @return what was compressed, cleansed with the pool; no bytes if nothing of the kind was */
sk_span sk_decompress(apr_pool_t *pool, sk_span compressed);

#endif
