/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/keys.h"

#include <stdbool.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_rwlock.h>

/* The least time between two fetches, after one that went well and after one that failed. */
#define REFETCH_AFTER apr_time_from_sec(60)
#define RETRY_AFTER apr_time_from_sec(2)

/* Keys are fetched anew after this time; while that fails, the old ones are believed for a day at most. */
#define FRESH_FOR apr_time_from_sec(3600)
#define BELIEVED_FOR apr_time_from_sec(24 * 3600)

struct sk_keys {
    sk_http *http;

    apr_thread_rwlock_t *lock; /* guards the set: readers verify, a writer swaps it */
    sk_keyset *set;
    apr_pool_t *set_pool;

    apr_thread_mutex_t
        *mutex; /* guards what follows; nobody holds it while Scalekit is asked */
    apr_thread_cond_t *fetched;
    bool is_fetching;
    apr_time_t fetched_at; /* of the set that we have */
    apr_time_t next_fetch; /* not before */
};

static apr_status_t release_set(void *baton)
{
    sk_keys *keys = baton;

    if (keys->set_pool) {
        apr_pool_destroy(keys->set_pool);
    }
    return APR_SUCCESS;
}

sk_keys *sk_keys_create(apr_pool_t *pool, sk_http *http)
{
    sk_keys *keys = apr_pcalloc(pool, sizeof(*keys));

    keys->http = http;
    if (apr_thread_rwlock_create(&keys->lock, pool) != APR_SUCCESS
        || apr_thread_mutex_create(&keys->mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS
        || apr_thread_cond_create(&keys->fetched, pool) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, keys, release_set, apr_pool_cleanup_null);
    return keys;
}

static bool fetch(const sk_call *call, sk_keys *keys)
{
    sk_http_answer answer = sk_http_ask(call, keys->http, "/keys", NULL);
    apr_pool_t *pool, *old;
    sk_keyset *set;
    const char *wrong = answer.failure;

    if (answer.status != 200) {
        sk_http_judge(call, keys->http, &answer, false);
        sk_call_log(call, SK_LEVEL_ERROR, "cannot get Scalekit's keys from /keys: %s",
                    wrong ? wrong : apr_psprintf(call->pool, "it answered %d", answer.status));
        return false;
    }
    apr_pool_create(&pool, NULL);
    set = sk_keyset_parse(pool, answer.body, answer.length, &wrong);
    sk_http_judge(call, keys->http, &answer, set != NULL);
    if (!set) {
        sk_call_log(call, SK_LEVEL_ERROR, "Scalekit's key set at /keys is of no use: %s",
                    wrong);
        apr_pool_destroy(pool);
        return false;
    }
    apr_thread_rwlock_wrlock(keys->lock);
    old = keys->set_pool;
    keys->set = set;
    keys->set_pool = pool;
    apr_thread_rwlock_unlock(keys->lock);
    if (old) {
        apr_pool_destroy(old);
    }
    sk_call_log(call, SK_LEVEL_DEBUG, "fetched Scalekit's keys");
    return true;
}

/* Fetches, or waits for the thread that does, or does nothing because it was done a short time ago. */
static void refresh(const sk_call *call, sk_keys *keys, apr_time_t now)
{
    apr_status_t rv = APR_SUCCESS;
    bool ok;

    apr_thread_mutex_lock(keys->mutex);
    if (keys->is_fetching) {
        while (keys->is_fetching && rv == APR_SUCCESS) {
            rv = apr_thread_cond_timedwait(keys->fetched, keys->mutex, sk_call_time_left(call));
        }
        apr_thread_mutex_unlock(keys->mutex);
        return;
    }
    if (now < keys->next_fetch) {
        apr_thread_mutex_unlock(keys->mutex);
        return;
    }
    keys->is_fetching = true;
    apr_thread_mutex_unlock(keys->mutex);

    ok = fetch(call, keys);

    apr_thread_mutex_lock(keys->mutex);
    keys->is_fetching = false;
    /* The first fetch is nobody's doing: a key that came since is looked for at once. */
    keys->next_fetch = apr_time_now()
                       + (!ok                     ? RETRY_AFTER
                          : keys->fetched_at == 0 ? 0
                                                  : REFETCH_AFTER);
    if (ok) {
        keys->fetched_at = now;
    }
    apr_thread_cond_broadcast(keys->fetched);
    apr_thread_mutex_unlock(keys->mutex);
}

static apr_time_t age(sk_keys *keys, apr_time_t now)
{
    apr_time_t fetched_at;

    apr_thread_mutex_lock(keys->mutex);
    fetched_at = keys->fetched_at;
    apr_thread_mutex_unlock(keys->mutex);
    return now - fetched_at;
}

static bool has(sk_keys *keys, const char *kid)
{
    bool found;

    apr_thread_rwlock_rdlock(keys->lock);
    found = keys->set && sk_keyset_has(keys->set, kid);
    apr_thread_rwlock_unlock(keys->lock);
    return found;
}

const char *sk_keys_verify(const sk_call *call, sk_keys *keys, const char *text, sk_jwt *jwt)
{
    const char *wrong = sk_jwt_parse(call->pool, text, jwt);
    apr_time_t now = apr_time_now();

    if (wrong) {
        return wrong;
    }
    if (age(keys, now) > FRESH_FOR || !has(keys, jwt->kid)) {
        refresh(call, keys, now);
    }
    if (age(keys, now) > BELIEVED_FOR) {
        return "Scalekit's keys are not to be had";
    }
    apr_thread_rwlock_rdlock(keys->lock);
    wrong = keys->set ? sk_jwt_verify(call->pool, jwt, keys->set)
                      : "Scalekit's keys are not to be had";
    apr_thread_rwlock_unlock(keys->lock);
    return wrong;
}
