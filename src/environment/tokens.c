/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/tokens.h"

#include <string.h>
#include <apr_strings.h>
#include <openssl/crypto.h>

#include "core/json.h"
#include "core/text.h"

static sk_jwt_rules rules_for(const sk_settings *settings, sk_jwt_kind kind)
{
    sk_jwt_rules rules = {0};

    rules.kind = kind;
    rules.issuer = settings->issuer;
    rules.client_id = settings->client_id;
    rules.audience = kind == SK_JWT_ID ? settings->client_id : settings->audience;
    rules.now = apr_time_sec(apr_time_now());
    rules.skew = apr_time_sec(settings->clock_skew);
    return rules;
}

static const char *check_token(const sk_call *call, sk_keys *keys, const char *text,
                               const sk_jwt_rules *rules, sk_jwt *jwt)
{
    const char *wrong = sk_keys_verify(call, keys, text, jwt);

    if (!wrong) {
        wrong = sk_jwt_check(call->pool, jwt, rules);
    }
    if (wrong) {
        wrong = apr_pstrcat(call->pool,
                            rules->kind == SK_JWT_ID ? "the ID token" : "the access token",
                            " is refused: ", wrong, NULL);
    }
    return wrong;
}

static const char *check_grant(const sk_call *call, const sk_settings *settings, sk_keys *keys,
                               const char *nonce, sk_grant *grant)
{
    sk_jwt_rules id_rules = rules_for(settings, SK_JWT_ID);
    sk_jwt_rules access_rules = rules_for(settings, SK_JWT_ACCESS);
    sk_jwt id, access;
    const char *wrong;

    if (!grant->tokens.id_token) {
        return "Scalekit's answer holds no id_token: is openid among the ScalekitScopes?";
    }
    id_rules.nonce = nonce;
    id_rules.access_token = grant->tokens.access_token;
    if ((wrong = check_token(call, keys, grant->tokens.access_token, &access_rules, &access))
        || (wrong = check_token(call, keys, grant->tokens.id_token, &id_rules, &id))) {
        return wrong;
    }
    if (!sk_text_equal(sk_json_text(sk_json_member(id.claims, "sub")),
                       sk_json_text(sk_json_member(access.claims, "sub")))) {
        return "the ID token and the access token speak of different users";
    }
    sk_claims_collect(call->pool, id.claims, access.claims, &grant->identity);
    if (!grant->identity.sub) {
        return "the user's sub is too long";
    }
    grant->access_expiry = sk_jwt_expiry(&access);
    return NULL;
}

static const char *ask_for_tokens(const sk_call *call, sk_http *http, char *form,
                                  sk_token_set *tokens)
{
    sk_http_answer answer = sk_http_ask(call, http, "/oauth/token", form);
    const char *wrong = answer.failure;

    OPENSSL_cleanse(form, strlen(form));
    if (!wrong) {
        wrong =
            sk_oauth_read_tokens(call->pool, answer.status, answer.body, answer.length, tokens);
    }
    return wrong ? apr_pstrcat(call->pool, "Scalekit's token endpoint: ", wrong, NULL) : NULL;
}

const char *sk_tokens_exchange(const sk_call *call, const sk_settings *settings, sk_http *http,
                               sk_keys *keys, const sk_code *code, sk_grant *grant)
{
    char *form = sk_oauth_code_body(call->pool, settings, code->code, code->redirect_uri,
                                    code->verifier);
    const char *wrong = ask_for_tokens(call, http, form, &grant->tokens);

    return wrong ? wrong : check_grant(call, settings, keys, code->nonce, grant);
}
