/* SPDX-License-Identifier: Apache-2.0 */
#include "core/text.h"

#include "support.h"

/* RFC 4648 section 10, without its padding, and bytes that need both '-' and '_'. */
static const struct {
    const char *bytes, *text;
} spellings[] = {
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"},
    {"\xff", "_w"},
};

static void base64url_has_the_spelling_of_the_rfc(void **state)
{
    size_t i;

    for (i = 0; i < COUNT(spellings); i++) {
        const char *bytes = spellings[i].bytes;
        support_expect_text(bytes,
                            sk_text_base64url(*state,
                                              support_copy(*state, bytes, strlen(bytes)),
                                              strlen(bytes)),
                            spellings[i].text);
    }
}

static void base64url_is_read_back(void **state)
{
    size_t i;

    for (i = 0; i < COUNT(spellings); i++) {
        const char *text = spellings[i].text;
        size_t length = 99, text_length = strlen(text);
        unsigned char *bytes = sk_text_base64url_decode(
            *state, support_copy(*state, text, text_length), text_length, &length);
        assert_non_null(bytes);
        assert_int_equal(length, strlen(spellings[i].bytes));
        assert_memory_equal(bytes, spellings[i].bytes, length + 1);
    }
}

static void base64url_carries_every_byte_and_length(void **state)
{
    unsigned char bytes[256];
    size_t i, length;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (unsigned char)(i * 37 + 11);
    }
    for (i = 0; i <= sizeof(bytes); i++) {
        const char *text = sk_text_base64url(*state, bytes, i);
        unsigned char *back = sk_text_base64url_decode(*state, text, strlen(text), &length);
        assert_string_equal(text, support_base64url(*state, bytes, i));
        assert_non_null(back);
        assert_int_equal(length, i);
        assert_memory_equal(back, bytes, i);
        assert_int_equal(back[i], '\0');
    }
}

static void base64url_stops_at_its_length(void **state)
{
    size_t length;

    assert_string_equal(sk_text_base64url_decode(*state, "Zm9v.YmFy", 4, &length), "foo");
    assert_int_equal(length, 3);
}

static void base64url_has_one_spelling_only(void **state)
{
    static const char *const others[] = {"Zg==",  "Zm8=",    "Zm9v====", "=",
                                         "Z",     "Zm9vY",   "Zh",       "Zv",
                                         "Zm9",   "Zm9vYmF", "+__-",     "-/_-",
                                         "Zm 9v", " Zm9v",   "Zm9v\n",   "Zm9v\r\n",
                                         "Zm.v",  "Zm9v\t",  "Zm\x80v",  "\xff\xff\xff\xff",
                                         "Zm@v",  "Zm[v",    "Zm`v",     "Zm{v"};
    size_t i, length;

    for (i = 0; i < COUNT(others); i++) {
        support_expect(!sk_text_base64url_decode(*state, others[i], strlen(others[i]), &length),
                       "%s", others[i]);
    }
    assert_null(sk_text_base64url_decode(*state, "Zm\0v", 4, &length));
}

static void hex_is_lower_case(void **state)
{
    assert_string_equal(sk_text_hex(*state, (const unsigned char *)"\x00\x9a\xff", 3),
                        "009aff");
    assert_string_equal(sk_text_hex(*state, (const unsigned char *)"", 0), "");
}

