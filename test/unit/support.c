/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <apr_allocator.h>

#include <stdlib.h>
#include <apr_general.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static int wrong_rows;

int support_start(void **state)
{
    (void)state;
    return apr_initialize() != APR_SUCCESS;
}

int support_stop(void **state)
{
    (void)state;
    apr_terminate();
    return 0;
}

int support_begin(void **state)
{
    wrong_rows = 0;
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

int support_end(void **state)
{
    apr_pool_destroy(*state);
    if (wrong_rows > 0) {
        print_error("%d wrong\n", wrong_rows);
    }
    return wrong_rows;
}

void support_expect(bool right, const char *format, ...)
{
    char message[512];
    va_list values;

    if (!right) {
        va_start(values, format);
        apr_vsnprintf(message, sizeof(message), format, values);
        va_end(values);
        print_error("wrong: %s\n", message);
        wrong_rows++;
    }
}

static const char *shown(const char *text)
{
    return text ? text : "(NULL)";
}

void support_expect_text(const char *row, const char *is, const char *expected)
{
    bool right = is && expected ? strcmp(is, expected) == 0 : is == expected;

    support_expect(right, "%s: is \"%s\", expected \"%s\"", row, shown(is), shown(expected));
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if (*text < 0x20 || *text > 0x7e) {
            return false;
        }
    }
    return true;
}

void support_expect_verdict(const char *row, const char *verdict, const char *expected)
{
    bool right = verdict && expected ? strstr(verdict, expected) && is_printable(verdict)
                                     : verdict == expected;

    support_expect(right, "%s: the verdict is \"%s\", expected \"%s\"", row, shown(verdict),
                   shown(expected));
}

static apr_status_t release_copy(void *copy)
{
    free(copy);
    return APR_SUCCESS;
}

