/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth.h"

#include "support.h"

static const sk_settings settings = {
    .env_url = "https://acme.scalekit.com",
    .client_id = "skc_58300000000000001",
    .client_secret = "test_s3cr&t=+/% \xc3\xbc",
    .scopes = "openid profile email offline_access",
};

#define AUTHORIZE                                                                              \
    "https://acme.scalekit.com/oauth/authorize?response_type=code"                             \
    "&client_id=skc_58300000000000001"                                                         \
    "&redirect_uri=https%3A%2F%2Fapp.example%2Fauth%2Fcallback"                                \
    "&scope=openid%20profile%20email%20offline_access"                                         \
    "&state=the-state&nonce=the-nonce&code_challenge=the-challenge&code_challenge_method=S256"

static void the_authorize_url_has_every_parameter(void **state)
{
    static const struct {
        sk_login_hints hints;
        const char *url;
    } rows[] = {
        {{0}, AUTHORIZE},
        {{.organization_id = "org_1"}, AUTHORIZE "&organization_id=org_1"},
        {{.connection_id = "conn_1"}, AUTHORIZE "&connection_id=conn_1"},
        {{.login_hint = "jo+x@acme.test"}, AUTHORIZE "&login_hint=jo%2Bx%40acme.test"},
        {{.domain_hint = "acme.test"}, AUTHORIZE "&domain_hint=acme.test&domain=acme.test"},
        {{.provider = "google"}, AUTHORIZE "&provider=google"},
        {{.prompt = "select_account"}, AUTHORIZE "&prompt=select_account"},
        {{"", "", "", "", "", ""}, AUTHORIZE},
        {{"o", "c", "l", "d", "p", "r"},
         AUTHORIZE "&organization_id=o&connection_id=c&login_hint=l&domain_hint=d&domain=d"
                   "&provider=p&prompt=r"},
        {{.prompt = "login&client_id=evil#x"},
         AUTHORIZE "&prompt=login%26client_id%3Devil%23x"},
        {{.login_hint = "a\r\nSet-Cookie: x"},
         AUTHORIZE "&login_hint=a%0D%0ASet-Cookie%3A%20x"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_authorize request = {"https://app.example/auth/callback", "the-state", "the-nonce",
                                "the-challenge", rows[i].hints};
        support_expect_text("url", sk_oauth_authorize_url(*state, &settings, &request),
                            rows[i].url);
    }
}

static void the_logout_url_does_with_what_there_is(void **state)
{
#define LOGOUT "https://acme.scalekit.com/oidc/logout"
    static const struct {
        const char *id_token, *post_logout, *url;
    } rows[] = {
        {"a.b-_.c", "https://app.example/",
         LOGOUT "?id_token_hint=a.b-_.c&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F"},
        {NULL, "https://app.example/bye?x=1&y",
         LOGOUT "?client_id=skc_58300000000000001"
                "&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Fx%3D1%26y"},
        {"a.b.c", NULL, LOGOUT "?id_token_hint=a.b.c"},
        {NULL, NULL, LOGOUT "?client_id=skc_58300000000000001"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text(
            "url",
            sk_oauth_logout_url(*state, &settings, rows[i].id_token, rows[i].post_logout),
            rows[i].url);
    }
}

static void hints_are_what_scalekit_could_take(void **state)
{
    const char *long_word = support_repeat(*state, 'x', 129);
    const struct {
        const char *name, *value;
        bool is_hint;
    } rows[] = {
        {"organization_id", "org_17500000000000001", true},
        {"organization_id", long_word + 1, true},
        {"organization_id", long_word, false},
        {"organization_id", "", false},
        {"organization_id", "org 1", false},
        {"connection_id", "conn_1", true},
        {"connection_id", "conn_1\n", false},
        {"domain_hint", "acme.test", true},
        {"domain_hint", "a@acme.test", false},
        {"login_hint", "o'neil+x@acme.test", true},
        {"login_hint", "J\xc3\xbcrgen", true},
        {"login_hint", "\xc3", false},
        {"login_hint", "a\rb", false},
        {"login_hint", support_repeat(*state, 'x', 257), false},
        {"provider", "google", true},
        {"provider", "my-own_2", true},
        {"provider", "a.b", false},
        {"prompt", "login", true},
        {"prompt", "create", true},
        {"prompt", "select_account", true},
        {"prompt", "consent", true},
        {"prompt", "none", true},
        {"prompt", "Login", false},
        {"prompt", "login consent", false},
        {"prompt", "", false},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect(sk_oauth_is_hint(rows[i].name, rows[i].value) == rows[i].is_hint,
                       "%s=%s", rows[i].name, rows[i].value);
    }
}

/* RFC 7636 appendix B */
static void the_challenge_is_that_of_the_rfc(void **state)
{
    assert_string_equal(
        sk_oauth_challenge(*state, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void a_code_is_exchanged_with_the_secret_in_the_body(void **state)
{
    assert_string_equal(
        sk_oauth_code_body(*state, &settings, "co/de+1&x", "https://app.example/auth/callback",
                           "ver-i_f.i~er"),
        "grant_type=authorization_code&code=co%2Fde%2B1%26x"
        "&redirect_uri=https%3A%2F%2Fapp.example%2Fauth%2Fcallback&code_verifier=ver-i_f.i~er"
        "&client_id=skc_58300000000000001"
        "&client_secret=test_s3cr%26t%3D%2B%2F%25%20%C3%BC");
}

static const char *read_tokens(apr_pool_t *pool, int status, const char *body,
                               sk_token_set *tokens)
{
    memset(tokens, 0x5a, sizeof(*tokens));
    return sk_oauth_read_tokens(pool, status, support_copy(pool, body, strlen(body)),
                                strlen(body), tokens);
}

static void token_answers_are_read(void **state)
{
    static const struct {
        const char *body, *access, *id, *refresh;
    } rows[] = {
        {"{\"access_token\":\"a\",\"id_token\":\"i\",\"refresh_token\":\"r\",\"expires_in\":"
         "299,"
         "\"token_type\":\"Bearer\",\"scope\":\"openid\"}",
         "a", "i", "r"},
        {"{\"access_token\":\"a\"}", "a", NULL, NULL},
        {"{\"access_token\":\"a\",\"id_token\":\"i\"}", "a", "i", NULL},
        {"{\"access_token\":\"a\",\"refresh_token\":\"r\"}", "a", NULL, "r"},
        {"{\"access_token\":\"a\",\"id_token\":\"\",\"refresh_token\":\"\"}", "a", NULL, NULL},
        {"{\"access_token\":\"a\",\"id_token\":null,\"refresh_token\":17}", "a", NULL, NULL},
        {"{\"access_token\":\"a\",\"id_token\":\"i\\u0000j\",\"refresh_token\":[\"r\"]}", "a",
         NULL, NULL},
        {" {\"access_token\":\"a\"}\r\n", "a", NULL, NULL},
        {"{\"access_token\":\"a\",\"error\":\"x\"}", "a", NULL, NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_token_set tokens;
        support_expect_verdict(rows[i].body, read_tokens(*state, 200, rows[i].body, &tokens),
                               NULL);
        support_expect_text(rows[i].body, tokens.access_token, rows[i].access);
        support_expect_text(rows[i].body, tokens.id_token, rows[i].id);
        support_expect_text(rows[i].body, tokens.refresh_token, rows[i].refresh);
    }
}

static void answers_without_tokens_are_refused(void **state)
{
    static const char *const no_access_token[] = {
        "{}",
        "{\"access_token\":null}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":17}",
        "{\"access_token\":\"a\\u0000b\"}",
        "{\"id_token\":\"i\",\"refresh_token\":\"r\"}",
        "{\"error\":\"invalid_grant\"}"};
    static const char *const not_json[] = {"",
                                           "<!DOCTYPE html><html>login here</html>",
                                           "[]",
                                           "\"a\"",
                                           "null",
                                           "17",
                                           "{\"access_token\":\"a\"",
                                           "{\"access_token\":\"a\"} x",
                                           "access_token=a&token_type=bearer"};
    sk_token_set tokens;
    size_t i;

    for (i = 0; i < COUNT(no_access_token); i++) {
        support_expect_verdict(no_access_token[i],
                               read_tokens(*state, 200, no_access_token[i], &tokens),
                               "no access_token");
    }
    for (i = 0; i < COUNT(not_json); i++) {
        support_expect_verdict(not_json[i], read_tokens(*state, 200, not_json[i], &tokens),
                               "not a JSON object");
        assert_null(tokens.access_token);
    }
}

static void errors_are_named_by_their_code_alone(void **state)
{
    const char *long_code = support_repeat(*state, 'e', 65);
    const struct {
        int status;
        const char *body, *verdict;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"secret detail\"}",
         "it answered 400 invalid_grant"},
        {401, "{\"error\":\"invalid_client\"}", "it answered 401 invalid_client"},
        {400, "{\"error\":\"\"}", "it answered 400"},
        {400, "{\"error\":null}", "it answered 400"},
        {400, "{\"error\":{\"code\":5}}", "it answered 400"},
        {400, "{\"error\":\"invalid_grant\\u0000x\"}", "it answered 400"},
        {400, "{}", "it answered 400"},
        {400, "[]", "it answered 400"},
        {404, "<html>not found</html>", "it answered 404"},
        {429, "{\"code\":8,\"message\":\"slow down\"}", "it answered 429"},
        {503, "", "it answered 503"},
        {302, "{\"access_token\":\"a\"}", "it answered 302"},
        {400, apr_psprintf(*state, "{\"error\":\"%s\"}", long_code), "it answered 400"},
        {400, apr_psprintf(*state, "{\"error\":\"%s\"}", long_code + 1),
         apr_psprintf(*state, "it answered 400 %s", long_code + 1)},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_token_set tokens;
        support_expect_text(rows[i].body,
                            read_tokens(*state, rows[i].status, rows[i].body, &tokens),
                            rows[i].verdict);
        support_expect(!tokens.access_token && !tokens.id_token && !tokens.refresh_token,
                       "%s: tokens", rows[i].body);
        support_expect(tokens.is_invalid_grant
                           == (strcmp(rows[i].verdict, "it answered 400 invalid_grant") == 0),
                       "%s: whether it is invalid_grant", rows[i].body);
    }
}

static void hostile_error_codes_do_not_reach_the_log(void **state)
{
    static const char *const codes[] = {
        "a\\r\\nforged line", "\\u001b[31mred", "a\\u0000b", "\\u2028",
        "J\xc3\xbcrgen",      "a\\u007f",       "\\t"};
    size_t i;

    for (i = 0; i < COUNT(codes); i++) {
        const char *body = apr_psprintf(*state, "{\"error\":\"%s\"}", codes[i]);
        sk_token_set tokens;
        support_expect_verdict(codes[i], read_tokens(*state, 400, body, &tokens),
                               "it answered 400");
    }
}

static void make_bodies(apr_pool_t *pool)
{
    assert_non_null(sk_oauth_code_body(pool, &settings, "made-up-code",
                                       "https://app.example/auth/callback",
                                       "made-up-verifier"));
    assert_non_null(sk_oauth_refresh_body(pool, &settings, "rt_made-up"));
}

static void read_answer(apr_pool_t *pool)
{
    static const char body[] =
        "{\"access_token\":\"made-up-access\",\"id_token\":\"made-up-id\","
        "\"refresh_token\":\"rt_made-up\"}";
    sk_token_set tokens;

    assert_null(sk_oauth_read_tokens(pool, 200, body, strlen(body), &tokens));
    assert_string_equal(tokens.refresh_token, "rt_made-up");
}

static void requests_and_tokens_are_overwritten_with_their_pool(void **state)
{
    static const char *const secrets[] = {"made-up", "test_s3cr", "client_secret="};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(secrets); i++) {
        support_expect(!support_leaves(make_bodies, secrets[i]), "%s of a request", secrets[i]);
        support_expect(!support_leaves(read_answer, secrets[i]), "%s of an answer", secrets[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_authorize_url_has_every_parameter),
        TEST(hints_are_what_scalekit_could_take),
        TEST(the_logout_url_does_with_what_there_is),
        TEST(the_challenge_is_that_of_the_rfc),
        TEST(a_code_is_exchanged_with_the_secret_in_the_body),
        TEST(token_answers_are_read),
        TEST(answers_without_tokens_are_refused),
        TEST(errors_are_named_by_their_code_alone),
        TEST(hostile_error_codes_do_not_reach_the_log),
        TEST(requests_and_tokens_are_overwritten_with_their_pool),
    };

    return RUN(tests);
}
