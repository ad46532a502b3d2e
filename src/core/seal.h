/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authenticated encryption of what we hand to strangers to keep: AES-256-GCM (NIST SP 800-38D), random 96-bit
 * nonces, keys derived once with HKDF-SHA256 (RFC 5869).
 *
 * A sealer belongs to one purpose. Purposes have keys of their own, so that a login cookie does not open as a
 * session, and what an anonymous visitor can make us seal does not use up the session key's nonces.
 *
 * What is sealed, as a text in base64url: format version (1 byte), key id (4), nonce (12), ciphertext, tag (16).
 */
#ifndef SK_CORE_SEAL_H
#define SK_CORE_SEAL_H

#include <stddef.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "core/span.h"

/** What a sealed text is longer than its content before base64url, in bytes. */
#define SK_SEAL_OVERHEAD 33

typedef struct sk_sealer sk_sealer;

/**
 * Derives the keys of a purpose. They are cleansed with the pool.
 * @param secrets `const char *` each, at least one; the first seals, all open
 * @param purpose the HKDF label, such as "session"
 * @param context what a sealed text is bound to; opened in another context it is nothing
 * @return NULL if OpenSSL fails
 */
sk_sealer *sk_sealer_create(apr_pool_t *pool, const apr_array_header_t *secrets,
                            const char *purpose, const char *context);

/** Seals bytes; the text is allocated from the pool. NULL if OpenSSL fails (no randomness, no memory). */
const char *sk_seal(apr_pool_t *pool, const sk_sealer *sealer, const void *bytes,
                    size_t length);

/**
 * Opens what sk_seal() made with the same purpose, context and one of the secrets.
 * @return the bytes, with a NUL behind them that does not count, cleansed with the pool; NULL for everything else, without
 * saying why
 */
const unsigned char *sk_unseal(apr_pool_t *pool, const sk_sealer *sealer, const char *text,
                               size_t *length);

/** The same without base64url, for places that take any bytes: `length` + SK_SEAL_OVERHEAD of them. */
unsigned char *sk_seal_bytes(apr_pool_t *pool, const sk_sealer *sealer, const void *bytes,
                             size_t length);

/** Opens what sk_seal_bytes() made, as sk_unseal() does. */
const unsigned char *sk_unseal_bytes(apr_pool_t *pool, const sk_sealer *sealer, sk_span sealed,
                                     size_t *length);

/** HKDF-SHA256 of a secret into `length` bytes. @return 1, or 0 if OpenSSL fails */
int sk_hkdf(const char *secret, const char *label, unsigned char *out, size_t length);

/*
 * What holds a secret or a token in memory is overwritten before its pool gives that memory back: at the end of a request, of a
 * process, or with the configuration. Not within our reach are the buffers of OpenSSL, libcurl, json-c and httpd.
 */

/** A string. */
void sk_cleanse_with_pool(apr_pool_t *pool, char *secret);

/** The same for bytes. */
void sk_cleanse_bytes_with_pool(apr_pool_t *pool, void *bytes, size_t length);

#endif
