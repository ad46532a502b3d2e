/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/logout_token.h"

#include <apr_strings.h>

#include "core/json.h"
#include "core/text.h"

static const char *verify(const sk_call *call, const sk_settings *settings, sk_keys *keys,
                          const char *token, sk_jwt *jwt)
{
    sk_jwt_rules rules = {0};
    const char *wrong = sk_keys_verify(call, keys, token, jwt);

    rules.kind = SK_JWT_LOGOUT;
    rules.issuer = settings->issuer;
    rules.audience = rules.client_id = settings->client_id;
    rules.now = apr_time_sec(apr_time_now());
    rules.skew = apr_time_sec(settings->clock_skew);
    return wrong ? wrong : sk_jwt_check(call->pool, jwt, &rules);
}

/* Who sends a token again must not end what began since. */
static const char *use_up(const sk_call *call, const sk_settings *settings,
                          const sk_cache *cache, const sk_jwt *jwt)
{
    apr_time_t life = apr_time_from_sec(SK_JWT_LOGOUT_LIFE) + 2 * settings->clock_skew;
    const char *jti = sk_json_text(sk_json_member(jwt->claims, "jti"));

    return sk_cache_use_up(call, cache, "logout token", jti, life);
}

/* What began until the token was made, give or take ScalekitClockSkew: if it comes late, not what began until now. */
static apr_time_t end_of(const sk_settings *settings, const sk_jwt *jwt)
{
    apr_time_t now = apr_time_sec(apr_time_now());
    apr_time_t made = sk_jwt_issued(jwt) + apr_time_sec(settings->clock_skew);

    return made < now ? made : now;
}

const char *sk_logout_token_take(const sk_call *call, const sk_settings *settings,
                                 sk_keys *keys, const sk_cache *cache,
                                 const sk_revoked *revoked, const char *token)
{
    sk_jwt jwt;
    const char *wrong = verify(call, settings, keys, token, &jwt), *sid, *sub;

    sid = wrong ? NULL : sk_json_text(sk_json_member(jwt.claims, "sid"));
    sub = wrong ? NULL : sk_json_text(sk_json_member(jwt.claims, "sub"));
    /* Before it counts as used: a death in between would lose it. To end a session of Scalekit's twice does no harm. */
    if (sid) {
        sk_revoked_bar(call, revoked, SK_REVOKED_SID, sid, end_of(settings, &jwt));
    }
    if (wrong == sk_keys_missing) {
        return wrong;
    }
    if (wrong || (wrong = use_up(call, settings, cache, &jwt))) {
        return apr_pstrcat(call->pool, "the logout token is refused: ", wrong, NULL);
    }
    /* With a sid, those that were never told theirs: it may be one of them. */
    if (sub) {
        sk_revoked_bar(call, revoked, sid ? SK_REVOKED_SUB_SIDLESS : SK_REVOKED_SUB, sub,
                       end_of(settings, &jwt));
    }
    sk_call_log(call, SK_LEVEL_INFO, "Scalekit has ended %s %s",
                sid ? "the session" : "all sessions of user",
                sk_text_printable(call->pool, sid ? sid : sub, 80));
    return NULL;
}
