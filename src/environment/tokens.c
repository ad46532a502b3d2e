/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/tokens.h"

#include <string.h>
#include <apr_strings.h>
#include <openssl/crypto.h>

#include "core/json.h"
#include "core/text.h"

/* Tokens that were verified, with what they say. */
typedef struct verified {
    sk_token_set tokens;
    sk_jwt access;
    sk_jwt id; /* claims are NULL where there is no ID token */
} verified;

static apr_time_t seconds_now(void)
{
    return apr_time_sec(apr_time_now());
}

static sk_jwt_rules rules_for(const sk_settings *settings, sk_jwt_kind kind)
{
    sk_jwt_rules rules = {0};

    rules.kind = kind;
    rules.issuer = settings->issuer;
    rules.client_id = settings->client_id;
    rules.audience = kind == SK_JWT_ID ? settings->client_id : settings->audience;
    rules.now = seconds_now();
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

static bool speaks_of(const sk_jwt *jwt, const char *sub)
{
    return sk_text_equal(sk_json_text(sk_json_member(jwt->claims, "sub")), sub);
}

/* `nonce` is the login's; NULL for tokens of a refresh. */
static const char *check_tokens(const sk_call *call, const sk_tokens *with, const char *nonce,
                                verified *v)
{
    sk_jwt_rules rules = rules_for(with->settings, SK_JWT_ACCESS);
    const char *wrong =
        check_token(call, with->keys, v->tokens.access_token, &rules, &v->access);

    v->id.claims = NULL;
    if (wrong || !v->tokens.id_token) {
        return wrong;
    }
    rules = rules_for(with->settings, SK_JWT_ID);
    rules.nonce = nonce;
    rules.is_refreshed = !nonce;
    rules.access_token = v->tokens.access_token;
    wrong = check_token(call, with->keys, v->tokens.id_token, &rules, &v->id);
    if (!wrong && !speaks_of(&v->access, sk_json_text(sk_json_member(v->id.claims, "sub")))) {
        wrong = "the ID token and the access token speak of different users";
    }
    return wrong;
}

/* sk_http_judge() must follow. */
static const char *ask_for_tokens(const sk_call *call, sk_http *http, char *form,
                                  sk_http_answer *answer, sk_token_set *tokens)
{
    const char *wrong;

    *answer = sk_http_ask(call, http, "/oauth/token", form);
    wrong = answer->failure;
    OPENSSL_cleanse(form, strlen(form));
    memset(tokens, 0, sizeof(*tokens));
    if (!wrong) {
        wrong = sk_oauth_read_tokens(call->pool, answer->status, answer->body, answer->length,
                                     tokens);
    }
    return !wrong || wrong == sk_http_resting
               ? wrong
               : apr_pstrcat(call->pool, "Scalekit's token endpoint: ", wrong, NULL);
}

/* Early enough that nobody has to wait, but not in the first half of a token's life. */
static apr_time_t refresh_time(const sk_settings *settings, apr_time_t expiry)
{
    apr_time_t life = expiry - seconds_now(), buffer = apr_time_sec(settings->refresh_buffer);

    return expiry - (buffer < life / 2 ? buffer : life / 2);
}

/*
 * By a clock that is ahead of Scalekit's a token of a short life is over when it comes. The checks allow for that, within
 * ScalekitClockSkew: then it lives on for as long as it was made for, at most until it would not be accepted any more.
 */
static apr_time_t expiry_here(const sk_call *call, const sk_settings *settings,
                              const sk_jwt *token)
{
    apr_time_t now = seconds_now(), expiry = sk_jwt_expiry(token);
    apr_time_t life = expiry - sk_jwt_issued(token),
               left = expiry + apr_time_sec(settings->clock_skew) - now;

    if (expiry > now) {
        return expiry;
    }
    sk_call_log(call, SK_LEVEL_WARNING,
                "a new access token expired %" APR_TIME_T_FMT
                " seconds ago: set this machine's clock (NTP)",
                now - expiry);
    return now + (life < left ? life : left);
}

/* Takes over what is new. */
static const char *fill(const sk_call *call, const sk_settings *settings, const verified *v,
                        sk_record *record)
{
    const sk_identity old = record->identity;

    sk_claims_collect(call->pool, v->id.claims, v->access.claims, &old, &record->identity);
    if (!record->identity.sub) {
        return "the user's sub is too long";
    }
    record->clock_ahead =
        sk_jwt_issued(&v->access) ? seconds_now() - sk_jwt_issued(&v->access) : 0;
    record->access_expiry = expiry_here(call, settings, &v->access);
    record->refresh_at = refresh_time(settings, record->access_expiry);
    if (v->tokens.refresh_token) {
        record->refresh_token = sk_token_pack(call->pool, v->tokens.refresh_token);
    }
    if (v->tokens.id_token && !record->sheds_id_token) {
        record->id_token = sk_token_pack(call->pool, v->tokens.id_token);
    }
    if (settings->keeps_access_token && !record->sheds_access_token) {
        record->access_token = sk_token_pack(call->pool, v->tokens.access_token);
    }
    return NULL;
}

/* A visitor sends the code: that Scalekit refuses it, or that its tokens are not of this login, is no sign of a failure. */
static bool is_well(const sk_http_answer *answer, const char *wrong)
{
    return !wrong || answer->is_too_large
           || (answer->status >= 400 && answer->status < 500 && answer->status != 429);
}

/* ---- errands: what is to last is made in the caller's pool ---- */

typedef struct exchange {
    const sk_call *caller;
    const sk_tokens *with;
    const sk_code *code;
    sk_record *record;
} exchange;

static const char *run_exchange(const sk_call *call, void *baton)
{
    const exchange *e = baton;
    const sk_tokens *with = e->with;
    char *form = sk_oauth_code_body(call->pool, with->settings, e->code->code,
                                    e->code->redirect_uri, e->code->verifier);
    sk_http_answer answer;
    verified v;
    const char *wrong = ask_for_tokens(call, with->http, form, &answer, &v.tokens);

    sk_http_judge(call, with->http, &answer, is_well(&answer, wrong));
    if (!wrong && !v.tokens.id_token) {
        wrong = "Scalekit's answer holds no id_token: is openid among the ScalekitScopes?";
    }
    if (!wrong) {
        wrong = check_tokens(call, with, e->code->nonce, &v);
    }
    return wrong ? wrong : fill(e->caller, with->settings, &v, e->record);
}

const char *sk_tokens_exchange(const sk_call *call, const sk_tokens *tokens,
                               const sk_code *code, sk_record *record)
{
    exchange e = {call, tokens, code, record};

    return sk_errands_run(tokens->errands, call, run_exchange, &e);
}

static bool differ(const char *one, const char *other)
{
    return one && other && strcmp(one, other) != 0;
}

/* Does the record speak of whom it spoke before? */
static bool is_same(const sk_identity *one, const sk_identity *other)
{
    return strcmp(one->sub, other->sub) == 0 && !differ(one->sid, other->sid)
           && !differ(one->oid, other->oid);
}

typedef struct renewal {
    const sk_call *caller;
    const sk_tokens *with;
    const sk_record *record;
    sk_record *newer;
    bool has_ended;
} renewal;

static const char *take_refreshed(const sk_call *call, renewal *e, verified *v)
{
    const sk_record *record = e->record;
    sk_record *newer = e->newer, filled;
    const char *wrong;

    if ((wrong = check_tokens(call, e->with, NULL, v))) {
        return wrong;
    }
    filled = *newer;
    if ((wrong = fill(e->caller, e->with->settings, v, &filled))) {
        return wrong;
    }
    /* What is kept of an ID token from before says nothing of whom the new access token is. */
    if (!is_same(&filled.identity, &record->identity)
        || !speaks_of(&v->access, record->identity.sub)) {
        e->has_ended = true; /* whoever's session that is, it is not this visitor's */
        return "the refreshed tokens speak of another user, session or organization";
    }
    *newer = filled;
    return NULL;
}

static const char *run_renewal(const sk_call *call, void *baton)
{
    renewal *e = baton;
    sk_http *http = e->with->http;
    sk_record *newer = e->newer;
    const char *refresh_token = sk_token_text(call->pool, &e->record->refresh_token);
    char *form = sk_oauth_refresh_body(call->pool, e->with->settings, refresh_token);
    sk_http_answer answer;
    verified v;
    const char *wrong = ask_for_tokens(call, http, form, &answer, &v.tokens);

    *newer = *e->record;
    /* The old one is used up, whatever becomes of the tokens beside it; the new one is worth nothing until some pass. */
    if (v.tokens.refresh_token) {
        newer->refresh_token = sk_token_pack(e->caller->pool, v.tokens.refresh_token);
        newer->refresh_at = 0;
    }
    e->has_ended = v.tokens.is_invalid_grant;
    if (e->has_ended) {
        wrong = "Scalekit refuses its refresh token (invalid_grant), because the session was "
                "ended there or because the answer to an earlier refresh was lost";
    }
    else if (!wrong) {
        sk_call checks = *call;
        checks.is_let_through = true;
        wrong = take_refreshed(&checks, e, &v);
    }
    sk_http_judge(call, http, &answer, !wrong || e->has_ended || answer.is_too_large);
    return wrong;
}

const char *sk_tokens_refresh(const sk_call *call, const sk_tokens *tokens,
                              const sk_record *record, sk_record *newer, bool *has_ended)
{
    renewal e = {call, tokens, record, newer, false};
    const char *wrong = sk_errands_run(tokens->errands, call, run_renewal, &e);

    *has_ended = e.has_ended;
    return wrong;
}
