/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login attempts (core/attempt). The input is what a cookie of ours holds once it was unsealed: seed, time, target.
 *
 * What is too short is no attempt; any other has the secrets of its seed, and comes back from its own cookie. The
 * input as a cookie is none.
 */
#include "core/attempt.h"
#include "fuzz.h"

enum { HEAD = SK_ATTEMPT_SEED + 8 };

static const sk_sealer *login_sealer(void)
{
    static const sk_sealer *sealer;
    apr_array_header_t *secrets;

    if (!sealer) {
        secrets = apr_array_make(fuzz_lasting_pool(), 1, sizeof(char *));
        APR_ARRAY_PUSH(secrets, const char *) = "a secret of the fuzz targets";
        sealer = sk_sealer_create(fuzz_lasting_pool(), secrets, "login", "site.example");
    }
    return sealer;
}

static void expect_same(const sk_attempt *one, const sk_attempt *other)
{
    HOLDS(strcmp(one->state, other->state) == 0 && strcmp(one->nonce, other->nonce) == 0);
    HOLDS(strcmp(one->verifier, other->verifier) == 0
          && strcmp(one->target, other->target) == 0);
    HOLDS(strcmp(one->reference, other->reference) == 0 && one->started == other->started);
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *sealed = sk_seal(pool, login_sealer(), bytes, length);
    const sk_attempt *attempt = sk_attempt_open(pool, login_sealer(), sealed);

    HOLDS(!sk_attempt_open(pool, login_sealer(), fuzz_text(pool, bytes, length)));
    HOLDS((attempt != NULL) == (length >= HEAD));
    if (attempt) {
        HOLDS(strlen(attempt->target) <= length - HEAD);
        HOLDS(strcmp(attempt->state, attempt->nonce) != 0
              && strcmp(attempt->nonce, attempt->verifier) != 0);
        sealed =
            sk_attempt_seal(pool, login_sealer(), bytes, attempt->started, attempt->target);
        expect_same(attempt, sk_attempt_open(pool, login_sealer(), sealed));
    }
}
