/* SPDX-License-Identifier: Apache-2.0 */
#include "core/seal.h"

#include <assert.h>
#include <string.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "core/text.h"

enum { FORMAT = 1, KEY_ID = 4, NONCE = 12, TAG = 16, KEY = 32, HEAD = 1 + KEY_ID + NONCE };

static_assert(SK_SEAL_OVERHEAD == HEAD + TAG, "what is sealed is that much longer");

typedef struct seal_key {
    unsigned char id[KEY_ID];
    unsigned char key[KEY];
} seal_key;

struct sk_sealer {
    seal_key *keys;
    int count;
    const char *context; /* the associated data */
    const EVP_CIPHER *cipher;
};

/* OpenSSL 3 would look for the one of EVP_aes_256_gcm() again each time. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
static apr_status_t free_cipher(void *cipher)
{
    EVP_CIPHER_free(cipher);
    return APR_SUCCESS;
}

static const EVP_CIPHER *fetch_cipher(apr_pool_t *pool)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);

    if (cipher) {
        apr_pool_cleanup_register(pool, cipher, free_cipher, apr_pool_cleanup_null);
    }
    return cipher;
}
#else
static const EVP_CIPHER *fetch_cipher(apr_pool_t *pool)
{
    (void)pool;
    return EVP_aes_256_gcm();
}
#endif

int sk_hkdf(const char *secret, const char *label, unsigned char *out, size_t length)
{
    static const char salt[] = "mod_auth_scalekit";
    EVP_PKEY_CTX *kdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    int ok =
        kdf && EVP_PKEY_derive_init(kdf) > 0 && EVP_PKEY_CTX_set_hkdf_md(kdf, EVP_sha256()) > 0
        && EVP_PKEY_CTX_set1_hkdf_salt(kdf, (const unsigned char *)salt, sizeof(salt) - 1) > 0
        && EVP_PKEY_CTX_set1_hkdf_key(kdf, (const unsigned char *)secret, (int)strlen(secret))
               > 0
        && EVP_PKEY_CTX_add1_hkdf_info(kdf, (const unsigned char *)label, (int)strlen(label))
               > 0
        && EVP_PKEY_derive(kdf, out, &length) > 0;

    EVP_PKEY_CTX_free(kdf);
    return ok;
}

static apr_status_t cleanse_string(void *secret)
{
    OPENSSL_cleanse(secret, strlen(secret));
    return APR_SUCCESS;
}

void sk_cleanse_with_pool(apr_pool_t *pool, char *secret)
{
    apr_pool_cleanup_register(pool, secret, cleanse_string, apr_pool_cleanup_null);
}

static apr_status_t cleanse_span(void *baton)
{
    const sk_span *s = baton;

    OPENSSL_cleanse((void *)(size_t)s->bytes, s->length);
    return APR_SUCCESS;
}

void sk_cleanse_bytes_with_pool(apr_pool_t *pool, void *bytes, size_t length)
{
    sk_span *s = apr_palloc(pool, sizeof(*s));

    s->bytes = bytes;
    s->length = length;
    apr_pool_cleanup_register(pool, s, cleanse_span, apr_pool_cleanup_null);
}

sk_sealer *sk_sealer_create(apr_pool_t *pool, const apr_array_header_t *secrets,
                            const char *purpose, const char *context)
{
    const char *id_label = apr_pstrcat(pool, purpose, " key id", NULL);
    sk_sealer *sealer = apr_pcalloc(pool, sizeof(*sealer));
    int i;

    sealer->cipher = fetch_cipher(pool);
    if (!sealer->cipher) {
        return NULL;
    }
    sealer->count = secrets->nelts;
    sealer->keys = apr_pcalloc(pool, sizeof(seal_key) * (size_t)sealer->count);
    sealer->context = apr_psprintf(pool, "%d\n%s\n%s", FORMAT, purpose, context);
    sk_cleanse_bytes_with_pool(pool, sealer->keys, sizeof(seal_key) * (size_t)sealer->count);
    for (i = 0; i < sealer->count; i++) {
        const char *secret = APR_ARRAY_IDX(secrets, i, const char *);
        seal_key *key = &sealer->keys[i];
        if (!sk_hkdf(secret, purpose, key->key, KEY)
            || !sk_hkdf(secret, id_label, key->id, KEY_ID)) {
            return NULL;
        }
    }
    return sealer;
}

static int seal_with(EVP_CIPHER_CTX *cipher, const sk_sealer *sealer, unsigned char *sealed,
                     const unsigned char *bytes, size_t length)
{
    const seal_key *key = &sealer->keys[0];
    unsigned char *nonce = sealed + 1 + KEY_ID;
    int size;

    sealed[0] = FORMAT;
    memcpy(sealed + 1, key->id, KEY_ID);
    return apr_generate_random_bytes(nonce, NONCE) == APR_SUCCESS
           && EVP_EncryptInit_ex(cipher, sealer->cipher, NULL, key->key, nonce) == 1
           && EVP_EncryptUpdate(cipher, NULL, &size, (const unsigned char *)sealer->context,
                                (int)strlen(sealer->context))
                  == 1
           && EVP_EncryptUpdate(cipher, sealed + HEAD, &size, bytes, (int)length) == 1
           && EVP_EncryptFinal_ex(cipher, sealed + HEAD + length, &size) == 1
           && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, sealed + HEAD + length)
                  == 1;
}

unsigned char *sk_seal_bytes(apr_pool_t *pool, const sk_sealer *sealer, const void *bytes,
                             size_t length)
{
    unsigned char *sealed = apr_palloc(pool, length + SK_SEAL_OVERHEAD);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int ok = cipher && seal_with(cipher, sealer, sealed, bytes, length);

    EVP_CIPHER_CTX_free(cipher);
    return ok ? sealed : NULL;
}

const char *sk_seal(apr_pool_t *pool, const sk_sealer *sealer, const void *bytes, size_t length)
{
    const unsigned char *sealed = sk_seal_bytes(pool, sealer, bytes, length);

    return sealed ? sk_text_base64url(pool, sealed, length + SK_SEAL_OVERHEAD) : NULL;
}

static int open_with(EVP_CIPHER_CTX *cipher, const sk_sealer *sealer, const seal_key *key,
                     const unsigned char *sealed, unsigned char *bytes, size_t length)
{
    int size;

    return EVP_DecryptInit_ex(cipher, sealer->cipher, NULL, key->key, sealed + 1 + KEY_ID) == 1
           && EVP_DecryptUpdate(cipher, NULL, &size, (const unsigned char *)sealer->context,
                                (int)strlen(sealer->context))
                  == 1
           && EVP_DecryptUpdate(cipher, bytes, &size, sealed + HEAD, (int)length) == 1
           && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG,
                                  (void *)(size_t)(sealed + HEAD + length))
                  == 1
           && EVP_DecryptFinal_ex(cipher, bytes + length, &size) == 1;
}

const unsigned char *sk_unseal_bytes(apr_pool_t *pool, const sk_sealer *sealer, sk_span closed,
                                     size_t *length)
{
    const unsigned char *sealed = closed.bytes;
    unsigned char *bytes = NULL;
    EVP_CIPHER_CTX *cipher;
    int i;

    if (closed.length < SK_SEAL_OVERHEAD || sealed[0] != FORMAT
        || !(cipher = EVP_CIPHER_CTX_new())) {
        return NULL;
    }
    *length = closed.length - SK_SEAL_OVERHEAD;
    for (i = 0; i < sealer->count && !bytes; i++) {
        const seal_key *key = &sealer->keys[i];
        if (memcmp(key->id, sealed + 1, KEY_ID) == 0) {
            bytes = apr_palloc(pool, *length + 1);
            sk_cleanse_bytes_with_pool(pool, bytes, *length);
            if (!open_with(cipher, sealer, key, sealed, bytes, *length)) {
                bytes = NULL;
            }
        }
    }
    EVP_CIPHER_CTX_free(cipher);
    if (bytes) {
        bytes[*length] = '\0';
    }
    return bytes;
}

const unsigned char *sk_unseal(apr_pool_t *pool, const sk_sealer *sealer, const char *text,
                               size_t *length)
{
    sk_span sealed = {NULL, 0};

    sealed.bytes = sk_text_base64url_decode(pool, text, strlen(text), &sealed.length);
    return sealed.bytes ? sk_unseal_bytes(pool, sealer, sealed, length) : NULL;
}
