/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Query strings and form bodies (core/url). The input is the query, and a value at the same time.
 *
 * What is added is found again, byte for byte, and can be nothing but a value; what is there twice is not found.
 */
#include <stdio.h>

#include "core/url.h"
#include "fuzz.h"

#define UNRESERVED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

static void expect_a_value(apr_pool_t *pool, const char *value)
{
    const char *query = sk_url_form_add(pool, "b=1", "a", value), *found;

    if (!*value) {
        HOLDS(strcmp(query, "b=1") == 0);
        return;
    }
    HOLDS(strncmp(query, "b=1&a=", 6) == 0);
    HOLDS(strspn(query + 6, UNRESERVED "%") == strlen(query + 6));
    found = sk_url_query_get(pool, query, "a");
    HOLDS(found && strcmp(found, value) == 0);
    HOLDS(strcmp(sk_url_query_get(pool, query, "b"), "1") == 0);
}

/* The value of `next` in a query that has one. */
static const char *raw_value(const char *query)
{
    while (strncmp(query, "next=", 5) != 0) {
        query += strcspn(query, "&");
        HOLDS(*query);
        query++;
    }
    return query + 5;
}

/* Every byte of it is the decoded one. */
static void expect_decoded(const char *raw, const char *found)
{
    unsigned int byte;

    for (; *found; found++) {
        if (*raw == '%') {
            HOLDS(sscanf(raw + 1, "%2x", &byte) == 1 && (unsigned char)*found == byte);
            raw += 3;
        }
        else {
            HOLDS(*found == (*raw == '+' ? ' ' : *raw));
            raw++;
        }
    }
    HOLDS(!*raw || *raw == '&');
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *query = fuzz_text(pool, bytes, length);
    const char *found = sk_url_query_get(pool, query, "next");

    expect_a_value(pool, query);
    if (found) {
        expect_decoded(raw_value(query), found);
        expect_a_value(pool, found);
        HOLDS(!sk_url_query_get(pool, apr_pstrcat(pool, query, "&next=x", NULL), "next"));
        HOLDS(!sk_url_query_get(pool, apr_pstrcat(pool, "next=&", query, NULL), "next"));
    }
}
