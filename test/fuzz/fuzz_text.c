/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers wrote, made fit for a page, a log line, a header (core/text). The input is the text.
 *
 * What is escaped for HTML is text alone, and the same text; base64url has one spelling.
 */
#include "core/text.h"
#include "fuzz.h"

static const struct {
    const char *entity;
    char c;
} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};

/* Reads back what a browser would show. */
static char shown(const char **html)
{
    size_t i, count = sizeof(entities) / sizeof(entities[0]);

    for (i = 0; **html == '&' && i < count; i++) {
        size_t length = strlen(entities[i].entity);
        if (strncmp(*html, entities[i].entity, length) == 0) {
            *html += length;
            return entities[i].c;
        }
    }
    HOLDS(!strchr("&<>\"'", **html));
    return *(*html)++;
}

static void expect_html(const char *html, const char *text)
{
    for (; *text; text++) {
        HOLDS(*html && shown(&html) == *text);
    }
    HOLDS(!*html);
}

static void expect_printable(apr_pool_t *pool, const char *text)
{
    const char *printable = sk_text_printable(pool, text, 40);
    size_t i, length = strlen(text) < 40 ? strlen(text) : 40;

    HOLDS(strlen(printable) == length);
    for (i = 0; i < length; i++) {
        HOLDS(printable[i] >= 0x20 && printable[i] < 0x7f);
        HOLDS(printable[i] == text[i] || printable[i] == '?');
    }
}

static void expect_clean(const char *text)
{
    const unsigned char *c;

    HOLDS(sk_text_is_utf8(text));
    for (c = (const unsigned char *)text; *c; c++) {
        HOLDS(*c >= 0x20 && *c != 0x7f && *c != 0xc0 && *c != 0xc1 && *c <= 0xf4);
        HOLDS(*c != 0xc2 || c[1] >= 0xa0);
    }
}

static void expect_base64url(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *text = sk_text_base64url(pool, bytes, length);
    size_t size = 0;
    const unsigned char *decoded = sk_text_base64url_decode(pool, text, strlen(text), &size);

    HOLDS(decoded && size == length && (size == 0 || memcmp(decoded, bytes, size) == 0));
    decoded = sk_text_base64url_decode(pool, (const char *)bytes, length, &size);
    if (decoded) {
        text = sk_text_base64url(pool, decoded, size);
        HOLDS(strlen(text) == length && (length == 0 || memcmp(text, bytes, length) == 0));
    }
}

/* The words of the text, as a list: each of them is found, and nothing that begins or ends otherwise. */
static void expect_list(apr_pool_t *pool, const char *text)
{
    apr_array_header_t *words = apr_array_make(pool, 4, sizeof(char *));
    char *rest, *word = apr_strtok(apr_pstrdup(pool, text), " ,", &rest);
    const char *list, *before = "";
    int i;

    for (; word; word = apr_strtok(NULL, " ,", &rest)) {
        APR_ARRAY_PUSH(words, const char *) = word;
    }
    list = sk_list_make(pool, words);
    HOLDS(!list == (words->nelts == 0) && !sk_list_has(list, ""));
    for (i = 0; i < words->nelts; i++) {
        word = APR_ARRAY_IDX(words, i, char *);
        HOLDS(sk_list_has(list, word)
              && !sk_list_has(list, apr_pstrcat(pool, word, ",", NULL)));
    }
    for (word = apr_strtok(apr_pstrdup(pool, list ? list : ""), ",", &rest); word;
         word = apr_strtok(NULL, ",", &rest)) {
        HOLDS(strcmp(before, word) < 0);
        before = word;
    }
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *text = fuzz_text(pool, bytes, length);

    expect_html(sk_text_html(pool, text), text);
    expect_printable(pool, text);
    if (sk_text_is_clean(text)) {
        expect_clean(text);
    }
    expect_base64url(pool, bytes, length);
    expect_list(pool, text);
    HOLDS(sk_text_equal(text, apr_pstrdup(pool, text)));
    HOLDS(!sk_text_equal(text, apr_pstrcat(pool, text, "x", NULL)));
}
