/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/keys.h"

#include <stdbool.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_rwlock.h>

/* How long nobody asks again: where there are keys, and where there are none. */
#define REFETCH_AFTER apr_time_from_sec(60)
#define RETRY_AFTER apr_time_from_sec(2)

/* Keys are fetched anew after this time; while that fails, the old ones are believed for a day at most. */
#define FRESH_FOR apr_time_from_sec(3600)
#define BELIEVED_FOR apr_time_from_sec(24 * 3600)

/* A lease outlives the call, so that no other process joins a slow one. */
#define LEASE_MARGIN apr_time_from_sec(2)

#define PAUSE apr_time_from_msec(20)

/* What the lease says: wait for what comes of it, or do without. */
#define FETCHING 'F'
#define DONE 'D'

struct sk_keys {
    sk_http *http;
    const sk_cache *cache;
    sk_cache_key shared; /* the newest set and when it was fetched, for all processes */
    sk_cache_key lease;  /* of who asks, and of nobody for a while afterwards */

    apr_thread_rwlock_t *lock; /* guards the set: readers verify, a writer swaps it */
    sk_keyset *set;
    apr_pool_t *set_pool;
    apr_time_t fetched_at;

    apr_thread_mutex_t
        *mutex; /* guards what follows; nobody holds it while Scalekit is asked */
    apr_thread_cond_t *looked;
    bool is_looking; /* one thread of this process */
    apr_time_t
        next_fetch; /* not before, where processes cannot tell each other; that thread's own */
};

static apr_status_t release_set(void *baton)
{
    sk_keys *keys = baton;

    if (keys->set_pool) {
        apr_pool_destroy(keys->set_pool);
    }
    return APR_SUCCESS;
}

