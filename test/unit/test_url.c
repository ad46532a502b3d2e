/* SPDX-License-Identifier: Apache-2.0 */
#include "core/url.h"

#include "support.h"

static void everything_but_unreserved_is_encoded(void **state)
{
    int c;

    for (c = 1; c < 256; c++) {
        char text[] = {(char)c, '\0'};
        bool unreserved =
            strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c);
        support_expect_text("character", sk_url_encode(*state, text),
                            unreserved ? text : apr_psprintf(*state, "%%%02X", c));
    }
    assert_string_equal(sk_url_encode(*state, ""), "");
    assert_string_equal(sk_url_encode(*state, "a b&c=\xc3\xbc"), "a%20b%26c%3D%C3%BC");
}

static void parameters_are_added(void **state)
{
    static const struct {
        const char *text, *name, *value, *url, *form;
    } rows[] = {
        {"", "a", "b", "?a=b", "a=b"},
        {"x=y", "a", "b", "x=y?a=b", "x=y&a=b"},
        {"https://x.example/p", "a", "b", "https://x.example/p?a=b", "https://x.example/p&a=b"},
        {"/p?x=y", "a", "b", "/p?x=y&a=b", "/p?x=y&a=b"},
        {"/p", "a", "b c&d=e?f#g+h%", "/p?a=b%20c%26d%3De%3Ff%23g%2Bh%25",
         "/p&a=b%20c%26d%3De%3Ff%23g%2Bh%25"},
        {"/p", "a", "", "/p", "/p"},
        {"/p", "a", NULL, "/p", "/p"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text("url",
                            sk_url_query_add(*state, rows[i].text, rows[i].name, rows[i].value),
                            rows[i].url);
        support_expect_text("form",
                            sk_url_form_add(*state, rows[i].text, rows[i].name, rows[i].value),
                            rows[i].form);
    }
}

static void parameters_are_found(void **state)
{
    static const struct {
        const char *query, *value;
    } rows[] = {
        {NULL, NULL},
        {"", NULL},
        {"a=1", "1"},
        {"a=", ""},
        {"a", NULL},
        {"=1", NULL},
        {"a==1", "=1"},
        {"x=0&a=1&y=2", "1"},
        {"&&a=1&&", "1"},
        {"aa=1", NULL},
        {"ba=1", NULL},
        {"aa=1&a=2&ab=3", "2"},
        {"x=a=1", NULL},
        {"A=1", NULL},
        {"a=1;b=2", "1;b=2"},
        {"a=b+c%20d", "b c d"},
        {"a=%2B%26%3d%25", "+&=%"},
        {"a=%c3%BC", "\xc3\xbc"},
        {"a=1&a=2", NULL},
        {"a=1&a=1", NULL},
        {"a=1&a=", NULL},
        {"a=1&x=2&a=3", NULL},
        {"a=%", NULL},
        {"a=%4", NULL},
        {"a=%4&b=1", NULL},
        {"a=%zz", NULL},
        {"a=%4g", NULL},
        {"a=% 41", NULL},
        {"a=x%00y", NULL},
        {"a=%00", NULL},
        {"b=%00&a=1", "1"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *query = rows[i].query;
        if (query) {
            query = support_copy(*state, query, strlen(query) + 1);
        }
        support_expect_text(query ? query : "no query", sk_url_query_get(*state, query, "a"),
                            rows[i].value);
    }
}

static void parameters_are_there_whatever_they_are_worth(void **state)
{
    static const char *const there[] = {"a=1", "a=", "x=0&a=1", "a=1&a=2", "a=%zz", "a=%00"};
    static const char *const missing[] = {"", "b=1", "aa=1", "ba=1", "A=1", "x=a=1", "a"};
    size_t i;

    (void)state;
    assert_false(sk_url_query_has(NULL, "a"));
    for (i = 0; i < COUNT(there); i++) {
        support_expect(sk_url_query_has(there[i], "a"), "%s", there[i]);
    }
    for (i = 0; i < COUNT(missing); i++) {
        support_expect(!sk_url_query_has(missing[i], "a"), "%s", missing[i]);
    }
}

static void what_is_added_is_found(void **state)
{
    static const char value[] = "\x01 \t\n&=?#+%/\\\"'<>;,\x7f\xc3\xbc\xff";
    const char *query =
        sk_url_query_add(*state, sk_url_query_add(*state, "/p?", "v", value), "w", "2");

    assert_string_equal(sk_url_query_get(*state, strchr(query, '?') + 1, "v"), value);
    assert_string_equal(sk_url_query_get(*state, strchr(query, '?') + 1, "w"), "2");
}

static void absolute_urls_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *scheme, *host;
        int port;
        const char *origin, *path;
    } rows[] = {
        {"https://acme.scalekit.com", "https", "acme.scalekit.com", 443,
         "https://acme.scalekit.com", ""},
        {"http://localhost:8080/auth/callback", "http", "localhost", 8080,
         "http://localhost:8080", "/auth/callback"},
        {"HTTPS://Acme.Example:443/Path?Q#F", "https", "acme.example", 443,
         "https://acme.example", "/Path?Q#F"},
        {"HTTP://ACME.example:80", "http", "acme.example", 80, "http://acme.example", ""},
        {"https://acme.example:80/", "https", "acme.example", 80, "https://acme.example:80",
         "/"},
        {"http://acme.example:443/", "http", "acme.example", 443, "http://acme.example:443",
         "/"},
        {"https://acme.example:65535/", "https", "acme.example", 65535,
         "https://acme.example:65535", "/"},
        {"https://acme.example:1/", "https", "acme.example", 1, "https://acme.example:1", "/"},
        {"https://127.0.0.1:8443/a//b", "https", "127.0.0.1", 8443, "https://127.0.0.1:8443",
         "/a//b"},
        {"https://[::1]/x", "https", "::1", 443, "https://[::1]", "/x"},
        {"http://[2001:DB8::A]:8080", "http", "2001:db8::a", 8080, "http://[2001:db8::a]:8080",
         ""},
        {"https://[::ffff:192.0.2.1]:443/", "https", "::ffff:192.0.2.1", 443,
         "https://[::ffff:192.0.2.1]", "/"},
        {"https://xn--bcher-kva.example/%20", "https", "xn--bcher-kva.example", 443,
         "https://xn--bcher-kva.example", "/%20"},
        {"https://a.example/@b:c", "https", "a.example", 443, "https://a.example", "/@b:c"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *text = rows[i].text;
        sk_url url;
        const char *wrong = sk_url_parse(*state, text, &url);
        support_expect_verdict(text, wrong, NULL);
        if (!wrong) {
            support_expect_text(text, url.scheme, rows[i].scheme);
            support_expect_text(text, url.host, rows[i].host);
            support_expect_text(text, url.origin, rows[i].origin);
            support_expect_text(text, url.path, rows[i].path);
            support_expect(url.port == rows[i].port, "%s: the port is %d", text, url.port);
        }
    }
}

static void the_path_of_a_url_is_empty_or_begins_with_a_slash(void **state)
{
    static const char *const texts[] = {"https://a.example?x=1", "https://a.example#top"};
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        sk_url url;
        if (!sk_url_parse(*state, texts[i], &url)) {
            support_expect(!*url.path || *url.path == '/', "%s: the path is %s", texts[i],
                           url.path);
        }
    }
}

