/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/cache.h"

#include <assert.h>
#include <string.h>
#include <apr_strings.h>
#include <openssl/evp.h>

#include "core/seal.h"

struct sk_cache {
    sk_table *table;
    const sk_sealer *sealer;
    sk_memo *memo;
    EVP_MD_CTX *hash; /* of what all names begin with: copied for each */
};

/* What is sealed begins with the value's name, so that no value opens under another one's. */
static_assert(sizeof(sk_cache_key) + SK_CACHE_VALUE_MAX + SK_SEAL_OVERHEAD
                  <= SK_TABLE_VALUE_MAX,
              "the largest value is not too large for the table once it is sealed");

static apr_status_t free_hash(void *hash)
{
    EVP_MD_CTX_free(hash);
    return APR_SUCCESS;
}

static EVP_MD_CTX *make_hash(apr_pool_t *pool, const char *scope)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    apr_pool_cleanup_register(pool, hash, free_hash, apr_pool_cleanup_null);
    return hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL)
                   && EVP_DigestUpdate(hash, scope, strlen(scope) + 1)
               ? hash
               : NULL;
}

sk_cache *sk_cache_create(apr_pool_t *pool, sk_table *table, sk_memo *memo,
                          const apr_array_header_t *secrets, const char *env_url,
                          const char *client_id)
{
    const char *context = apr_pstrcat(pool, env_url, "\n", client_id, NULL);
    sk_cache *cache = apr_pcalloc(pool, sizeof(*cache));

    cache->table = table;
    cache->memo = memo;
    cache->sealer = sk_sealer_create(pool, secrets, "cache", context);
    cache->hash = make_hash(pool, context);
    return cache->sealer && cache->hash ? cache : NULL;
}

/* Of the scope and the purpose with their NULs and of the secret, so that no two make one text. */
bool sk_cache_name(const sk_cache *cache, const char *purpose, const char *secret,
                   sk_cache_key *key)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool ok = hash && EVP_MD_CTX_copy_ex(hash, cache->hash)
              && EVP_DigestUpdate(hash, purpose, strlen(purpose) + 1)
              && EVP_DigestUpdate(hash, secret, strlen(secret))
              && EVP_DigestFinal_ex(hash, key->bytes, NULL);

    EVP_MD_CTX_free(hash);
    return ok;
}

static sk_span seal(const sk_call *call, const sk_cache *cache, const sk_cache_key *key,
                    const void *value, size_t length)
{
    sk_span made = {NULL, sizeof(*key) + length + SK_SEAL_OVERHEAD};
    unsigned char *named;

    if (length > SK_CACHE_VALUE_MAX) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "A value of %" APR_SIZE_T_FMT " bytes is too large to be shared between "
                    "processes: %" APR_SIZE_T_FMT " are allowed",
                    length, SK_CACHE_VALUE_MAX);
        return made;
    }
    named = apr_palloc(call->pool, sizeof(*key) + length);
    sk_cleanse_bytes_with_pool(call->pool, named, sizeof(*key) + length);
    memcpy(named, key, sizeof(*key));
    if (length > 0) {
        memcpy(named + sizeof(*key), value, length);
    }
    made.bytes = sk_seal_bytes(call->pool, cache->sealer, named, sizeof(*key) + length);
    if (!made.bytes) {
        sk_call_log(call, SK_LEVEL_ERROR, "OpenSSL does not seal a value for the cache");
    }
    return made;
}

/* What the store has under that name, as it is. */
static sk_span fetch(const sk_call *call, const sk_cache *cache, apr_time_t now,
                     const sk_cache_key *key)
{
    sk_span found = {NULL, 0};

    found.bytes = sk_table_get(cache->table, call->pool, now, key->bytes, &found.length);
    return found;
}

static const unsigned char *unseal(const sk_call *call, const sk_cache *cache,
                                   const sk_cache_key *key, sk_span found, size_t *length)
{
    sk_span named = {NULL, 0};

    if (found.bytes) {
        named.bytes = sk_unseal_bytes(call->pool, cache->sealer, found, &named.length);
    }
    if (!named.bytes || named.length < sizeof(*key)
        || memcmp(named.bytes, key, sizeof(*key)) != 0) {
        return NULL;
    }
    *length = named.length - sizeof(*key);
    return (const unsigned char *)named.bytes + sizeof(*key);
}

