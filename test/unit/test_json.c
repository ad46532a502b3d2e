/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <json-c/json.h>

#include "support.h"

static json_object *parse(apr_pool_t *pool, const char *json)
{
    return sk_json_parse(pool, support_copy(pool, json, strlen(json)), strlen(json));
}

static void objects_are_read(void **state)
{
    static const char *const texts[] = {
        "{}",
        " \r\n\t{ \"a\" : [ 1 , -2.5e3 , null , false ] } \n",
        "{\"\":{\"a\":\"\\u0000\"}}",
    };
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        support_expect(json_object_is_type(parse(*state, texts[i]), json_type_object), "%s",
                       texts[i]);
    }
}

static void other_values_are_refused(void **state)
{
    static const char *const texts[] = {"[]",    "[{}]", "\"a\"", "\"\"", "true",
                                        "false", "null", "123",   "-1.5", "0 "};
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        support_expect(!parse(*state, texts[i]), "%s", texts[i]);
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "{\"a\":[}",
        "{\"a\":[1}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{,}",
        "{a:1}",
        "{\"a\":['a']}",
        "{\"a\":\"a}",
        "tru",
        "nul",
        "TRUE",
        "{\"a\":1} x",
        "{}{}",
        "{},",
        "{\"a\":[]]}",
        "{}}",
        "{} {}",
        "{\"a\":\"a\"b}",
        "{}//",
        "/* c */{}",
        "{}/**/",
        "<html></html>",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":[{\"b\":Infinity}]}",
        "{\"a\":-Infinity}",
        "{'a':1}",
        "{\"a\":1,'b':2}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\x1f\"}",
        "{\"a\nb\":1}",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "\xef\xbb\xbf{}",
    };
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        support_expect(!parse(*state, texts[i]), "\"%s\"", texts[i]);
    }
}

static void the_whole_text_is_read(void **state)
{
    static const char after_nul[] = "{}\0x", nul_inside[] = "{\"a\":1,\0\"b\":2}";

    support_expect(!sk_json_parse(*state, after_nul, sizeof(after_nul) - 1), "behind a NUL");
    support_expect(!sk_json_parse(*state, after_nul, 3), "a NUL at the end");
    support_expect(!sk_json_parse(*state, nul_inside, sizeof(nul_inside) - 1), "a NUL inside");
    support_expect(!sk_json_parse(*state, "", 0), "nothing");
    support_expect(!sk_json_parse(*state, NULL, 0), "NULL");
    support_expect(!sk_json_parse(*state, "{}", 1), "less than the value");
}

static void invalid_utf8_is_refused(void **state)
{
    static const char *const texts[] = {
        "\x80",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xe6\xbc",
        "\xf0\x9f\x98", /* no characters at all */
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\xaf",
        "\xf0\x80\x80\xaf", /* overlong */
        "\xed\xa0\x80",
        "\xed\xbf\xbf", /* surrogates */
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", /* beyond U+10FFFF */
    };
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        support_expect(!parse(*state, apr_pstrcat(*state, "{\"a\":\"", texts[i], "\"}", NULL)),
                       "value %d", (int)i);
        support_expect(!parse(*state, apr_pstrcat(*state, "{\"", texts[i], "\":1}", NULL)),
                       "name %d", (int)i);
    }
    assert_non_null(
        parse(*state, "{\"a\":\"\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\"}"));
}

static const char *nested(apr_pool_t *pool, size_t depth, const char *inside)
{
    return apr_pstrcat(pool, "{\"a\":", support_repeat(pool, '[', depth), inside,
                       support_repeat(pool, ']', depth), "}", NULL);
}

static void objects_are_at_most_32_levels_deep(void **state)
{
    assert_non_null(parse(*state, nested(*state, 30, "1")));
    assert_non_null(parse(*state, nested(*state, 31, "")));
    assert_null(parse(*state, nested(*state, 32, "")));
    assert_null(parse(*state, nested(*state, 32, "1")));
    assert_null(parse(*state, nested(*state, 100000, "")));
    assert_null(parse(*state, support_repeat(*state, '[', 100000)));
}