static void bad_urls_are_refused(void **state)
{
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        {"", "https://"},
        {"/path", "https://"},
        {"//acme.example/", "https://"},
        {"acme.example", "https://"},
        {"https:acme.example", "https://"},
        {"https:/acme.example", "https://"},
        {"ftp://acme.example", "https://"},
        {"javascript:alert(1)", "https://"},
        {"httpss://acme.example", "https://"},
        {" https://acme.example", "https://"},
        {"https://", "no host"},
        {"https:///path", "no host"},
        {"https://?x", "no host"},
        {"https://:443/", "no host"},
        {"https://[]/", "no host"},
        {"https://user@acme.example/", "user name"},
        {"https://user:secret@acme.example/", "user name"},
        {"https://acme.example@evil.example", "user name"},
        {"https://@acme.example/", "user name"},
        {"https://acme.example:/", "port"},
        {"https://acme.example:0/", "port"},
        {"https://acme.example:65536/", "port"},
        {"https://acme.example:4294967739/", "port"},
        {"https://acme.example:-1/", "port"},
        {"https://acme.example:+443/", "port"},
        {"https://acme.example:443x/", "port"},
        {"https://acme.example:443:443/", "port"},
        {"https://::1/", "host"},
        {"https://[::1]:/", "port"},
        {"https://[::1/", "host"},
        {"https://[::1]x/", "host"},
        {"https://[acme.example]/", "host"},
        {"https://[127.0.0.1]/", "host"},
        {"https://[fe80::1%25eth0]/", "host"},
        {"https://[:]/", "host"},
        {"https://.acme.example/", "host"},
        {"https://-acme.example/", "host"},
        {"https://acme%2eexample/", "host"},
        {"https://ac,me.example/", "host"},
        {"https://acme.example /", "character"},
        {"https://acme.example/a b", "character"},
        {"https://acme.example/\t", "character"},
        {"https://acme.example/\n", "character"},
        {"https://acme.example/\x7f", "character"},
        {"https://b\xc3\xbc"
         "cher.example/",
         "character"},
        {"https://acme.example/\xc3\xbc", "character"},
        {"https://acme.example\\@evil.example/", "character"},
        {"https:\\\\acme.example/", "https://"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        sk_url url;
        support_expect_verdict(rows[i].text, sk_url_parse(*state, rows[i].text, &url),
                               rows[i].wrong);
    }
}

