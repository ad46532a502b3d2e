/* SPDX-License-Identifier: Apache-2.0 */
#include "session/login_state.h"

#include <stdlib.h>
#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/text.h"
#include "session/cookies.h"

APLOG_USE_MODULE(auth_scalekit);

#define COOKIE_PREFIX "sk_login_"
#define HOST_PREFIX "__Host-"

static const char *cookie_name(request_rec *r, const char *reference, bool secure)
{
    return sk_cookies_name(r, apr_pstrcat(r->pool, COOKIE_PREFIX, reference, NULL), secure);
}

bool sk_attempt_is_cookie(const char *name)
{
    if (strncmp(name, HOST_PREFIX, sizeof(HOST_PREFIX) - 1) == 0) {
        name += sizeof(HOST_PREFIX) - 1;
    }
    return strncmp(name, COOKIE_PREFIX, sizeof(COOKIE_PREFIX) - 1) == 0;
}

static const sk_attempt *open_attempt(request_rec *r, const char *value)
{
    return sk_attempt_open(r->pool, sk_settings_of(r->server)->login_sealer, value);
}

static bool is_alive(const request_rec *r, const sk_attempt *attempt)
{
    return r->request_time < attempt->started + apr_time_from_sec(SK_ATTEMPT_LIFE);
}

/* ---- the attempts that a browser holds ---- */

typedef struct held {
    const char *name;
    size_t size;
    apr_time_t started; /* 0: of another application of this host, on another port */
    bool is_over;
} held;

static int newest_first(const void *one, const void *other)
{
    apr_time_t a = ((const held *)one)->started, b = ((const held *)other)->started;

    return a < b ? 1 : a > b ? -1 : 0;
}

/*
 * An answer deletes no more than these: each takes a line, and proxies drop answers whose headers exceed some KB. Another host of the
 * domain can set any number of cookies of the name, which do not go away by that.
 */
enum { DELETED_MAX = 10 };

/* Deletes what is expired, or more than there may be beside a new one of this size. */
static void make_room(request_rec *r, size_t size, bool secure)
{
    const apr_array_header_t *cookies = sk_cookies_read(r);
    apr_array_header_t *all = apr_array_make(r->pool, 8, sizeof(held));
    int i, kept = 1, deleted = 0;

    for (i = 0; i < cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        const sk_attempt *attempt;
        held *one;
        if (!sk_attempt_is_cookie(cookie->name)) {
            continue;
        }
        attempt = open_attempt(r, cookie->value);
        one = apr_array_push(all);
        one->name = cookie->name;
        one->size = strlen(cookie->name) + strlen(cookie->value) + 3;
        one->started = attempt ? attempt->started : 0;
        one->is_over = attempt && !is_alive(r, attempt);
    }
    qsort(all->elts, (size_t)all->nelts, sizeof(held), newest_first);
    for (i = 0; i < all->nelts && deleted < DELETED_MAX; i++) {
        const held *one = &APR_ARRAY_IDX(all, i, held);
        size += one->size;
        if (one->is_over || ++kept > SK_ATTEMPTS_MAX || size > SK_ATTEMPTS_BYTES) {
            sk_cookies_send(r, one->name, "", 0, secure);
            deleted++;
        }
    }
}

const sk_attempt *sk_attempt_start(request_rec *r, const char *target, bool secure)
{
    const sk_sealer *sealer = sk_settings_of(r->server)->login_sealer;
    unsigned char seed[SK_ATTEMPT_SEED];
    const sk_attempt *attempt;
    const char *sealed, *name;

    if (apr_generate_random_bytes(seed, sizeof(seed)) != APR_SUCCESS
        || !(attempt = sk_attempt_make(r->pool, seed, r->request_time, target))
        || !(sealed = sk_attempt_seal(r->pool, sealer, seed, r->request_time, target))) {
        return NULL;
    }
    name = cookie_name(r, attempt->reference, secure);
    make_room(r, strlen(name) + strlen(sealed) + 3, secure);
    /* Longer than it is good for: so one that took too long is told from one that was never here. */
    sk_cookies_send(r, name, sealed, 6 * SK_ATTEMPT_LIFE, secure);
    return attempt;
}

sk_attempt_found sk_attempt_take(request_rec *r, const char *state, bool secure,
                                 const sk_attempt **attempt)
{
    const char *name = cookie_name(r, sk_attempt_reference(r->pool, state), secure);
    const char *value = sk_cookie_find(sk_cookies_read(r), name);

    *attempt = NULL;
    if (!value) {
        return SK_ATTEMPT_UNKNOWN;
    }
    sk_cookies_send(r, name, "", 0, secure);
    *attempt = open_attempt(r, value);
    if (!*attempt || !sk_text_equal((*attempt)->state, state)) {
        *attempt = NULL;
        return SK_ATTEMPT_UNKNOWN;
    }
    return is_alive(r, *attempt) ? SK_ATTEMPT_FOUND : SK_ATTEMPT_EXPIRED;
}
