/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attempt.h"

#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/text.h"

enum {
    SEED = SK_ATTEMPT_SEED,
    HEAD = SEED + 8, /* and the time, most significant byte first */
    REFERENCE = 8
};

/* ---- what is derived ---- */

static const char *derive(apr_pool_t *pool, const unsigned char *seed, const char *label)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    if (!HMAC(EVP_sha256(), seed, SEED, (const unsigned char *)label, strlen(label), digest,
              &length)) {
        return NULL;
    }
    return sk_text_base64url(pool, digest, length);
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

    attempt->state = derive(pool, seed, "state");
    attempt->nonce = derive(pool, seed, "nonce");
    attempt->verifier = derive(pool, seed, "verifier");
    if (!attempt->state || !attempt->nonce || !attempt->verifier) {
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
    unsigned char *bytes = sk_unseal(pool, sealer, text, &length);
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
