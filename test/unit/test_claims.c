/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims.h"

#include <json-c/json.h>

#include "support.h"

static apr_status_t release(void *value)
{
    json_object_put(value);
    return APR_SUCCESS;
}

static json_object *parse(apr_pool_t *pool, const char *json)
{
    json_object *value = json ? json_tokener_parse(json) : NULL;

    if (json) {
        assert_non_null(value);
        apr_pool_cleanup_register(pool, value, release, apr_pool_cleanup_null);
    }
    return value;
}

static sk_identity collect(apr_pool_t *pool, const char *id, const char *access)
{
    sk_identity identity;

    memset(&identity, 0x5a, sizeof(identity));
    sk_claims_collect(pool, parse(pool, id), parse(pool, access), NULL, &identity);
    return identity;
}

static sk_identity refresh(apr_pool_t *pool, const sk_identity *old, const char *access)
{
    sk_identity identity;

    memset(&identity, 0x5a, sizeof(identity));
    sk_claims_collect(pool, NULL, parse(pool, access), old, &identity);
    return identity;
}

/* The examples of Scalekit's documentation, with other numbers. */
static const char id_claims[] =
    "{\"amr\":[\"conn_17\"],\"at_hash\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"aud\":[\"skc_1\"],"
    "\"azp\":\"skc_1\",\"c_hash\":\"BBBBBBBBBBBBBBBBBBBBBB\",\"client_id\":\"skc_1\","
    "\"email\":\"jo@acme.test\",\"email_verified\":true,\"exp\":1758266747,"
    "\"family_name\":\"Doe\",\"given_name\":\"Jo\",\"iat\":1758264947,"
    "\"iss\":\"https://acme.scalekit.com\",\"name\":\"Jo Doe\",\"oid\":\"org_1\","
    "\"sid\":\"ses_1\",\"sub\":\"usr_1\",\"preferred_username\":\"jo\","
    "\"picture\":\"https://acme.test/jo.png\"}";
static const char access_claims[] =
    "{\"aud\":[\"skc_1\"],\"client_id\":\"skc_1\",\"exp\":1758265247,\"iat\":1758264947,"
    "\"iss\":\"https://acme.scalekit.com\",\"jti\":\"tkn_1\",\"nbf\":1758264947,"
    "\"oid\":\"org_1\",\"permissions\":[\"projects:read\",\"projects:create\"],"
    "\"roles\":[\"member\",\"admin\"],\"sid\":\"ses_1\",\"sub\":\"usr_1\","
    "\"scope\":\"openid email\",\"xoid\":\"ext_org_1\",\"xuid\":\"ext_usr_1\"}";

static void a_login_gives_the_whole_identity(void **state)
{
    sk_identity identity = collect(*state, id_claims, access_claims);

    support_expect_text("sub", identity.sub, "usr_1");
    support_expect_text("sid", identity.sid, "ses_1");
    support_expect_text("oid", identity.oid, "org_1");
    support_expect_text("xoid", identity.xoid, "ext_org_1");
    support_expect_text("xuid", identity.xuid, "ext_usr_1");
    support_expect_text("connection_id", identity.connection_id, "conn_17");
    support_expect_text("email", identity.email, "jo@acme.test");
    support_expect_text("name", identity.name, "Jo Doe");
    support_expect_text("given_name", identity.given_name, "Jo");
    support_expect_text("family_name", identity.family_name, "Doe");
    support_expect_text("preferred_username", identity.preferred_username, "jo");
    support_expect_text("picture", identity.picture, "https://acme.test/jo.png");
    support_expect_text("roles", identity.roles, "admin,member");
    support_expect_text("permissions", identity.permissions, "projects:create,projects:read");
    support_expect_text("scopes", identity.scopes, "email,openid");
    assert_int_equal(identity.email_verified, SK_VERIFIED_YES);
    assert_int_equal(identity.extras_count, 0);
}