static void html_is_escaped(void **state)
{
    static const struct {
        const char *text, *html;
    } rows[] = {
        {NULL, ""},
        {"", ""},
        {"plain text", "plain text"},
        {"&<>\"'", "&amp;&lt;&gt;&quot;&#39;"},
        {"&amp;", "&amp;amp;"},
        {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
        {"J\xc3\xbcrgen & Co", "J\xc3\xbcrgen &amp; Co"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text("html", sk_text_html(*state, rows[i].text), rows[i].html);
    }
}

static void what_a_stranger_wrote_becomes_printable(void **state)
{
    static const struct {
        const char *text;
        size_t limit;
        const char *printable;
    } rows[] = {
        {NULL, 10, ""},         {"", 10, ""},         {"a b~", 10, "a b~"},
        {"abcdef", 3, "abc"},   {"abcdef", 0, ""},    {"a\r\nb\x1b[31m\x7f", 99, "a??b?[31m?"},
        {"\xc3\xbc", 99, "??"}, {"\xc3\xbc", 1, "?"}, {"\xff\x80\x01", 99, "???"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text("printable", sk_text_printable(*state, rows[i].text, rows[i].limit),
                            rows[i].printable);
    }
}

static void null_equals_nothing(void **state)
{
    (void)state;
    assert_true(sk_text_equal("", ""));
    assert_true(sk_text_equal("state", "state"));
    assert_false(sk_text_equal("state", "stat"));
    assert_false(sk_text_equal("stat", "state"));
    assert_false(sk_text_equal("state", "State"));
    assert_false(sk_text_equal("", "a"));
    assert_false(sk_text_equal(NULL, "a"));
    assert_false(sk_text_equal("a", NULL));
    assert_false(sk_text_equal(NULL, ""));
    assert_false(sk_text_equal(NULL, NULL));
}

/* Text, whether it is well-formed UTF-8, and whether it is without control characters as well. */
static const struct {
    const char *text;
    bool utf8, clean;
} characters[] = {
    {"", true, true},
    {"Jo Doe ~", true, true},
    {"J\xc3\xbcrgen", true, true},
    {"\xc2\xa0", true, true}, /* U+00A0, the first after C1 */
    {"\xe6\xbc\xa2", true, true},
    {"\xef\xbf\xbd", true, true},
    {"\xed\x9f\xbf", true, true}, /* U+D7FF and U+E000, around the surrogates */
    {"\xee\x80\x80", true, true},
    {"\xf0\x90\x80\x80", true, true},
    {"\xf0\x9f\x98\x80", true, true},
    {"\xf4\x8f\xbf\xbf", true, true},
    {"a\tb", true, false},
    {"a\nb", true, false},
    {"a\rb", true, false},
    {"\x01", true, false},
    {"\x1f", true, false},
    {"a\x7f", true, false},
    {"\xc2\x80", true, false},
    {"\xc2\x85", true, false},
    {"\xc2\x9f", true, false},
    {"\x80", false, false},
    {"a\xbf", false, false},
    {"\xc0\x80", false, false}, /* overlong */
    {"\xc0\xaf", false, false},
    {"\xc1\xbf", false, false},
    {"\xe0\x80\xaf", false, false},
    {"\xe0\x9f\xbf", false, false},
    {"\xf0\x80\x80\xaf", false, false},
    {"\xf0\x8f\xbf\xbf", false, false},
    {"\xed\xa0\x80", false, false}, /* surrogates */
    {"\xed\xbf\xbf", false, false},
    {"\xf4\x90\x80\x80", false, false}, /* beyond U+10FFFF */
    {"\xf5\x80\x80\x80", false, false},
    {"\xf8\x88\x80\x80\x80", false, false},
    {"\xfe", false, false},
    {"\xff", false, false},
    {"\xc3", false, false}, /* truncated */
    {"\xe6\xbc", false, false},
    {"\xe6", false, false},
    {"\xf0\x9f\x98", false, false},
    {"\xc3 ", false, false},
    {"\xe6\xbcz", false, false},
    {"\xf0\x9f\x98z", false, false},
};

static void clean_is_utf8_without_controls(void **state)
{
    size_t i;

    for (i = 0; i < COUNT(characters); i++) {
        const char *text = characters[i].text;
        text = support_copy(*state, text, strlen(text) + 1);
        support_expect(sk_text_is_utf8(text) == characters[i].utf8, "row %d: UTF-8", (int)i);
        support_expect(sk_text_is_clean(text) == characters[i].clean, "row %d: clean", (int)i);
    }
}

static void every_control_character_is_unclean(void **state)
{
    int c;

    (void)state;
    for (c = 1; c < 0x80; c++) {
        char text[] = {'a', (char)c, 'b', '\0'};
        support_expect(sk_text_is_clean(text) == (c >= 0x20 && c != 0x7f), "U+%04X", c);
    }
    for (c = 0x80; c < 0xc0; c++) {
        char text[] = {'\xc2', (char)c, '\0'};
        support_expect(sk_text_is_clean(text) == (c >= 0xa0), "U+%04X", c);
    }
}

static void lists_are_sorted_and_have_no_repetitions(void **state)
{
    static const struct {
        const char *words, *list;
    } rows[] = {
        {"", NULL},
        {"b", "b"},
        {"c a b", "a,b,c"},
        {"b a b a b", "a,b"},
        {"a a a", "a"},
        {"b B a A \xc3\xa4", "A,B,a,b,\xc3\xa4"},
        {"ab a abc", "a,ab,abc"},
        {"a-b a a+b", "a,a+b,a-b"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text(rows[i].words,
                            sk_list_make(*state, support_words(*state, rows[i].words)),
                            rows[i].list);
    }
}

static void lists_do_not_share_the_array(void **state)
{
    apr_array_header_t *array = support_words(*state, "b a");
    const char *list = sk_list_make(*state, array);

    assert_string_equal(APR_ARRAY_IDX(array, 0, const char *), "b");
    APR_ARRAY_IDX(array, 0, char *)[0] = 'z';
    assert_string_equal(list, "a,b");
}

static void lists_are_searched_to_their_ends(void **state)
{
    const char *words = "";
    int count, i;

    for (count = 1; count <= 20; count++) {
        const char *list;
        words = apr_psprintf(*state, "%s w%02d", words, 2 * count);
        list = sk_list_make(*state, support_words(*state, words));
        for (i = 1; i <= 2 * count + 1; i++) {
            support_expect(sk_list_has(list, apr_psprintf(*state, "w%02d", i)) == (i % 2 == 0),
                           "w%02d of %d", i, count);
        }
    }
}

static void only_whole_items_are_in_a_list(void **state)
{
    static const char *const not_in_it[] = {"",  "b",    "a:",   ":a",   "a:ab", "a:a,a:b",
                                            ",", "a:a,", ",a:a", "a:a ", "A:A",  "z"};
    static const char *const in_it[] = {"a", "a+c", "a-b", "a:a", "a:abc", "a:b", "\xc3\xa4"};
    const char *list = "a,a+c,a-b,a:a,a:abc,a:b,\xc3\xa4";
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(not_in_it); i++) {
        support_expect(!sk_list_has(list, not_in_it[i]), "%s", not_in_it[i]);
        assert_false(sk_list_has(NULL, not_in_it[i]));
    }
    for (i = 0; i < COUNT(in_it); i++) {
        support_expect(sk_list_has(list, in_it[i]), "%s", in_it[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(base64url_has_the_spelling_of_the_rfc),
        TEST(base64url_is_read_back),
        TEST(base64url_carries_every_byte_and_length),
        TEST(base64url_stops_at_its_length),
        TEST(base64url_has_one_spelling_only),
        TEST(hex_is_lower_case),
        TEST(html_is_escaped),
        TEST(what_a_stranger_wrote_becomes_printable),
        TEST(null_equals_nothing),
        TEST(clean_is_utf8_without_controls),
        TEST(every_control_character_is_unclean),
        TEST(lists_are_sorted_and_have_no_repetitions),
        TEST(lists_do_not_share_the_array),
        TEST(lists_are_searched_to_their_ends),
        TEST(only_whole_items_are_in_a_list),
    };

    return RUN(tests);
}
