/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cookie.h"

#include "support.h"

static void cookies_are_read_in_their_order(void **state)
{
    static const struct {
        const char *header, *cookies;
    } rows[] = {
        {"", ""},
        {"a=1", "[a|1]"},
        {"a=1; b=2", "[a|1][b|2]"},
        {"a=1;b=2;", "[a|1][b|2]"},
        {" a = 1 ;\tb=2\t", "[a|1][b|2]"},
        {"a=1; a=2", "[a|1][a|2]"},
        {"a==1=", "[a|=1=]"},
        {"a", "[a|]"},
        {"a=", "[a|]"},
        {"=1", "[|1]"},
        {"a=\"x\"", "[a|\"x\"]"},
        {"a=\"x; b=y\"", "[a|\"x][b|y\"]"},
        {"A=1; a=2", "[A|1][a|2]"},
        {"a=1,b=2; c d=3 4", "[a|1,b=2][c d|3 4]"},
        {"a=\v1;\fb=2", "[a|\v1][\fb|2]"},
        {"a=\xff; b=\xc3\xbc", "[a|\xff][b|\xc3\xbc]"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *header = support_copy(*state, rows[i].header, strlen(rows[i].header) + 1);
        const apr_array_header_t *cookies = sk_cookie_parse(*state, header);
        const char *found = "";
        int j;
        for (j = 0; j < cookies->nelts; j++) {
            const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, j, sk_cookie);
            found =
                apr_pstrcat(*state, found, "[", cookie->name, "|", cookie->value, "]", NULL);
        }
        support_expect_text(rows[i].header, found, rows[i].cookies);
    }
}

static void an_endless_header_takes_room_once(void **state)
{
    const char *header = support_repeat(*state, ';', 10000);
    const apr_array_header_t *cookies = sk_cookie_parse(*state, header);

    assert_int_equal(cookies->nelts, 10000);
    assert_in_range(cookies->nalloc, 10000, 10001);
}

static void the_first_of_a_name_is_found(void **state)
{
    const apr_array_header_t *cookies = sk_cookie_parse(*state, "A=0; a=1; a=2; b");

    assert_string_equal(sk_cookie_find(cookies, "a"), "1");
    assert_string_equal(sk_cookie_find(cookies, "b"), "");
    assert_null(sk_cookie_find(cookies, "B"));
}

static bool is_ours(const char *name, const void *ours)
{
    return strcmp(name, ours) == 0;
}

static const char *strip(apr_pool_t *pool, const char *header)
{
    return sk_cookie_strip(pool, header, sk_cookie_parse(pool, header), is_ours, "s");
}

static void ours_are_taken_out_and_others_left_as_they_were_written(void **state)
{
    static const struct {
        const char *header, *kept;
    } rows[] = {
        {"", ""},
        {"a=1; b=2", "a=1; b=2"},
        {"s=1", ""},
        {"s=1;", ""},
        {"s=1; s=2;s=3", ""},
        {" s = 1 ; ", ""},
        {"s", ""},
        {"s=1; a=1", "a=1"},
        {"a=1; s=1", "a=1"},
        {"a=1; s=1; b=2", "a=1; b=2"},
        {"a=\"1\";s=1;  b = 2 ", "a=\"1\";  b = 2"},
        {"a=\"1; s=2\"; b=3", "a=\"1; b=3"},
        {"S=1; ss=2; __Host-s=3", "S=1; ss=2; __Host-s=3"},
        {"a=s=1", "a=s=1"},
        {"a=1,s=2; s =3; b", "a=1,s=2; b"},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const char *header = support_copy(*state, rows[i].header, strlen(rows[i].header) + 1);
        support_expect_text(rows[i].header, strip(*state, header), rows[i].kept);
    }
}

static void a_header_without_ours_is_the_same(void **state)
{
    static const char header[] = " a=1;; b=2 ;";

    assert_ptr_equal(strip(*state, header), header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cookies_are_read_in_their_order),
        TEST(an_endless_header_takes_room_once),
        TEST(the_first_of_a_name_is_found),
        TEST(ours_are_taken_out_and_others_left_as_they_were_written),
        TEST(a_header_without_ours_is_the_same),
    };

    return RUN(tests);
}
