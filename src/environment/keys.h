/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment's public keys: fetched from /keys when first needed, shared by all processes of the server, fetched
 * again for a key id that is not among them (keys rotate), but not more often than once a minute in the whole server,
 * however many tokens bring unknown ones.
 */
#ifndef SK_ENVIRONMENT_KEYS_H
#define SK_ENVIRONMENT_KEYS_H

#include "core/jwt.h"
#include "environment/cache.h"
#include "environment/call.h"
#include "environment/http.h"

typedef struct sk_keys sk_keys;

/** Knows no keys yet. Client and cache must live as long as the pool. NULL if APR cannot make its locks. */
sk_keys *sk_keys_create(apr_pool_t *pool, sk_http *http, const sk_cache *cache);

/** What sk_keys_verify() returns, this very pointer, when nothing can be verified just now. */
extern const char sk_keys_missing[];

/** Takes the token apart and verifies its signature. @return NULL, or what is wrong */
const char *sk_keys_verify(const sk_call *call, sk_keys *keys, const char *text, sk_jwt *jwt);

#endif