static void members_are_found(void **state)
{
    json_object *object = parse(*state, "{\"a\":\"x\",\"n\":null,\"l\":[\"a\"],\"\":\"e\"}");

    assert_string_equal(sk_json_text(sk_json_member(object, "a")), "x");
    assert_string_equal(sk_json_text(sk_json_member(object, "")), "e");
    assert_null(sk_json_member(object, "n"));
    assert_null(sk_json_member(object, "b"));
    assert_null(sk_json_member(object, "A"));
    assert_null(sk_json_member(sk_json_member(object, "a"), "a"));
    assert_null(sk_json_member(sk_json_member(object, "l"), "a"));
    assert_null(sk_json_member(NULL, "a"));
}

/* Who reads the first one and who reads the last one would see two different texts. */
static void no_object_has_two_members_of_one_name(void **state)
{
    static const struct {
        const char *json;
        bool is_read;
    } rows[] = {
        {"{\"a\":\"first\",\"a\":\"last\"}", false},
        {"{\"a\":1,\"a\":1}", false},
        {"{\"a\":\"first\",\"a\":null}", false},
        {"{\"a\":{\"b\":1},\"a\":{\"b\":1}}", false},
        {"{\"a\":1,\"\\u0061\":2}", false},
        {"{\"a\":1,\"b\":{\"c\":[{\"d\":1,\"d\":2}]}}", false},
        {"{\"\":1,\"\":2}", false},
        {"{\"a\":{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}}", true},
        {"{\"a\":1,\"A\":2,\"a \":3}", true},
        {"{\"a\":\"a:\",\"b\" : \"\\\"a\\\":1,\",\"c:\":{}}", true},
        {"{\"a\":\"\\\\\",\"b\":\"\\\\\\\"\"}", true},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect((parse(*state, rows[i].json) != NULL) == rows[i].is_read, "%s",
                       rows[i].json);
    }
}

static void no_name_holds_a_nul_that_would_cut_it_short(void **state)
{
    static const struct {
        const char *json;
        bool is_read;
    } rows[] = {
        {"{\"sub\\u0000\":1}", false},
        {"{\"\\u0000sub\":1}", false},
        {"{\"sub\\u0000x\" :1}", false},
        {"{\"a\":[{\"sub\\u0000x\":1}]}", false},
        {"{\"sub\":1,\"sub\\u0000x\":2}", false},
        {"{\"sub\\\\u0000\":1}", true}, /* a backslash and text */
        {"{\"sub\":\"\\u0000\"}", true},
        {"{\"a\":\"\\u0000\",\"sub\":1}", true},
        {"{\"a\":[\"\\u0000\",{\"sub\":1}]}", true},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect((parse(*state, rows[i].json) != NULL) == rows[i].is_read, "%s",
                       rows[i].json);
    }
}

static void only_strings_are_texts(void **state)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"x\"", "x"},
        {"\"\\u00fc\\n\"", "\xc3\xbc\n"},
        {"\"a\\u0000b\"", NULL},
        {"\"\\u0000\"", NULL},
        {"1", NULL},
        {"1.5", NULL},
        {"true", NULL},
        {"null", NULL},
        {"[\"x\"]", NULL},
        {"{\"x\":\"x\"}", NULL},
    };
    size_t i;

    assert_null(sk_json_text(NULL));
    for (i = 0; i < COUNT(rows); i++) {
        json_object *object =
            parse(*state, apr_pstrcat(*state, "{\"a\":", rows[i].json, "}", NULL));
        support_expect_text(rows[i].json, sk_json_text(sk_json_member(object, "a")),
                            rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_are_read),
        TEST(other_values_are_refused),
        TEST(anything_else_is_refused),
        TEST(the_whole_text_is_read),
        TEST(invalid_utf8_is_refused),
        TEST(objects_are_at_most_32_levels_deep),
        TEST(members_are_found),
        TEST(no_object_has_two_members_of_one_name),
        TEST(no_name_holds_a_nul_that_would_cut_it_short),
        TEST(only_strings_are_texts),
    };

    return RUN(tests);
}
