/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/cache.h"

#include <assert.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/seal.h"

struct sk_cache {
    sk_table *table;
    const sk_sealer *sealer;
    unsigned char hash_key[SK_TABLE_KEY];
};

/* What is sealed begins with the value's name, so that no value opens under another one's. */
static_assert((sizeof(sk_cache_key) + SK_CACHE_VALUE_MAX + SK_SEAL_OVERHEAD + 2) / 3 * 4
                  <= SK_TABLE_VALUE_MAX,
              "the largest value is not too large for the table once it is sealed");

static apr_status_t cleanse(void *baton)
{
    sk_cache *cache = baton;

    OPENSSL_cleanse(cache->hash_key, sizeof(cache->hash_key));
    return APR_SUCCESS;
}

sk_cache *sk_cache_create(apr_pool_t *pool, sk_table *table, const apr_array_header_t *secrets,
                          const char *env_url, const char *client_id)
{
    const char *context = apr_pstrcat(pool, env_url, "\n", client_id, NULL);
    const char *label = apr_pstrcat(pool, "cache name\n", context, NULL);
    sk_cache *cache = apr_pcalloc(pool, sizeof(*cache));

    cache->table = table;
    apr_pool_cleanup_register(pool, cache, cleanse, apr_pool_cleanup_null);
    cache->sealer = sk_sealer_create(pool, secrets, "cache", context);
    if (!cache->sealer
        || !sk_hkdf(client_id, label, cache->hash_key, sizeof(cache->hash_key))) {
        return NULL;
    }
    return cache;
}

static bool hash(const unsigned char *key, const char *text, unsigned char *out)
{
    return HMAC(EVP_sha256(), key, SK_TABLE_KEY, (const unsigned char *)text, strlen(text), out,
                NULL)
           != NULL;
}

bool sk_cache_name(const sk_cache *cache, const char *purpose, const char *secret,
                   sk_cache_key *key)
{
    unsigned char purpose_key[SK_TABLE_KEY];
    bool ok =
        hash(cache->hash_key, purpose, purpose_key) && hash(purpose_key, secret, key->bytes);

    OPENSSL_cleanse(purpose_key, sizeof(purpose_key));
    return ok;
}

static const char *seal(const sk_call *call, const sk_cache *cache, const sk_cache_key *key,
                        const void *value, size_t length)
{
    unsigned char *named;
    const char *sealed;

    if (length > SK_CACHE_VALUE_MAX) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "A value of %" APR_SIZE_T_FMT " bytes is too large to be shared between "
                    "processes: %" APR_SIZE_T_FMT " are allowed",
                    length, SK_CACHE_VALUE_MAX);
        return NULL;
    }
    named = apr_palloc(call->pool, sizeof(*key) + length);
    sk_cleanse_bytes_with_pool(call->pool, named, sizeof(*key) + length);
    memcpy(named, key, sizeof(*key));
    if (length > 0) {
        memcpy(named + sizeof(*key), value, length);
    }
    sealed = sk_seal(call->pool, cache->sealer, named, sizeof(*key) + length);
    if (!sealed) {
        sk_call_log(call, SK_LEVEL_ERROR, "OpenSSL does not seal a value for the cache");
    }
    return sealed;
}

/* What the store has under that name, as it is. */
static const char *fetch(const sk_call *call, const sk_cache *cache, apr_time_t now,
                         const sk_cache_key *key)
{
    size_t length;

    return (const char *)sk_table_get(cache->table, call->pool, now, key->bytes, &length);
}

static unsigned char *unseal(const sk_call *call, const sk_cache *cache,
                             const sk_cache_key *key, const char *sealed, size_t *length)
{
    unsigned char *named = sk_unseal(call->pool, cache->sealer, sealed, length);

    if (!named || *length < sizeof(*key) || memcmp(named, key, sizeof(*key)) != 0) {
        return NULL;
    }
    *length -= sizeof(*key);
    return named + sizeof(*key);
}

unsigned char *sk_cache_get(const sk_call *call, const sk_cache *cache, apr_time_t now,
                            const sk_cache_key *key, size_t *length)
{
    const char *sealed = fetch(call, cache, now, key);

    return sealed ? unseal(call, cache, key, sealed, length) : NULL;
}

bool sk_cache_has(const sk_call *call, const sk_cache *cache, apr_time_t now,
                  const sk_cache_key *key)
{
    return fetch(call, cache, now, key) != NULL;
}

sk_outcome sk_cache_set(const sk_call *call, const sk_cache *cache, apr_time_t now,
                        const sk_cache_key *key, const void *value, size_t length,
                        apr_time_t ttl)
{
    const char *sealed = seal(call, cache, key, value, length);

    return sealed ? sk_table_set(cache->table, now, key->bytes, sealed, strlen(sealed), ttl)
                  : SK_OUTCOME_FAILED;
}

sk_outcome sk_cache_keep(const sk_call *call, const sk_cache *cache, apr_time_t now,
                         const sk_cache_key *key, const void *value, size_t length,
                         apr_time_t ttl)
{
    const char *sealed = seal(call, cache, key, value, length);

    return sealed ? sk_table_keep(cache->table, now, key->bytes, sealed, strlen(sealed), ttl)
                  : SK_OUTCOME_FAILED;
}

sk_outcome sk_cache_add(const sk_call *call, const sk_cache *cache, apr_time_t now,
                        const sk_cache_key *key, const void *value, size_t length,
                        apr_time_t ttl)
{
    const char *sealed = seal(call, cache, key, value, length);

    return sealed ? sk_table_add(cache->table, now, key->bytes, sealed, strlen(sealed), ttl)
                  : SK_OUTCOME_FAILED;
}

const char *sk_cache_use_up(const sk_call *call, const sk_cache *cache, const char *purpose,
                            const char *secret, apr_time_t ttl)
{
    sk_outcome added = SK_OUTCOME_FAILED;
    sk_cache_key key;

    if (sk_cache_name(cache, purpose, secret, &key)) {
        added = sk_cache_add(call, cache, apr_time_now(), &key, "", 0, ttl);
    }
    return added == SK_OUTCOME_YES  ? NULL
           : added == SK_OUTCOME_NO ? "it was used before"
                                    : "it cannot be remembered, and may have been used before";
}

sk_outcome sk_cache_delete(const sk_call *call, const sk_cache *cache, apr_time_t now,
                           const sk_cache_key *key)
{
    (void)call;
    return sk_table_delete(cache->table, now, key->bytes);
}

/* No two sealed values are the same, so the sealed one that held this value is deleted, or none. */
sk_outcome sk_cache_delete_if_equal(const sk_call *call, const sk_cache *cache, apr_time_t now,
                                    const sk_cache_key *key, const void *value, size_t length)
{
    const char *sealed = fetch(call, cache, now, key);
    size_t is_length;
    const unsigned char *is = sealed ? unseal(call, cache, key, sealed, &is_length) : NULL;

    if (!is || is_length != length || (length > 0 && memcmp(is, value, length) != 0)) {
        return SK_OUTCOME_NO;
    }
    return sk_table_delete_if_equal(cache->table, now, key->bytes, sealed, strlen(sealed));
}

uint64_t sk_cache_losses(const sk_cache *cache)
{
    return sk_table_statistics_of(cache->table).losses;
}
