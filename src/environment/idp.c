/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/idp.h"

#include <apr_strings.h>

#include "core/json.h"

static const char *text_of(apr_pool_t *pool, const sk_jwt *jwt, const char *name)
{
    const char *text = sk_json_text(sk_json_member(jwt->claims, name));

    return text && *text ? apr_pstrdup(pool, text) : NULL;
}

/* A token is as good as used once it was accepted, whatever becomes of the login. */
static const char *use_up(const sk_call *call, const sk_settings *settings,
                          const sk_cache *cache, const char *token)
{
    apr_time_t life = apr_time_from_sec(SK_JWT_IDP_LIFE) + 2 * settings->clock_skew;

    return sk_cache_use_up(call, cache, "idp request", token, life);
}

const char *sk_idp_check(const sk_call *call, const sk_settings *settings, sk_keys *keys,
                         const sk_cache *cache, const char *token, sk_idp_request *request)
{
    sk_jwt_rules rules = {0};
    sk_jwt jwt;
    const char *wrong = sk_keys_verify(call, keys, token, &jwt);

    rules.kind = SK_JWT_IDP;
    rules.issuer = settings->issuer;
    rules.audience = rules.client_id = settings->client_id;
    rules.now = apr_time_sec(apr_time_now());
    rules.skew = apr_time_sec(settings->clock_skew);
    if (wrong == sk_keys_missing) {
        return wrong;
    }
    if (wrong || (wrong = sk_jwt_check(call->pool, &jwt, &rules))
        || (wrong = use_up(call, settings, cache, token))) {
        return apr_pstrcat(call->pool, "the IdP-initiated request is refused: ", wrong, NULL);
    }
    request->organization_id = text_of(call->pool, &jwt, "organization_id");
    request->connection_id = text_of(call->pool, &jwt, "connection_id");
    request->login_hint = text_of(call->pool, &jwt, "login_hint");
    request->relay_state = text_of(call->pool, &jwt, "relay_state");
    return NULL;
}
