/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attempt.h"

#include <stdbool.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/text.h"

enum {
    SEED = SK_ATTEMPT_SEED,
    HEAD = SEED + 8, /* and the time, most significant byte first */
    VALUE = 32,
    REFERENCE = 8
};

/* ---- what is derived ---- */

/* Three values of 256 bits each from SHAKE256 (FIPS 202), of which no one tells anything of another or of the seed. */
static bool derive(apr_pool_t *pool, const unsigned char *seed, sk_attempt *attempt)
{
    const char **values[] = {&attempt->state, &attempt->nonce, &attempt->verifier};
    unsigned char bytes[3][VALUE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool ok = hash && EVP_DigestInit_ex(hash, EVP_shake256(), NULL)
              && EVP_DigestUpdate(hash, seed, SEED)
              && EVP_DigestFinalXOF(hash, bytes[0], sizeof(bytes));
    int i;

    for (i = 0; ok && i < 3; i++) {
        *values[i] = sk_text_base64url(pool, bytes[i], VALUE);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    EVP_MD_CTX_free(hash);
    return ok;
}

const char *sk_attempt_reference(apr_pool_t *pool, const char *state)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned int length = 0;

    EVP_Digest(state, strlen(state), digest, &length, EVP_sha256(), NULL);
    return sk_text_hex(pool, digest, REFERENCE / 2);
}

sk_attempt *sk_attempt_make(apr_pool_t *pool, const unsigned char *seed, apr_time_t started,
                            const char *target)
{
    sk_attempt *attempt = apr_palloc(pool, sizeof(*attempt));

    if (!derive(pool, seed, attempt)) {
        return NULL;
    }
    sk_cleanse_with_pool(pool, (char *)(size_t)attempt->verifier);
    attempt->target = target;
    attempt->started = started;
    attempt->reference = sk_attempt_reference(pool, attempt->state);
    return attempt;
}

/* ---- sealed ---- */

const char *sk_attempt_seal(apr_pool_t *pool, const sk_sealer *sealer,
                            const unsigned char *seed, apr_time_t started, const char *target)
{
    size_t length = HEAD + strlen(target);
    unsigned char *bytes = apr_palloc(pool, length);
    int i;

    sk_cleanse_bytes_with_pool(pool, bytes, length);
    memcpy(bytes, seed, SEED);
    for (i = 0; i < 8; i++) {
        bytes[SEED + i] = (unsigned char)(started >> (56 - 8 * i) & 0xff);
    }
    memcpy(bytes + HEAD, target, strlen(target));
    return sk_seal(pool, sealer, bytes, length);
}

const sk_attempt *sk_attempt_open(apr_pool_t *pool, const sk_sealer *sealer, const char *text)
{
    size_t length;
    const unsigned char *bytes = sk_unseal(pool, sealer, text, &length);
    apr_uint64_t started = 0; /* of a signed one no bit may be shifted out */
    int i;

    if (!bytes || length < HEAD) {
        return NULL;
    }
    for (i = 0; i < 8; i++) {
        started = started << 8 | bytes[SEED + i];
    }
    return sk_attempt_make(pool, bytes, (apr_time_t)started, (const char *)bytes + HEAD);
}
