/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth.h"

#include <string.h>
#include <apr_strings.h>
#include <json-c/json.h>
#include <openssl/evp.h>

#include "core/json.h"
#include "core/seal.h"
#include "core/text.h"
#include "core/url.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_word(const char *value, const char *characters, size_t most)
{
    size_t length = strlen(value);

    return length > 0 && length <= most && strspn(value, characters) == length;
}

static bool is_prompt(const char *value)
{
    static const char *const prompts[] = {"login",   "create", "select_account",
                                          "consent", "none",   NULL};
    const char *const *prompt;

    for (prompt = prompts; *prompt && strcmp(*prompt, value) != 0; prompt++) {
    }
    return *prompt != NULL;
}

bool sk_oauth_is_hint(const char *name, const char *value)
{
    if (strcmp(name, "prompt") == 0) {
        return is_prompt(value);
    }
    if (strcmp(name, "provider") == 0) {
        return is_word(value, ALPHANUMERIC "_-", 64);
    }
    if (strcmp(name, "domain_hint") == 0) {
        return is_word(value, ALPHANUMERIC ".-", 253);
    }
    if (strcmp(name, "login_hint") == 0) {
        return *value && strlen(value) <= 256 && sk_text_is_clean(value);
    }
    return is_word(value, ALPHANUMERIC "_-.:", 128);
}

const char *sk_oauth_authorize_url(apr_pool_t *pool, const sk_settings *settings,
                                   const sk_authorize *request)
{
    const sk_login_hints *hints = &request->hints;
    const char *url =
        apr_pstrcat(pool, settings->env_url, "/oauth/authorize?response_type=code", NULL);

    url = sk_url_query_add(pool, url, "client_id", settings->client_id);
    url = sk_url_query_add(pool, url, "redirect_uri", request->redirect_uri);
    url = sk_url_query_add(pool, url, "scope", settings->scopes);
    url = sk_url_query_add(pool, url, "state", request->state);
    url = sk_url_query_add(pool, url, "nonce", request->nonce);
    url = sk_url_query_add(pool, url, "code_challenge", request->code_challenge);
    url = sk_url_query_add(pool, url, "code_challenge_method", "S256");
    url = sk_url_query_add(pool, url, "organization_id", hints->organization_id);
    url = sk_url_query_add(pool, url, "connection_id", hints->connection_id);
    url = sk_url_query_add(pool, url, "login_hint", hints->login_hint);
    /* The SDKs send domain_hint, the documentation knows domain. */
    url = sk_url_query_add(pool, url, "domain_hint", hints->domain_hint);
    url = sk_url_query_add(pool, url, "domain", hints->domain_hint);
    url = sk_url_query_add(pool, url, "provider", hints->provider);
    return sk_url_query_add(pool, url, "prompt", hints->prompt);
}

const char *sk_oauth_logout_url(apr_pool_t *pool, const sk_settings *settings,
                                const char *id_token, const char *post_logout_redirect_uri)
{
    const char *url = apr_pstrcat(pool, settings->env_url, "/oidc/logout", NULL);

    url = sk_url_query_add(pool, url, "id_token_hint", id_token);
    /* Without the hint only this says whose post_logout_redirect_uri it is (OIDC RP-Initiated Logout section 2). */
    url = sk_url_query_add(pool, url, "client_id", id_token ? NULL : settings->client_id);
    return sk_url_query_add(pool, url, "post_logout_redirect_uri", post_logout_redirect_uri);
}

const char *sk_oauth_challenge(apr_pool_t *pool, const char *verifier)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;

    if (EVP_Digest(verifier, strlen(verifier), digest, &length, EVP_sha256(), NULL) != 1) {
        return NULL;
    }
    return sk_text_base64url(pool, digest, length);
}

/* The secret last, so that few copies in memory hold it. */
static char *with_client(apr_pool_t *pool, const sk_settings *settings, const char *body)
{
    body = sk_url_form_add(pool, body, "client_id", settings->client_id);
    return (char *)(size_t)sk_url_form_add(pool, body, "client_secret",
                                           settings->client_secret);
}

char *sk_oauth_code_body(apr_pool_t *pool, const sk_settings *settings, const char *code,
                         const char *redirect_uri, const char *verifier)
{
    const char *body = "grant_type=authorization_code";

    body = sk_url_form_add(pool, body, "code", code);
    body = sk_url_form_add(pool, body, "redirect_uri", redirect_uri);
    body = sk_url_form_add(pool, body, "code_verifier", verifier);
    return with_client(pool, settings, body);
}

char *sk_oauth_refresh_body(apr_pool_t *pool, const sk_settings *settings,
                            const char *refresh_token)
{
    const char *body =
        sk_url_form_add(pool, "grant_type=refresh_token", "refresh_token", refresh_token);

    return with_client(pool, settings, body);
}

static const char *text_member(apr_pool_t *pool, json_object *object, const char *name)
{
    const char *text = sk_json_text(sk_json_member(object, name));

    return text && *text ? apr_pstrdup(pool, text) : NULL;
}

static const char *token_member(apr_pool_t *pool, json_object *object, const char *name)
{
    const char *token = text_member(pool, object, name);

    if (token) {
        sk_cleanse_with_pool(pool, (char *)(size_t)token);
    }
    return token;
}

/* RFC 6749 section 5.2 names the characters of an error code; others make it no code. */
static const char *error_member(apr_pool_t *pool, json_object *answer)
{
    const char *error = text_member(pool, answer, "error");

    return error && strlen(error) <= 64 ? sk_text_printable(pool, error, 64) : NULL;
}

const char *sk_oauth_read_tokens(apr_pool_t *pool, int status, const char *body, size_t length,
                                 sk_token_set *tokens)
{
    json_object *answer = sk_json_parse(pool, body, length);
    const char *error;

    memset(tokens, 0, sizeof(*tokens));
    if (status != 200) {
        error = error_member(pool, answer);
        /* RFC 6749 section 5.2 says 400; what counts is the word. */
        tokens->is_invalid_grant = (status == 400 || status == 401 || status == 403)
                                   && sk_text_equal(error, "invalid_grant");
        return error ? apr_psprintf(pool, "it answered %d %s", status, error)
                     : apr_psprintf(pool, "it answered %d", status);
    }
    if (!answer) {
        return "it answered 200 with something that is not a JSON object";
    }
    tokens->access_token = token_member(pool, answer, "access_token");
    tokens->id_token = token_member(pool, answer, "id_token");
    tokens->refresh_token = token_member(pool, answer, "refresh_token");
    return tokens->access_token ? NULL : "its answer holds no access_token";
}
