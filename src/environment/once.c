/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/once.h"

#include <string.h>
#include <apr_thread_mutex.h>
#include <openssl/evp.h>

enum { HASH = 16 };

typedef struct used {
    unsigned char hash[HASH];
    apr_time_t until; /* 0: free */
} used;

struct sk_once {
    apr_thread_mutex_t *mutex;
    int most;
    used all[];
};

sk_once *sk_once_create(apr_pool_t *pool, int most)
{
    sk_once *once = apr_pcalloc(pool, sizeof(*once) + (size_t)most * sizeof(used));

    once->most = most;
    return apr_thread_mutex_create(&once->mutex, APR_THREAD_MUTEX_DEFAULT, pool) == APR_SUCCESS
               ? once
               : NULL;
}

static sk_once_used note(sk_once *once, const unsigned char *hash, apr_time_t now,
                         apr_time_t until)
{
    used *free = NULL;
    int i;

    for (i = 0; i < once->most; i++) {
        used *one = &once->all[i];
        if (one->until <= now) {
            free = one;
        }
        else if (memcmp(one->hash, hash, HASH) == 0) {
            return SK_ONCE_AGAIN;
        }
    }
    if (!free) {
        return SK_ONCE_FULL;
    }
    memcpy(free->hash, hash, HASH);
    free->until = until;
    return SK_ONCE_FIRST;
}

sk_once_used sk_once_use(sk_once *once, const char *text, apr_time_t now, apr_time_t until)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    sk_once_used result;

    if (EVP_Digest(text, strlen(text), digest, &length, EVP_sha256(), NULL) != 1) {
        return SK_ONCE_FULL;
    }
    apr_thread_mutex_lock(once->mutex);
    result = note(once, digest, now, until);
    apr_thread_mutex_unlock(once->mutex);
    return result;
}