const unsigned char *sk_cache_get(const sk_call *call, const sk_cache *cache, apr_time_t now,
                                  const sk_cache_key *key, size_t *length)
{
    sk_span found = fetch(call, cache, now, key);

    return unseal(call, cache, key, found, length);
}

/* ---- what goes by a secret: to hash it and to open the value anew takes a fifth of a request's instructions ---- */

/* What is remembered of a secret. */
typedef struct known {
    sk_cache_key key;
    uint64_t sum;   /* of the value as it is in the table */
    char purpose[]; /* with its NUL; the value follows */
} known;

static const known *recall(const sk_call *call, const sk_cache *cache, const char *purpose,
                           sk_span secret, sk_span *value)
{
    sk_span content;
    const known *found;

    if (!sk_memo_find(cache->memo, call->pool, cache, secret, &content, NULL)) {
        return NULL;
    }
    found = content.bytes;
    value->bytes = found->purpose + strlen(found->purpose) + 1;
    value->length =
        (size_t)((const char *)content.bytes + content.length - (const char *)value->bytes);
    return strcmp(found->purpose, purpose) == 0 ? found : NULL;
}

static void remember(const sk_cache *cache, const char *purpose, sk_span secret,
                     const sk_cache_key *key, uint64_t sum, sk_span value)
{
    size_t length = strlen(purpose) + 1;
    known *room =
        sk_memo_room(cache->memo, cache, secret, sizeof(known) + length + value.length);

    if (room) {
        room->key = *key;
        room->sum = sum;
        memcpy(room->purpose, purpose, length);
        memcpy(room->purpose + length, value.bytes, value.length);
        sk_memo_keep(cache->memo, room);
    }
}

const unsigned char *sk_cache_find(const sk_call *call, const sk_cache *cache, apr_time_t now,
                                   const char *purpose, const char *secret, size_t *length)
{
    sk_span text = {secret, strlen(secret)}, value;
    const known *found = recall(call, cache, purpose, text, &value);
    sk_cache_key key;
    uint64_t sum;

    if (found) {
        key = found->key;
    }
    else if (!sk_cache_name(cache, purpose, secret, &key)) {
        return NULL;
    }
    if (!sk_table_sum(cache->table, now, key.bytes, &sum)) {
        return NULL;
    }
    if (!found || found->sum != sum) {
        value.bytes = sk_cache_get(call, cache, now, &key, &value.length);
        if (!value.bytes) {
            return NULL;
        }
        /* Where it was replaced since, it is read again. */
        remember(cache, purpose, text, &key, sum, value);
    }
    *length = value.length;
    return value.bytes;
}

bool sk_cache_has(const sk_call *call, const sk_cache *cache, apr_time_t now,
                  const sk_cache_key *key)
{
    return fetch(call, cache, now, key).bytes != NULL;
}

sk_outcome sk_cache_set(const sk_call *call, const sk_cache *cache, apr_time_t now,
                        const sk_cache_key *key, const void *value, size_t length,
                        apr_time_t ttl)
{
    sk_span made = seal(call, cache, key, value, length);

    return made.bytes
               ? sk_table_set(cache->table, now, key->bytes, made.bytes, made.length, ttl)
               : SK_OUTCOME_FAILED;
}

sk_outcome sk_cache_keep(const sk_call *call, const sk_cache *cache, apr_time_t now,
                         const sk_cache_key *key, const void *value, size_t length,
                         apr_time_t ttl)
{
    sk_span made = seal(call, cache, key, value, length);

    return made.bytes
               ? sk_table_keep(cache->table, now, key->bytes, made.bytes, made.length, ttl)
               : SK_OUTCOME_FAILED;
}

sk_outcome sk_cache_add(const sk_call *call, const sk_cache *cache, apr_time_t now,
                        const sk_cache_key *key, const void *value, size_t length,
                        apr_time_t ttl)
{
    sk_span made = seal(call, cache, key, value, length);

    return made.bytes
               ? sk_table_add(cache->table, now, key->bytes, made.bytes, made.length, ttl)
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
    sk_span found = fetch(call, cache, now, key);
    size_t is_length;
    const unsigned char *is = unseal(call, cache, key, found, &is_length);

    if (!is || is_length != length || (length > 0 && memcmp(is, value, length) != 0)) {
        return SK_OUTCOME_NO;
    }
    return sk_table_delete_if_equal(cache->table, now, key->bytes, found.bytes, found.length);
}

uint64_t sk_cache_losses(const sk_cache *cache)
{
    return sk_table_statistics_of(cache->table).losses;
}
