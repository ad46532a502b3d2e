/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all unit tests share: a pool for each test, tables whose wrong rows are all named, and keys
 * and tokens made with OpenSSL alone, so that core's use of cjose is checked independently.
 */
#ifndef SK_TEST_SUPPORT_H
#define SK_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <cmocka.h>
#include <openssl/evp.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int support_start(void **state);
int support_stop(void **state);

/** Before each test: *state is its pool. */
int support_begin(void **state);

/** After each test: the pool goes, and a test that saw a wrong row is an error. */
int support_end(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, support_begin, support_end)
#define RUN(tests) cmocka_run_group_tests(tests, support_start, support_stop)

/** Notes what is wrong with a row of a table, and lets the rows behind it run. */
void support_expect(bool right, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Two texts of a row, either of which may be NULL, are the same. */
void support_expect_text(const char *row, const char *is, const char *expected);

/** A verdict is NULL where `expected` is, else contains it and nothing but printable ASCII. */
void support_expect_verdict(const char *row, const char *verdict, const char *expected);

/** A copy with nothing behind it, so that a sanitizer sees the first byte read too many. */
void *support_copy(apr_pool_t *pool, const void *bytes, size_t length);

/** A text of one character, many times. */
char *support_repeat(apr_pool_t *pool, char c, size_t count);

/** Does the memory of a pool (its first 8 KB) still hold a text, after something was done with the pool and it was destroyed? */
bool support_leaves(void (*work)(apr_pool_t *pool), const char *text);

/** A list from words separated by spaces, in their order. */
apr_array_header_t *support_words(apr_pool_t *pool, const char *words);

/* ---- keys and tokens ---- */

/** A member of a JSON object, without a value to leave it out. A NULL name ends an array. */
typedef struct support_member {
    const char *name;
    const char *json;
} support_member;

/** The members of the base, but for those that are changed, and the changes. */
const char *support_object(apr_pool_t *pool, const support_member *base,
                           const support_member *changes);

/** A new RSA key, which dies with the pool. */
EVP_PKEY *support_rsa(apr_pool_t *pool, int bits);

/** The modulus of an RSA key, in base64url. */
const char *support_modulus(apr_pool_t *pool, EVP_PKEY *key);

/** The key as a JWK that Scalekit would publish, with changes. */
const char *support_jwk(apr_pool_t *pool, EVP_PKEY *key, const char *kid,
                        const support_member *changes);

/** A JWKS of the JWKs, up to a NULL. */
const char *support_jwks(apr_pool_t *pool, ...) __attribute__((sentinel));

const char *support_base64url(apr_pool_t *pool, const void *bytes, size_t length);

/** Header and claims in base64url with a dot between: what is signed. */
const char *support_unsigned(apr_pool_t *pool, const char *header, const char *claims);

/** A compact JWS of RSASSA-PKCS1-v1_5 with this digest. */
const char *support_sign(apr_pool_t *pool, EVP_PKEY *key, const EVP_MD *digest,
                         const char *header, const char *claims);

/** A compact JWS of HMAC-SHA256. */
const char *support_hmac(apr_pool_t *pool, const char *secret, const char *header,
                         const char *claims);

#endif
