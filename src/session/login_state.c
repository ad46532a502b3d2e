/* SPDX-License-Identifier: Apache-2.0 */
#include "session/login_state.h"

#include <stdlib.h>
#include <http_log.h>
#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "config/config.h"
#include "core/text.h"
#include "session/cookies.h"

APLOG_USE_MODULE(auth_scalekit);

#define COOKIE_PREFIX "sk_login_"
#define HOST_PREFIX "__Host-"

enum {
    SEED = 32,
    HEAD = SEED + 8, /* and the time, most significant byte first */
    REFERENCE = 8
};

/* ---- what is derived ---- */

static const char *derive(request_rec *r, const unsigned char *seed, const char *label)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    if (!HMAC(EVP_sha256(), seed, SEED, (const unsigned char *)label, strlen(label), digest,
              &length)) {
        return NULL;
    }
    return sk_text_base64url(r->pool, digest, length);
}

const char *sk_attempt_reference(request_rec *r, const char *state)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned int length = 0;

    EVP_Digest(state, strlen(state), digest, &length, EVP_sha256(), NULL);
    return sk_text_hex(r->pool, digest, REFERENCE / 2);
}

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

static sk_attempt *make(request_rec *r, const unsigned char *seed, apr_time_t started,
                        const char *target)
{
    sk_attempt *attempt = apr_palloc(r->pool, sizeof(*attempt));

    attempt->state = derive(r, seed, "state");
    attempt->nonce = derive(r, seed, "nonce");
    attempt->verifier = derive(r, seed, "verifier");
    if (!attempt->state || !attempt->nonce || !attempt->verifier) {
        return NULL;
    }
    attempt->target = target;
    attempt->started = started;
    attempt->reference = sk_attempt_reference(r, attempt->state);
    return attempt;
}

/* ---- sealed in a cookie ---- */

static const char *seal_attempt(request_rec *r, const unsigned char *seed, apr_time_t started,
                                const char *target)
{
    size_t length = HEAD + strlen(target);
    unsigned char *bytes = apr_palloc(r->pool, length);
    int i;

    memcpy(bytes, seed, SEED);
    for (i = 0; i < 8; i++) {
        bytes[SEED + i] = (unsigned char)(started >> (56 - 8 * i) & 0xff);
    }
    memcpy(bytes + HEAD, target, strlen(target));
    return sk_seal(r->pool, sk_settings_of(r->server)->login_sealer, bytes, length);
}

static const sk_attempt *open_attempt(request_rec *r, const char *value)
{
    size_t length;
    unsigned char *bytes =
        sk_unseal(r->pool, sk_settings_of(r->server)->login_sealer, value, &length);
    apr_time_t started = 0;
    int i;

    if (!bytes || length < HEAD) {
        return NULL;
    }
    for (i = 0; i < 8; i++) {
        started = started << 8 | bytes[SEED + i];
    }
    return make(r, bytes, started, (const char *)bytes + HEAD);
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

/* Deletes what is expired, or more than there may be beside a new one of this size. */
static void make_room(request_rec *r, size_t size, bool secure)
{
    const apr_array_header_t *cookies = sk_cookies_read(r);
    apr_array_header_t *all = apr_array_make(r->pool, 8, sizeof(held));
    int i, kept = 1;

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
    for (i = 0; i < all->nelts; i++) {
        const held *one = &APR_ARRAY_IDX(all, i, held);
        size += one->size;
        if (one->is_over || ++kept > SK_ATTEMPTS_MAX || size > SK_ATTEMPTS_BYTES) {
            sk_cookies_send(r, one->name, "", 0, secure);
        }
    }
}

const sk_attempt *sk_attempt_start(request_rec *r, const char *target, bool secure)
{
    unsigned char seed[SEED];
    const sk_attempt *attempt;
    const char *sealed, *name;

    if (apr_generate_random_bytes(seed, SEED) != APR_SUCCESS
        || !(attempt = make(r, seed, r->request_time, target))
        || !(sealed = seal_attempt(r, seed, r->request_time, target))) {
        return NULL;
    }
    name = cookie_name(r, attempt->reference, secure);
    make_room(r, strlen(name) + strlen(sealed) + 3, secure);
    sk_cookies_send(r, name, sealed, SK_ATTEMPT_LIFE, secure);
    return attempt;
}

static const char *find_cookie(request_rec *r, const char *name)
{
    const apr_array_header_t *cookies = sk_cookies_read(r);
    int i;

    for (i = 0; i < cookies->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(cookies, i, sk_cookie).name, name) == 0) {
            return APR_ARRAY_IDX(cookies, i, sk_cookie).value;
        }
    }
    return NULL;
}

sk_attempt_found sk_attempt_take(request_rec *r, const char *state, bool secure,
                                 const sk_attempt **attempt)
{
    const char *name = cookie_name(r, sk_attempt_reference(r, state), secure);
    const char *value = find_cookie(r, name);

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
