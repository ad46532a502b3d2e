/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few helpers on text that several rooms need.
 *
 * Whatever these functions return is allocated from the pool that they are given, unless it says otherwise.
 */
#ifndef SK_CORE_TEXT_H
#define SK_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>
#include <apr_tables.h>

/** base64url without padding (RFC 4648 section 5). */
const char *sk_text_base64url(apr_pool_t *pool, const void *bytes, size_t length);

/**
 * The reverse, strictly: no padding, no white space, no foreign characters, no stray bits at the end, so that
 * each sequence of bytes has exactly one spelling.
 * @return the bytes (with a NUL behind them that does not count), or NULL if the text is not base64url
 */
unsigned char *sk_text_base64url_decode(apr_pool_t *pool, const char *text, size_t text_length,
                                        size_t *length);

/** Hexadecimal digits, lower case. */
const char *sk_text_hex(apr_pool_t *pool, const unsigned char *bytes, size_t length);

/** The text with & < > " ' escaped, fit for HTML content and quoted attributes. NULL gives "". */
const char *sk_text_html(apr_pool_t *pool, const char *text);

/**
 * What a stranger wrote, fit for a log line or a page: at most `limit` bytes, everything but printable ASCII
 * replaced by '?'. NULL gives "".
 */
const char *sk_text_printable(apr_pool_t *pool, const char *text, size_t limit);

/** Compares in constant time (for equal lengths). NULL equals nothing, not even NULL, so missing state fails closed. */
bool sk_text_equal(const char *one, const char *other);

/** Is it well-formed UTF-8 (RFC 3629)? */
bool sk_text_is_utf8(const char *text);

/** Is it well-formed UTF-8 without control characters (C0, DEL, C1)? Fit for an environment variable or a header. */
bool sk_text_is_clean(const char *text);

/*
 * A list is one text, as applications get it: its items joined by commas, in strcmp order and without repetitions. NULL is an
 * empty one.
 */

/** The list of these `const char *`, none of which may be empty or have a comma in it. */
const char *sk_list_make(apr_pool_t *pool, const apr_array_header_t *items);

/** Is the item in the list? It is found in O(log n). */
bool sk_list_has(const char *list, const char *item);

#endif