static void loopback_is_this_very_machine(void **state)
{
    static const struct {
        const char *host;
        bool loopback;
    } rows[] = {
        {"localhost", true},
        {"app.localhost", true},
        {"a.b.localhost", true},
        {"127.0.0.1", true},
        {"127.1.2.3", true},
        {"127.255.255.255", true},
        {"::1", true},
        {"", false},
        {"localhost.evil.com", false},
        {"evillocalhost", false},
        {"localhost.localdomain", false},
        {"127.0.0.1.evil.com", false},
        {"127.evil.com", false},
        {"127.0.0.evil", false},
        {"127.1", false},
        {"127", false},
        {"127.0.0", false},
        {"127.0.0.0.1", false},
        {"127.0.0.1.", false},
        {"127..0.1", false},
        {"127.0.0.256", false},
        {"127.0.0.0x1", false},
        {"127.0.0.010", false}, /* for some it is octal */
        {"128.0.0.1", false},
        {"1.127.0.0", false},
        {"12.7.0.0", false},
        {"1270.0.0.1", false},
        {"0.0.0.0", false},
        {"::", false},
        {"::11", false},
        {"::ffff:10.0.0.1", false},
        {"fe80::1", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        support_expect(sk_url_is_loopback(rows[i].host) == rows[i].loopback, "%s",
                       rows[i].host);
    }
}

static void legitimate_targets_survive_byte_for_byte(void **state)
{
    static const char *const targets[] = {
        "/",
        "/dashboard",
        "/search?u=https://x.y/&q=a%20b+c%2Fd",
        "/login?next=//evil.example/",
        "/?next=%2f%2fevil.example",
        "/#//evil.example",
        "/page#section-2?x",
        "/a;b=c;d?e;f",
        "/@jo/profile",
        "/a//b",
        "/a/%2f%2fb",
        "/a/%5Cb",
        "/.//a",
        "/%252fevil",
        "/%2e%2e/a",
        "/../a",
        "/note?text=line%0d%0aline%00",
        "/note#a%0Ab",
        "/100%",
        "/100%2",
        "/%zz",
        "/?a[]=1&b=$!*'(),:",
        "/~jo/-._",
        "/J%C3%BCrgen",
        "/%80%9f",
    };
    size_t i;

    for (i = 0; i < COUNT(targets); i++) {
        support_expect_text("target", sk_url_local_target(*state, targets[i]), targets[i]);
    }
}

static void what_may_not_stand_in_a_url_is_encoded(void **state)
{
    static const struct {
        const char *target, *encoded;
    } rows[] = {
        {"/J\xc3\xbcrgen", "/J%C3%BCrgen"},
        {"/a b", "/a%20b"},
        {"/a?b c", "/a?b%20c"},
        {"/a?\"<>\\^`{|}", "/a?%22%3C%3E%5C%5E%60%7B%7C%7D"},
        {"/<script>", "/%3Cscript%3E"},
        {"/a#\\evil", "/a#%5Cevil"},
        {"/\xff\xfe", "/%FF%FE"},
        {"/a%20b c", "/a%20b%20c"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        support_expect_text("target", sk_url_local_target(*state, rows[i].target),
                            rows[i].encoded);
    }
}

static void attacks_on_the_return_target_are_refused(void **state)
{
    static const char *const targets[] = {
        "",
        "dashboard",
        "./a",
        "../a",
        "?a",
        "#a",
        " /a",
        "\t/a",
        "//evil",
        "///evil",
        "//",
        "/\\evil",
        "/\\/evil",
        "/\\",
        "\\/evil",
        "\\\\evil",
        "/%2fevil",
        "/%2Fevil",
        "/%5Cevil",
        "/%5cevil",
        "/%2f%2fevil",
        "%2f%2fevil",
        "/a\\evil",
        "/a/\\evil",
        "/a/..\\..\\evil",
        "https:/evil",
        "https://evil",
        "https:evil",
        "http://evil/",
        "javascript:alert(1)",
        "JavaScript:alert(1)//",
        "data:text/html,x",
        "/\t/evil",
        "/\n/evil",
        "/\r/evil",
        "\n//evil",
        "/a\tb",
        "/a\r\nSet-Cookie: x=y",
        "/a?b\r\nSet-Cookie: x=y",
        "/a#b\n",
        "/a?\t",
        "/a\x01",
        "/a\x7f",
        "/a?\x7f",
        "/%09/evil",
        "/%0a/evil",
        "/%0d%0aSet-Cookie:x",
        "/a%0Ab",
        "/%00",
        "/a%00b",
        "/a%1f",
        "/a%7Fb",
    };
    size_t i;

    support_expect_text("NULL", sk_url_local_target(*state, NULL), NULL);
    for (i = 0; i < COUNT(targets); i++) {
        support_expect_text(targets[i], sk_url_local_target(*state, targets[i]), NULL);
    }
}

static void a_return_target_has_at_most_512_bytes(void **state)
{
    char *target = support_repeat(*state, 'a', SK_URL_TARGET_MAX + 1);

    assert_int_equal(SK_URL_TARGET_MAX, 512);
    target[0] = '/';
    assert_null(sk_url_local_target(*state, target));
    target[512] = '\0';
    assert_string_equal(sk_url_local_target(*state, target), target);
    target[511] = ' ';
    assert_null(sk_url_local_target(*state, target));
    target[510] = '\0';
    target[509] = ' ';
    assert_int_equal(strlen(sk_url_local_target(*state, target)), 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_but_unreserved_is_encoded),
        TEST(parameters_are_added),
        TEST(parameters_are_found),
        TEST(parameters_are_there_whatever_they_are_worth),
        TEST(what_is_added_is_found),
        TEST(absolute_urls_are_taken_apart),
        TEST(the_path_of_a_url_is_empty_or_begins_with_a_slash),
        TEST(bad_urls_are_refused),
        TEST(loopback_is_this_very_machine),
        TEST(legitimate_targets_survive_byte_for_byte),
        TEST(what_may_not_stand_in_a_url_is_encoded),
        TEST(attacks_on_the_return_target_are_refused),
        TEST(a_return_target_has_at_most_512_bytes),
    };

    return RUN(tests);
}
