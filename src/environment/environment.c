/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/environment.h"

enum { IDP_REQUESTS_MAX = 1024 };

const char sk_environment_busy[] = "too many callers wait for Scalekit already";

sk_environment *sk_environment_create(apr_pool_t *pool, const sk_settings *settings,
                                      int calls_max)
{
    sk_environment *environment = apr_pcalloc(pool, sizeof(*environment));

    environment->settings = settings;
    environment->calls_max = calls_max;
    environment->http = sk_http_create(pool, settings);
    environment->keys = environment->http ? sk_keys_create(pool, environment->http) : NULL;
    environment->once = sk_once_create(pool, IDP_REQUESTS_MAX);
    return environment->keys && environment->once ? environment : NULL;
}

const char *sk_environment_login(const sk_call *call, sk_environment *environment,
                                 const sk_code *code, sk_grant *grant)
{
    const char *wrong = sk_environment_busy;

    if (__atomic_add_fetch(&environment->calls, 1, __ATOMIC_ACQ_REL)
        <= environment->calls_max) {
        wrong = sk_tokens_exchange(call, environment->settings, environment->http,
                                   environment->keys, code, grant);
    }
    __atomic_sub_fetch(&environment->calls, 1, __ATOMIC_ACQ_REL);
    return wrong;
}

const char *sk_environment_idp_initiated(const sk_call *call, sk_environment *environment,
                                         const char *token, sk_idp_request *request)
{
    const char *wrong = sk_environment_busy;

    if (__atomic_add_fetch(&environment->calls, 1, __ATOMIC_ACQ_REL)
        <= environment->calls_max) {
        wrong = sk_idp_check(call, environment->settings, environment->keys, environment->once,
                             token, request);
    }
    __atomic_sub_fetch(&environment->calls, 1, __ATOMIC_ACQ_REL);
    return wrong;
}