sk_keys *sk_keys_create(apr_pool_t *pool, sk_http *http, const sk_cache *cache)
{
    sk_keys *keys = apr_pcalloc(pool, sizeof(*keys));

    keys->http = http;
    keys->cache = cache;
    if (!sk_cache_name(cache, "keys", "", &keys->shared)
        || !sk_cache_name(cache, "keys lease", "", &keys->lease)
        || apr_thread_rwlock_create(&keys->lock, pool) != APR_SUCCESS
        || apr_thread_mutex_create(&keys->mutex, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS
        || apr_thread_cond_create(&keys->looked, pool) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, keys, release_set, apr_pool_cleanup_null);
    return keys;
}

/* ---- the set of this process ---- */

/* In place of the one before. @return NULL, or why it is none */
static const char *take_over(sk_keys *keys, const char *json, size_t length,
                             apr_time_t fetched_at)
{
    const char *wrong = NULL;
    apr_pool_t *pool, *old;
    sk_keyset *set;

    apr_pool_create(&pool, NULL);
    set = sk_keyset_parse(pool, json, length, &wrong);
    if (!set) {
        apr_pool_destroy(pool);
        return wrong;
    }
    apr_thread_rwlock_wrlock(keys->lock);
    old = keys->set_pool;
    keys->set = set;
    keys->set_pool = pool;
    keys->fetched_at = fetched_at;
    apr_thread_rwlock_unlock(keys->lock);
    if (old) {
        apr_pool_destroy(old);
    }
    return NULL;
}

static apr_time_t fetched_at(sk_keys *keys)
{
    apr_time_t time;

    apr_thread_rwlock_rdlock(keys->lock);
    time = keys->fetched_at;
    apr_thread_rwlock_unlock(keys->lock);
    return time;
}

static bool is_younger(sk_keys *keys, apr_time_t age)
{
    return apr_time_now() - fetched_at(keys) <= age;
}

static bool has(sk_keys *keys, const char *kid)
{
    bool found;

    apr_thread_rwlock_rdlock(keys->lock);
    found = keys->set && sk_keyset_has(keys->set, kid);
    apr_thread_rwlock_unlock(keys->lock);
    return found;
}

/* ---- what processes share ---- */

static bool store(const sk_call *call, sk_keys *keys, const sk_http_answer *answer,
                  apr_time_t now)
{
    size_t length = sizeof(now) + answer->length;
    char *value;

    if (length > SK_CACHE_VALUE_MAX) {
        return false;
    }
    value = apr_palloc(call->pool, length);
    memcpy(value, &now, sizeof(now));
    memcpy(value + sizeof(now), answer->body, answer->length);
    return sk_cache_keep(call, keys->cache, now, &keys->shared, value, length, BELIEVED_FOR)
           == SK_OUTCOME_YES;
}

/* What there is no room for each process fetches for itself. */
static void share(const sk_call *call, sk_keys *keys, const sk_http_answer *answer,
                  apr_time_t now)
{
    if (!store(call, keys, answer, now)) {
        sk_cache_delete(call, keys->cache, now, &keys->shared);
    }
}

static void take_shared(const sk_call *call, sk_keys *keys)
{
    apr_time_t time;
    size_t length;
    const char *value =
        (const char *)sk_cache_get(call, keys->cache, apr_time_now(), &keys->shared, &length);

    if (!value || length < sizeof(time)) {
        return;
    }
    memcpy(&time, value, sizeof(time));
    if (time != fetched_at(keys)) {
        take_over(keys, value + sizeof(time), length - sizeof(time), time);
    }
}

/* @return NO: another process asks, or has asked a short time ago; FAILED: nobody knows */
static sk_outcome take_lease(const sk_call *call, sk_keys *keys)
{
    static const char fetching = FETCHING;

    return sk_cache_add(call, keys->cache, apr_time_now(), &keys->lease, &fetching, 1,
                        sk_call_time_left(call) + LEASE_MARGIN);
}

/* 0: it cannot be read, so that somebody else goes by his own clock. */
static char read_lease(const sk_call *call, sk_keys *keys)
{
    size_t length;
    const unsigned char *value =
        sk_cache_get(call, keys->cache, apr_time_now(), &keys->lease, &length);

    return value && length == 1 ? (char)*value : 0;
}

/* Who cannot have what we have must not be kept from asking. */
static void end_lease(const sk_call *call, sk_keys *keys, apr_time_t pause)
{
    static const char done = DONE;
    apr_time_t now = apr_time_now();

    if (pause > 0 && sk_cache_has(call, keys->cache, now, &keys->shared)) {
        sk_cache_keep(call, keys->cache, now, &keys->lease, &done, 1, pause);
    }
    else {
        sk_cache_delete(call, keys->cache, now, &keys->lease);
    }
}

/* ---- fetching ---- */

/* @return whether Scalekit was asked */
static bool fetch(const sk_call *call, sk_keys *keys)
{
    sk_http_answer answer = sk_http_ask(call, keys->http, "/keys", NULL);
    apr_time_t now = apr_time_now();
    const char *wrong;

    if (answer.status != 200) {
        sk_http_judge(call, keys->http, &answer, false);
        sk_call_log(call, SK_LEVEL_ERROR, "cannot get Scalekit's keys from /keys: %s",
                    answer.failure ? answer.failure
                                   : apr_psprintf(call->pool, "it answered %d", answer.status));
        return answer.failure != sk_http_resting;
    }
    wrong = take_over(keys, answer.body, answer.length, now);
    sk_http_judge(call, keys->http, &answer, !wrong);
    if (wrong) {
        sk_call_log(call, SK_LEVEL_ERROR, "Scalekit's key set at /keys is of no use: %s",
                    wrong);
        return true;
    }
    share(call, keys, &answer, now);
    sk_call_log(call, SK_LEVEL_DEBUG, "fetched Scalekit's keys");
    return true;
}

static bool is_served(sk_keys *keys, const char *kid)
{
    return is_younger(keys, FRESH_FOR) && has(keys, kid);
}

/*
 * A key that was found is no reason to wait: only Scalekit makes keys, while anybody can make up the id of one.
 * @return how long nobody asks again
 */
static apr_time_t fetch_for(const sk_call *call, sk_keys *keys, const char *kid)
{
    bool was_asked = fetch(call, keys);
    apr_time_t pause = is_served(keys, kid)                          ? 0
                       : was_asked && is_younger(keys, BELIEVED_FOR) ? REFETCH_AFTER
                                                                     : RETRY_AFTER;

    keys->next_fetch = apr_time_now() + pause;
    return pause;
}

static void fetch_with_lease(const sk_call *call, sk_keys *keys, const char *kid)
{
    take_shared(call, keys); /* somebody else may have been through since we looked */
    end_lease(call, keys, is_served(keys, kid) ? 0 : fetch_for(call, keys, kid));
}

/* Is there nothing to be had by looking further? */
static bool is_done(sk_keys *keys, const char *kid)
{
    apr_time_t left = keys->next_fetch - apr_time_now();

    /* Longer than any pause: the clock was set back. */
    return is_served(keys, kid) || (left > 0 && left <= REFETCH_AFTER);
}

/* Asks, or waits for the process that does, or does nothing because it was done a short time ago. */
static void look(const sk_call *call, sk_keys *keys, const char *kid)
{
    char lease = FETCHING;

    for (take_shared(call, keys); !is_done(keys, kid) && apr_time_now() < call->deadline;
         take_shared(call, keys)) {
        sk_outcome taken = take_lease(call, keys);
        if (taken == SK_OUTCOME_YES) {
            fetch_with_lease(call, keys, kid);
            return;
        }
        lease = taken == SK_OUTCOME_NO ? read_lease(call, keys) : 0;
        if (lease != FETCHING || has(keys, kid)) {
            break;
        }
        apr_sleep(PAUSE);
    }
    if (lease != FETCHING && lease != DONE) {
        take_shared(call, keys);
        if (!is_done(keys, kid)) {
            fetch_for(call, keys, kid);
        }
    }
}

/* One thread of the process looks; those wait for it whose key is not there. */
static void look_together(const sk_call *call, sk_keys *keys, const char *kid)
{
    apr_status_t rv = APR_SUCCESS;

    apr_thread_mutex_lock(keys->mutex);
    if (keys->is_looking) {
        while (keys->is_looking && rv == APR_SUCCESS && !has(keys, kid)) {
            rv = apr_thread_cond_timedwait(keys->looked, keys->mutex, sk_call_time_left(call));
        }
        apr_thread_mutex_unlock(keys->mutex);
        return;
    }
    keys->is_looking = true;
    apr_thread_mutex_unlock(keys->mutex);

    look(call, keys, kid);

    apr_thread_mutex_lock(keys->mutex);
    keys->is_looking = false;
    apr_thread_cond_broadcast(keys->looked);
    apr_thread_mutex_unlock(keys->mutex);
}

const char sk_keys_missing[] = "Scalekit's keys are not to be had";

const char *sk_keys_verify(const sk_call *call, sk_keys *keys, const char *text, sk_jwt *jwt)
{
    const char *wrong = sk_jwt_parse(call->pool, text, jwt);

    if (wrong) {
        return wrong;
    }
    if (!is_served(keys, jwt->kid)) {
        look_together(call, keys, jwt->kid);
    }
    if (!is_younger(keys, BELIEVED_FOR)) {
        return sk_keys_missing;
    }
    apr_thread_rwlock_rdlock(keys->lock);
    wrong = sk_jwt_verify(call->pool, jwt, keys->set);
    apr_thread_rwlock_unlock(keys->lock);
    return wrong;
}
