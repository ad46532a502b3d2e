/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookie headers (core/cookie). The input is the header.
 *
 * After ours were taken out none of them is left, however it was written, and all others are, in their order.
 */
#include "core/cookie.h"
#include "fuzz.h"

static bool is_ours(const char *name, const void *baton)
{
    (void)baton;
    return strcmp(name, "session") == 0 || strncmp(name, "sk_", 3) == 0;
}

/* The index of the next cookie with something in it that is not ours. */
static int next_other(const apr_array_header_t *cookies, int i)
{
    for (; i < cookies->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        if (!is_ours(cookie->name, NULL) && (*cookie->name || *cookie->value)) {
            break;
        }
    }
    return i;
}

static void expect_others_are_left(const apr_array_header_t *cookies,
                                   const apr_array_header_t *kept)
{
    int i, j;

    for (i = next_other(cookies, 0), j = next_other(kept, 0);
         i < cookies->nelts && j < kept->nelts;
         i = next_other(cookies, i + 1), j = next_other(kept, j + 1)) {
        const sk_cookie *one = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        const sk_cookie *other = &APR_ARRAY_IDX(kept, j, sk_cookie);
        HOLDS(strcmp(one->name, other->name) == 0 && strcmp(one->value, other->value) == 0);
    }
    HOLDS(i == cookies->nelts && j == kept->nelts);
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *header = fuzz_text(pool, bytes, length);
    const apr_array_header_t *cookies = sk_cookie_parse(pool, header), *left;
    const char *kept = sk_cookie_strip(pool, header, cookies, is_ours, NULL);
    int i;

    HOLDS(strlen(kept) <= strlen(header));
    left = sk_cookie_parse(pool, kept);
    HOLDS(sk_cookie_strip(pool, kept, left, is_ours, NULL) == kept);
    expect_others_are_left(cookies, left);
    for (i = 0; i < left->nelts; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(left, i, sk_cookie);
        HOLDS(!is_ours(cookie->name, NULL));
        HOLDS(!strpbrk(cookie->name, ";=") && !strchr(cookie->value, ';'));
        HOLDS(cookie->written >= kept && cookie->written < kept + strlen(kept));
    }
}