void *support_copy(apr_pool_t *pool, const void *bytes, size_t length)
{
    void *copy = malloc(length > 0 ? length : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    apr_pool_cleanup_register(pool, copy, release_copy, apr_pool_cleanup_null);
    return copy;
}

char *support_repeat(apr_pool_t *pool, char c, size_t count)
{
    char *text = apr_palloc(pool, count + 1);

    memset(text, c, count);
    text[count] = '\0';
    return text;
}

static bool holds(const char *memory, size_t size, const char *text)
{
    size_t length = strlen(text), i;

    for (i = 0; i + length <= size; i++) {
        if (memcmp(memory + i, text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The allocator keeps the pool's memory, and gives it to the next who asks. */
bool support_leaves(void (*work)(apr_pool_t *pool), const char *text)
{
    apr_allocator_t *allocator;
    apr_memnode_t *node;
    apr_pool_t *pool;
    bool left;

    assert_int_equal(apr_allocator_create(&allocator), APR_SUCCESS);
    assert_int_equal(apr_pool_create_ex(&pool, NULL, NULL, allocator), APR_SUCCESS);
    work(pool);
    apr_pool_destroy(pool);
    node = apr_allocator_alloc(allocator, 1); /* 8 KB, as for the pool */
    left = holds(node->first_avail, (size_t)(node->endp - node->first_avail), text);
    apr_allocator_free(allocator, node);
    apr_allocator_destroy(allocator);
    return left;
}

apr_array_header_t *support_words(apr_pool_t *pool, const char *words)
{
    apr_array_header_t *array = apr_array_make(pool, 4, sizeof(char *));
    char *rest = NULL, *word;

    for (word = apr_strtok(apr_pstrdup(pool, words), " ", &rest); word;
         word = apr_strtok(NULL, " ", &rest)) {
        APR_ARRAY_PUSH(array, const char *) = word;
    }
    return array;
}

/* ---- keys and tokens ---- */

static const char *add_members(apr_pool_t *pool, const char *text,
                               const support_member *members, const support_member *but)
{
    for (; members && members->name; members++) {
        const support_member *other = but;
        while (other && other->name && strcmp(other->name, members->name) != 0) {
            other++;
        }
        if (members->json && !(other && other->name)) {
            text = apr_pstrcat(pool, text, *text ? "," : "", "\"", members->name,
                               "\":", members->json, NULL);
        }
    }
    return text;
}

const char *support_object(apr_pool_t *pool, const support_member *base,
                           const support_member *changes)
{
    const char *members = add_members(pool, "", base, changes);

    return apr_pstrcat(pool, "{", add_members(pool, members, changes, NULL), "}", NULL);
}

static apr_status_t release_key(void *key)
{
    EVP_PKEY_free(key);
    return APR_SUCCESS;
}

EVP_PKEY *support_rsa(apr_pool_t *pool, int bits)
{
    EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    EVP_PKEY *key = NULL;

    assert_non_null(generator);
    assert_int_equal(EVP_PKEY_keygen_init(generator), 1);
    assert_true(EVP_PKEY_CTX_set_rsa_keygen_bits(generator, bits) > 0);
    assert_int_equal(EVP_PKEY_keygen(generator, &key), 1);
    EVP_PKEY_CTX_free(generator);
    apr_pool_cleanup_register(pool, key, release_key, apr_pool_cleanup_null);
    return key;
}

const char *support_base64url(apr_pool_t *pool, const void *bytes, size_t length)
{
    char *text = apr_palloc(pool, length / 3 * 4 + 5), *c;

    EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    for (c = text; *c; c++) {
        if (*c == '+') {
            *c = '-';
        }
        else if (*c == '/') {
            *c = '_';
        }
        else if (*c == '=') {
            *c-- = '\0';
        }
    }
    return text;
}

const char *support_modulus(apr_pool_t *pool, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int length = i2d_PublicKey(key, &der), size = EVP_PKEY_size(key);
    const char *modulus;

    /* The DER of an RSAPublicKey ends with modulus and 02 03 01 00 01, the exponent 65537. */
    assert_true(length > size + 5);
    modulus = support_base64url(pool, der + length - 5 - size, (size_t)size);
    OPENSSL_free(der);
    return modulus;
}

const char *support_jwk(apr_pool_t *pool, EVP_PKEY *key, const char *kid,
                        const support_member *changes)
{
    const support_member base[] = {
        {"use", "\"sig\""},
        {"kty", "\"RSA\""},
        {"kid", apr_pstrcat(pool, "\"", kid, "\"", NULL)},
        {"alg", "\"RS256\""},
        {"n", apr_pstrcat(pool, "\"", support_modulus(pool, key), "\"", NULL)},
        {"e", "\"AQAB\""},
        {NULL, NULL},
    };

    return support_object(pool, base, changes);
}

const char *support_jwks(apr_pool_t *pool, ...)
{
    const char *jwks = "", *jwk;
    va_list list;

    va_start(list, pool);
    while ((jwk = va_arg(list, const char *))) {
        jwks = apr_pstrcat(pool, jwks, *jwks ? "," : "", jwk, NULL);
    }
    va_end(list);
    return apr_pstrcat(pool, "{\"keys\":[", jwks, "]}", NULL);
}

const char *support_unsigned(apr_pool_t *pool, const char *header, const char *claims)
{
    return apr_pstrcat(pool, support_base64url(pool, header, strlen(header)), ".",
                       support_base64url(pool, claims, strlen(claims)), NULL);
}

const char *support_sign(apr_pool_t *pool, EVP_PKEY *key, const EVP_MD *digest,
                         const char *header, const char *claims)
{
    const char *text = support_unsigned(pool, header, claims);
    size_t length = (size_t)EVP_PKEY_size(key);
    unsigned char *signature = apr_palloc(pool, length);
    EVP_MD_CTX *signer = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(signer, NULL, digest, NULL, key), 1);
    assert_int_equal(
        EVP_DigestSign(signer, signature, &length, (const unsigned char *)text, strlen(text)),
        1);
    EVP_MD_CTX_free(signer);
    return apr_pstrcat(pool, text, ".", support_base64url(pool, signature, length), NULL);
}

const char *support_hmac(apr_pool_t *pool, const char *secret, const char *header,
                         const char *claims)
{
    const char *text = support_unsigned(pool, header, claims);
    unsigned char tag[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text,
                         strlen(text), tag, &length));
    return apr_pstrcat(pool, text, ".", support_base64url(pool, tag, length), NULL);
}
