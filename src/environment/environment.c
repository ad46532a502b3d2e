/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/environment.h"

sk_environment *sk_environment_create(apr_pool_t *pool, const sk_settings *settings)
{
    sk_environment *environment = apr_pcalloc(pool, sizeof(*environment));

    environment->settings = settings;
    environment->http = sk_http_create(pool, settings);
    environment->keys = environment->http ? sk_keys_create(pool, environment->http) : NULL;
    return environment->keys ? environment : NULL;
}

const char *sk_environment_login(const sk_call *call, sk_environment *environment,
                                 const sk_code *code, sk_grant *grant)
{
    return sk_tokens_exchange(call, environment->settings, environment->http, environment->keys,
                              code, grant);
}