static void no_token_gives_no_identity(void **state)
{
    sk_identity identity = collect(*state, NULL, NULL);

#define SK_TEXT(field, variable, header) assert_null(identity.field);
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
#define SK_LIST(field, variable, header) assert_null(identity.field);
    SK_IDENTITY_LISTS(SK_LIST)
#undef SK_LIST
    assert_int_equal(identity.email_verified, SK_VERIFIED_UNKNOWN);
    assert_int_equal(identity.extras_count, 0);
}

static void what_both_tokens_know_comes_from_the_right_one(void **state)
{
    static const struct {
        const char *name;
        bool from_access;
    } rows[] = {
        {"sid", true},          {"oid", true},
        {"xoid", true},         {"xuid", true},
        {"sub", false},         {"email", false},
        {"name", false},        {"given_name", false},
        {"family_name", false}, {"preferred_username", false},
        {"picture", false},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *name = rows[i].name;
        const char *id = apr_psprintf(*state, "{\"%s\":\"of-id\"}", name);
        const char *access = apr_psprintf(*state, "{\"%s\":\"of-access\"}", name);
        sk_identity both = collect(*state, id, access);
        sk_identity only_id = collect(*state, id, "{}");
        sk_identity only_access = collect(*state, NULL, access);
        support_expect_text(name, sk_claims_text(&both, name),
                            rows[i].from_access ? "of-access" : "of-id");
        support_expect_text(name, sk_claims_text(&only_id, name), "of-id");
        support_expect_text(name, sk_claims_text(&only_access, name), "of-access");
    }
}

