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
    return strcmp(name, "session") == 0 || strncmp(name, "sk_login_", 9) == 0;
}

/* The next cookie with something in it that is not ours. */
static const char *next_other(apr_pool_t *pool, const char *header, sk_cookie *cookie)
{
    while ((header = sk_cookie_next(pool, header, cookie))
           && (is_ours(cookie->name, NULL) || (!*cookie->name && !*cookie->value))) {
    }
    return header;
}

static void expect_others_are_left(apr_pool_t *pool, const char *header, const char *kept)
{
    sk_cookie one, other;

    do {
        header = next_other(pool, header, &one);
        kept = next_other(pool, kept, &other);
        HOLDS(!header == !kept);
        HOLDS(!header
              || (strcmp(one.name, other.name) == 0 && strcmp(one.value, other.value) == 0));
    } while (header);
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *header = fuzz_text(pool, bytes, length), *rest;
    const char *kept = sk_cookie_strip(pool, header, is_ours, NULL);
    sk_cookie cookie;

    HOLDS(strlen(kept) <= strlen(header));
    HOLDS(sk_cookie_strip(pool, kept, is_ours, NULL) == kept);
    expect_others_are_left(pool, header, kept);
    for (rest = kept; (rest = sk_cookie_next(pool, rest, &cookie));) {
        HOLDS(!is_ours(cookie.name, NULL));
        HOLDS(!strpbrk(cookie.name, ";=") && !strchr(cookie.value, ';'));
    }
}
