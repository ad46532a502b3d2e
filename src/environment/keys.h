/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment's public keys: fetched from /keys when first needed, cached in this process, fetched again for a key
 * id that is not among them (keys rotate), but not more often than once a minute, however many tokens bring unknown ones.
 */
#ifndef SK_ENVIRONMENT_KEYS_H
#define SK_ENVIRONMENT_KEYS_H

#include "core/jwt.h"
#include "environment/call.h"
#include "environment/http.h"

typedef struct sk_keys sk_keys;

/** Makes an empty cache. The client must live as long as the pool. NULL if APR cannot make its locks. */
sk_keys *sk_keys_create(apr_pool_t *pool, sk_http *http);

/** Takes the token apart and verifies its signature. @return NULL, or what is wrong */
const char *sk_keys_verify(const sk_call *call, sk_keys *keys, const char *text, sk_jwt *jwt);

#endif