static void the_name_falls_back(void **state)
{
    static const struct {
        const char *id, *access, *name;
    } rows[] = {
        {"{\"name\":\"Jo Doe\",\"given_name\":\"X\",\"email\":\"e\"}", NULL, "Jo Doe"},
        {"{\"given_name\":\"Jo\",\"family_name\":\"Doe\",\"email\":\"e\"}", NULL, "Jo Doe"},
        {"{\"given_name\":\"Jo\",\"family_name\":\"Doe\"}", "{\"name\":\"A\"}", "A"},
        {"{\"given_name\":\"Jo\",\"email\":\"e\"}", NULL, "Jo"},
        {"{\"family_name\":\"Doe\",\"email\":\"e\"}", NULL, "Doe"},
        {"{\"name\":\"\",\"email\":\"e\"}", NULL, "e"},
        {"{\"name\":17,\"email\":\"e\"}", NULL, "e"},
        {"{\"name\":\"a\\nb\",\"email\":\"e\"}", NULL, "e"},
        {"{\"email\":\"e\"}", NULL, "e"},
        {"{\"sub\":\"usr_1\"}", NULL, NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text(rows[i].id, collect(*state, rows[i].id, rows[i].access).name,
                            rows[i].name);
    }
}

static void the_connection_is_in_amr_or_in_front_of_the_subject(void **state)
{
    static const struct {
        const char *id, *connection;
    } rows[] = {
        {"{\"sub\":\"usr_1\",\"amr\":[\"conn_17\"]}", "conn_17"},
        {"{\"sub\":\"usr_1\",\"amr\":[\"conn_17\",\"conn_18\"]}", "conn_17"},
        {"{\"sub\":\"conn_1;x\",\"amr\":[\"conn_17\"]}", "conn_17"},
        {"{\"sub\":\"conn_1;google-oauth2|17\"}", "conn_1"},
        {"{\"sub\":\"conn_1;a;b\"}", "conn_1"},
        {"{\"sub\":\"conn_1;a\",\"amr\":[]}", "conn_1"},
        {"{\"sub\":\"conn_1;a\",\"amr\":[\"pwd\"]}", "conn_1"},
        {"{\"sub\":\"conn_1\"}", NULL},
        {"{\"sub\":\"usr_1;conn_1\"}", NULL},
        {"{\"sub\":\"usr_1\",\"amr\":[\"pwd\",\"conn_17\"]}", NULL},
        {"{\"sub\":\"usr_1\",\"amr\":\"conn_17\"}", NULL},
        {"{\"sub\":\"usr_1\",\"amr\":[17]}", NULL},
        {"{\"sub\":\"usr_1\",\"amr\":[\"conn_1\\n7\"]}", NULL},
        {"{\"sub\":\"usr_1\",\"amr\":null}", NULL},
        {"{\"sub\":\"usr_1\",\"connection_id\":\"conn_9\"}", NULL},
        {"{}", NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text(rows[i].id, collect(*state, rows[i].id, NULL).connection_id,
                            rows[i].connection);
    }
}

static void permissions_fall_through_to_the_first_list_with_something_in_it(void **state)
{
#define FIRST "\"permissions\":"
#define SECOND "\"https://scalekit.com/permissions\":"
#define THIRD "\"scalekit:permissions\":"
    static const struct {
        const char *access, *permissions;
    } rows[] = {
        {"{" FIRST "[\"a\"]," SECOND "[\"b\"]," THIRD "[\"c\"]}", "a"},
        {"{" SECOND "[\"b\"]," THIRD "[\"c\"]}", "b"},
        {"{" THIRD "[\"c\"]}", "c"},
        {"{" FIRST "[]," SECOND "[\"b\"]}", "b"},
        {"{" FIRST "[]," SECOND "[]," THIRD "[\"c\"]}", "c"},
        {"{" FIRST "null," THIRD "[\"c\"]}", "c"},
        {"{" FIRST "\"a b\"," SECOND "[\"b\"]}", "b"},
        {"{" FIRST "[]," SECOND "[]," THIRD "[]}", NULL},
        {"{\"scope\":\"a\"}", NULL},
        {"{" FIRST "{\"a\":true}}", NULL},
        {"{" FIRST "[\"z\",\"a\",\"z\"]}", "a,z"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_identity identity = collect(*state, NULL, rows[i].access);
        support_expect_text(rows[i].access, identity.permissions, rows[i].permissions);
    }
}

static void rights_come_from_the_access_token_alone(void **state)
{
    sk_identity identity = collect(
        *state,
        "{\"permissions\":[\"a\"],\"roles\":[\"r\"],\"scopes\":[\"s\"],\"scope\":\"t\"}", "{}");

    assert_null(identity.permissions);
    assert_null(identity.roles);
    assert_null(identity.scopes);
    assert_int_equal(identity.extras_count, 0);
}

static void roles_fall_back(void **state)
{
    sk_identity identity =
        collect(*state, NULL, "{\"roles\":[],\"https://scalekit.com/roles\":[\"b\",\"a\"]}");

    assert_string_equal(identity.roles, "a,b");
    identity = collect(*state, NULL,
                       "{\"roles\":[\"c\"],\"https://scalekit.com/roles\":[\"b\",\"a\"]}");
    assert_string_equal(identity.roles, "c");
}

static void scopes_are_united(void **state)
{
    static const struct {
        const char *access, *scopes;
    } rows[] = {
        {"{\"scope\":\"openid email\"}", "email,openid"},
        {"{\"scopes\":[\"b\",\"a\"]}", "a,b"},
        {"{\"scopes\":[\"b\",\"a\"],\"scope\":\"c a\"}", "a,b,c"},
        {"{\"scopes\":\"a b\"}", NULL},
        {"{\"scope\":[\"a\"]}", NULL},
        {"{\"scope\":\"  a   b \"}", "a,b"},
        {"{\"scope\":\"a b,c d\"}", "a,d"},
        {"{\"scope\":\"a\\nb\"}", NULL},
        {"{\"scope\":\"\",\"scopes\":[]}", NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text(rows[i].access, collect(*state, NULL, rows[i].access).scopes,
                            rows[i].scopes);
    }
}

static void items_that_cannot_be_exported_are_left_out(void **state)
{
    static const struct {
        const char *items, *kept;
    } rows[] = {
        {"\"a\",\"b,c\",\"d\"", "a,d"},
        {"\",\"", NULL},
        {"\"a\",\"b\\n\",\"d\"", "a,d"},
        {"\"a\",\"b\\u0000c\",\"d\"", "a,d"},
        {"\"a\",\"b\\u0085\",\"d\\u007f\"", "a"},
        {"\"a\",\"b\xc0\xaf\",\"d\xff\"", "a"},
        {"\"a\",\"\",\"d\"", "a,d"},
        {"1,true,null,{},[\"x\"],\"a\"", "a"},
        {"\"J\xc3\xbcrgen\"", "J\xc3\xbcrgen"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *access =
            apr_pstrcat(*state, "{\"roles\":[", rows[i].items, "],\"permissions\":[",
                        rows[i].items, "],\"scopes\":[", rows[i].items, "]}", NULL);
        sk_identity identity = collect(*state, NULL, access);
        support_expect_text(rows[i].items, identity.roles, rows[i].kept);
        support_expect_text(rows[i].items, identity.permissions, rows[i].kept);
        support_expect_text(rows[i].items, identity.scopes, rows[i].kept);
    }
}

static void texts_that_cannot_be_exported_are_left_out(void **state)
{
    static const char *const values[] = {
        "\"\"",          "17",          "true",         "null",
        "[\"x\"]",       "{}",          "\"a\\nb\"",    "\"a\\r\\nX-Y: z\"",
        "\"a\\u0000b\"", "\"\\u0000\"", "\"a\\u007f\"", "\"a\\u0085\"",
        "\"\xff\""};
    size_t i;

    for (i = 0; i < COUNT(values); i++) {
        const char *value = values[i];
        sk_identity identity;
#define SK_TEXT(field, variable, header) "\"" #field "\":%s,"
        const char *claims =
            apr_psprintf(*state, "{" SK_IDENTITY_TEXTS(SK_TEXT) "\"x\":1}", value, value, value,
                         value, value, value, value, value, value, value, value, value);
#undef SK_TEXT
        identity = collect(*state, claims, claims);
#define SK_TEXT(field, variable, header) support_expect_text(value, identity.field, NULL);
        SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    }
}

static void oversized_values_are_left_out(void **state)
{
    const char *name = support_repeat(*state, 'n', 1024),
               *role = support_repeat(*state, 'r', 256);
    const char *claims =
        apr_psprintf(*state, "{\"name\":\"%s\",\"picture\":\"%sx\"}", name, name);
    sk_identity identity = collect(
        *state, claims, apr_psprintf(*state, "{\"roles\":[\"%s\",\"%sx\",\"a\"]}", role, role));

    support_expect_text("1024 bytes", identity.name, name);
    support_expect_text("1025 bytes", identity.picture, NULL);
    support_expect_text("256 bytes", identity.roles, apr_pstrcat(*state, "a,", role, NULL));
    identity =
        collect(*state, NULL, apr_psprintf(*state, "{\"scope\":\"%sx a %s\"}", role, role));
    support_expect_text("a scope of 256 bytes", identity.scopes,
                        apr_pstrcat(*state, "a,", role, NULL));
}

static void five_hundred_permissions_are_kept(void **state)
{
    const char *items = "\"p000\"";
    sk_identity identity;
    int i;

    for (i = 1; i < 500; i++) {
        items = apr_psprintf(*state, "%s,\"p%03d\"", items, 499 - i);
    }
    identity = collect(*state, NULL, apr_psprintf(*state, "{\"permissions\":[%s]}", items));
    assert_int_equal(strlen(identity.permissions), 499 * strlen("p000,") - 1);
    assert_true(sk_list_has(identity.permissions, "p498"));
}

static void email_is_verified_if_a_token_says_so(void **state)
{
    static const struct {
        const char *id, *access;
        sk_verified verified;
    } rows[] = {
        {"{\"email_verified\":true}", NULL, SK_VERIFIED_YES},
        {"{\"email_verified\":false}", NULL, SK_VERIFIED_NO},
        {"{}", NULL, SK_VERIFIED_UNKNOWN},
        {"{\"email_verified\":null}", NULL, SK_VERIFIED_UNKNOWN},
        {"{\"email_verified\":\"true\"}", NULL, SK_VERIFIED_YES},
        {"{\"email_verified\":\"false\"}", NULL, SK_VERIFIED_NO},
        {"{\"email_verified\":\"no\"}", "{\"email_verified\":true}", SK_VERIFIED_NO},
        {"{\"email_verified\":0}", NULL, SK_VERIFIED_NO},
        {"{\"email_verified\":1}", NULL, SK_VERIFIED_NO},
        {"{\"email_verified\":null}", "{\"email_verified\":\"true\"}", SK_VERIFIED_YES},
        {"{\"email_verified\":false}", "{\"email_verified\":true}", SK_VERIFIED_NO},
        {NULL, "{\"email\":\"e\",\"email_verified\":true}", SK_VERIFIED_YES},
        {NULL, "{\"email\":\"e\",\"email_verified\":false}", SK_VERIFIED_NO},
        {"{}", "{\"email\":\"e\",\"email_verified\":false}", SK_VERIFIED_NO},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_identity identity = collect(*state, rows[i].id, rows[i].access);
        support_expect(identity.email_verified == rows[i].verified, "row %d", (int)i);
    }
}

/* ---- further claims ---- */

static const sk_extra *extra(const sk_identity *identity, const char *name)
{
    int i;

    for (i = 0; i < identity->extras_count; i++) {
        if (strcmp(identity->extras[i].name, name) == 0) {
            return &identity->extras[i];
        }
    }
    return NULL;
}

static void further_claims_are_kept_as_text(void **state)
{
    static const struct {
        const char *json, *values; /* NULL: no claim */
    } rows[] = {
        {"\"gold\"", "gold"},
        {"\"a,b\"", "a,b"},
        {"17", "17"},
        {"-1.5", "-1.5"},
        {"true", "true"},
        {"false", "false"},
        {"{\"b\": 1, \"a\": [2]}", "{\"b\":1,\"a\":[2]}"},
        {"[\"b\",\"a\",\"b\"]", "a,b"},
        {"[\"a\"]", "a"},
        {"[\"a\",\"b,c\",1]", "a"},
        {"null", NULL},
        {"\"\"", NULL},
        {"[]", NULL},
        {"[1,2]", NULL},
        {"\"a\\nb\"", NULL},
        {"\"a\\u0000b\"", NULL},
        {"\"a\\u0085\"", NULL},
        {"{\"a\":\"\\u007f\"}", NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *claims = apr_psprintf(*state, "{\"plan\":%s}", rows[i].json);
        sk_identity of_id = collect(*state, claims, NULL);
        sk_identity of_access = collect(*state, NULL, claims);
        const sk_extra *one = extra(&of_id, "plan"), *other = extra(&of_access, "plan");
        support_expect_text(rows[i].json, one ? one->value : NULL, rows[i].values);
        support_expect_text(rows[i].json, other ? other->value : NULL, rows[i].values);
    }
}

static void some_names_are_no_further_claims(void **state)
{
    static const struct {
        const char *name;
        bool kept;
    } rows[] = {
        {"plan", true},
        {"https://acme.test/plan", true},
        {"a.b-c_d:e/f", true},
        {"locale", true},
        {"phone_number", true},
        {"Sub", true},
        {"sub", false},
        {"email", false},
        {"connection_id", false},
        {"email_verified", false},
        {"roles", false},
        {"permissions", false},
        {"scope", false},
        {"scopes", false},
        {"https://scalekit.com/permissions", false},
        {"https://scalekit.com/roles", false},
        {"scalekit:permissions", false},
        {"iss", false},
        {"aud", false},
        {"exp", false},
        {"iat", false},
        {"nbf", false},
        {"jti", false},
        {"azp", false},
        {"at_hash", false},
        {"c_hash", false},
        {"nonce", false},
        {"amr", false},
        {"client_id", false},
        {"", false},
        {"a b", false},
        {"a=b", false},
        {"a\\nb", false},
        {"a\\\"b", false},
        {"J\xc3\xbcrgen", false},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_identity identity =
            collect(*state, NULL, apr_psprintf(*state, "{\"%s\":\"x\"}", rows[i].name));
        support_expect((identity.extras_count == 1) == rows[i].kept, "%s", rows[i].name);
    }
}

static void the_name_of_a_further_claim_has_at_most_64_bytes(void **state)
{
    const char *name = support_repeat(*state, 'n', 64);
    sk_identity identity =
        collect(*state, NULL, apr_psprintf(*state, "{\"%s\":\"x\",\"%sn\":\"x\"}", name, name));

    assert_int_equal(identity.extras_count, 1);
    assert_string_equal(identity.extras[0].name, name);
}

static void of_a_further_claim_in_both_tokens_the_access_token_counts(void **state)
{
    sk_identity identity = collect(*state, "{\"plan\":\"old\",\"x\":1}", "{\"plan\":\"new\"}");

    assert_int_equal(identity.extras_count, 2);
    assert_string_equal(sk_claims_text(&identity, "plan"), "new");
    assert_string_equal(sk_claims_text(&identity, "x"), "1");
}

static void further_claims_have_a_limit_and_are_left_out_whole(void **state)
{
    const char *half = support_repeat(*state, 'x', 600),
               *full = support_repeat(*state, 'x', 1024);
    sk_identity identity = collect(
        *state, NULL,
        apr_psprintf(*state, "{\"a\":\"%s\",\"b\":\"%s\",\"c\":\"small\"}", half, half));

    assert_int_equal(identity.extras_count, 2);
    support_expect_text("a", sk_claims_text(&identity, "a"), half);
    support_expect_text("b", sk_claims_text(&identity, "b"), NULL);
    support_expect_text("c", sk_claims_text(&identity, "c"), "small");
    identity = collect(*state, NULL, apr_psprintf(*state, "{\"a\":\"%s\",\"b\":1}", full));
    support_expect_text("a", sk_claims_text(&identity, "a"), NULL);
    support_expect_text("b", sk_claims_text(&identity, "b"), "1");
}

/* ---- a refresh that brings no ID token ---- */

static void what_the_id_token_said_is_kept(void **state)
{
    static const struct {
        const char *name, *id, *access, *refreshed, *expected;
    } rows[] = {
        /* The ID token's counts, and is still as good as before. */
        {"email", "{\"email\":\"i\"}", "{\"email\":\"a\"}", "{\"email\":\"b\"}", "i"},
        {"name", "{\"name\":\"i\"}", "{}", "{\"name\":\"b\"}", "i"},
        {"name", "{\"given_name\":\"i\"}", "{}", "{}", "i"},
        {"name", "{\"email\":\"i\"}", "{}", "{}", "i"},
        {"name", "{}", "{\"name\":\"a\"}", "{\"name\":\"b\"}", "b"},
        {"name", "{\"given_name\":\"i\"}", "{\"name\":\"a\"}", "{}", "i"},
        {"name", "{\"given_name\":\"i\"}", "{\"name\":\"a\"}", "{\"email\":\"b\"}", "i"},
        {"name", "{\"email\":\"i\"}", "{}", "{\"name\":\"b\"}", "b"},
        {"email", "{\"email\":\"i\"}", "{}", "{\"name\":\"b\"}", "i"},
        {"connection_id", "{\"amr\":[\"conn_1\"]}", "{}", "{}", "conn_1"},
        {"email_verified", "{\"email_verified\":true}", "{}", "{\"email_verified\":false}",
         "true"},
        /* The access token's counts, and the ID token's where it says none. */
        {"sid", "{\"sid\":\"i\"}", "{}", "{}", "i"},
        {"oid", "{\"oid\":\"i\"}", "{\"oid\":\"a\"}", "{\"oid\":\"b\"}", "b"},
        {"xoid", "{\"xoid\":\"i\"}", "{}", "{\"xoid\":\"b\"}", "b"},
        {"xuid", "{\"xuid\":\"i\"}", "{}", "{}", "i"},
        {"plan", "{\"plan\":\"i\"}", "{}", "{}", "i"},
        {"plan", "{\"plan\":\"i\"}", "{}", "{\"plan\":\"b\"}", "b"},
        {"plan", "{\"plan\":\"same\"}", "{\"plan\":\"same\"}", "{}", "same"},
        /* What the access token alone said goes with it. */
        {"email", "{}", "{\"email\":\"a\"}", "{\"email\":\"b\"}", "b"},
        {"email", "{}", "{\"email\":\"a\"}", "{}", NULL},
        {"email_verified", "{}", "{\"email_verified\":true}", "{\"email_verified\":false}",
         "false"},
        {"oid", "{}", "{\"oid\":\"a\"}", "{}", NULL},
        /* Theirs was another than the one that counted, and is not known any more. */
        {"oid", "{\"oid\":\"i\"}", "{\"oid\":\"a\"}", "{}", NULL},
        {"plan", "{}", "{\"plan\":\"a\"}", "{}", NULL},
        {"plan", "{\"plan\":\"i\"}", "{\"plan\":\"a\"}", "{}", NULL},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_identity old = collect(*state, rows[i].id, rows[i].access),
                    newer = refresh(*state, &old, rows[i].refreshed),
                    newest = refresh(*state, &newer, rows[i].refreshed);
        support_expect_text(apr_psprintf(*state, "%d %s", (int)i, rows[i].name),
                            sk_claims_text(&newer, rows[i].name), rows[i].expected);
        support_expect_text(apr_psprintf(*state, "%d %s, once more", (int)i, rows[i].name),
                            sk_claims_text(&newest, rows[i].name), rows[i].expected);
    }
}

static void rights_are_not_kept(void **state)
{
    sk_identity old = collect(*state, "{\"roles\":[\"i\"],\"scope\":\"i\"}",
                              "{\"roles\":[\"a\"],\"permissions\":[\"p\"]}"),
                newer = refresh(*state, &old, "{}");

    support_expect_text("roles", newer.roles, NULL);
    support_expect_text("permissions", newer.permissions, NULL);
    support_expect_text("scopes", newer.scopes, NULL);
}

static void further_claims_that_are_kept_have_the_same_limit(void **state)
{
    const char *half = support_repeat(*state, 'x', 600);
    sk_identity old = collect(*state, apr_psprintf(*state, "{\"a\":\"%s\",\"b\":\"1\"}", half),
                              "{}"),
                newer = refresh(*state, &old, apr_psprintf(*state, "{\"c\":\"%s\"}", half));

    assert_int_equal(newer.extras_count, 2);
    support_expect_text("c", sk_claims_text(&newer, "c"), half);
    support_expect_text("b", sk_claims_text(&newer, "b"), "1");
}

static void a_new_id_token_counts_alone(void **state)
{
    sk_identity old = collect(*state, "{\"email\":\"i\",\"plan\":\"i\"}", "{}"), newer;

    sk_claims_collect(*state, parse(*state, "{}"), NULL, &old, &newer);
    support_expect_text("email", newer.email, NULL);
    support_expect_text("plan", sk_claims_text(&newer, "plan"), NULL);
}

/* ---- asking ---- */

static const char asked_id[] = "{\"sub\":\"usr_1\",\"email\":\"jo@acme.test\","
                               "\"email_verified\":false,\"locale\":\"en\"}";
static const char asked_access[] =
    "{\"oid\":\"org_1\",\"roles\":[\"admin\"],\"permissions\":[\"a:read\",\"a:write\"],"
    "\"scope\":\"openid\",\"plan\":\"gold\",\"teams\":[\"red\",\"blue\"],\"level\":3}";

static void texts_are_found_by_name(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"sub", "usr_1"},
        {"oid", "org_1"},
        {"email", "jo@acme.test"},
        {"name", "jo@acme.test"},
        {"email_verified", "false"},
        {"locale", "en"},
        {"plan", "gold"},
        {"level", "3"},
        {"teams", NULL}, /* several values */
        {"roles", NULL},
        {"sid", NULL},
        {"Sub", NULL},
        {"", NULL},
        {"nothing", NULL},
    };
    sk_identity identity = collect(*state, asked_id, asked_access);
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text(rows[i].name, sk_claims_text(&identity, rows[i].name),
                            rows[i].text);
    }
    identity = collect(*state, NULL, NULL);
    assert_null(sk_claims_text(&identity, "email_verified"));
}

static void claims_match_whole_values(void **state)
{
    static const struct {
        const char *name, *value;
        bool matches;
    } rows[] = {
        {"sub", "usr_1", true},
        {"sub", "usr_", false},
        {"sub", "usr_11", false},
        {"sub", "USR_1", false},
        {"sub", "", false},
        {"email_verified", "false", true},
        {"email_verified", "true", false},
        {"roles", "admin", true},
        {"roles", "adm", false},
        {"roles", "", false},
        {"permissions", "a:read", true},
        {"permissions", "a:write", true},
        {"permissions", "a:read,a:write", false},
        {"permissions", "a:*", false},
        {"permissions", "A:READ", false},
        {"scopes", "openid", true},
        {"scopes", "email", false},
        {"plan", "gold", true},
        {"plan", "silver", false},
        {"teams", "blue", true},
        {"teams", "red", true},
        {"teams", "green", false},
        {"level", "3", true},
        {"sid", "", false},
        {"nothing", "", false},
        {"", "", false},
    };
    sk_identity identity = collect(*state, asked_id, asked_access);
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect(sk_claims_match(&identity, rows[i].name, rows[i].value)
                           == rows[i].matches,
                       "%s=%s", rows[i].name, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_login_gives_the_whole_identity),
        TEST(no_token_gives_no_identity),
        TEST(what_both_tokens_know_comes_from_the_right_one),
        TEST(the_name_falls_back),
        TEST(the_connection_is_in_amr_or_in_front_of_the_subject),
        TEST(permissions_fall_through_to_the_first_list_with_something_in_it),
        TEST(rights_come_from_the_access_token_alone),
        TEST(roles_fall_back),
        TEST(scopes_are_united),
        TEST(items_that_cannot_be_exported_are_left_out),
        TEST(texts_that_cannot_be_exported_are_left_out),
        TEST(oversized_values_are_left_out),
        TEST(five_hundred_permissions_are_kept),
        TEST(email_is_verified_if_a_token_says_so),
        TEST(further_claims_are_kept_as_text),
        TEST(some_names_are_no_further_claims),
        TEST(the_name_of_a_further_claim_has_at_most_64_bytes),
        TEST(of_a_further_claim_in_both_tokens_the_access_token_counts),
        TEST(further_claims_have_a_limit_and_are_left_out_whole),
        TEST(what_the_id_token_said_is_kept),
        TEST(rights_are_not_kept),
        TEST(further_claims_that_are_kept_have_the_same_limit),
        TEST(a_new_id_token_counts_alone),
        TEST(texts_are_found_by_name),
        TEST(claims_match_whole_values),
    };

    return RUN(tests);
}
