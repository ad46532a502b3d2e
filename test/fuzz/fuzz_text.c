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

static void expect_words(apr_pool_t *pool, const char *text)
{
    sk_list words = sk_list_from_words(pool, text), again;
    int i;

    for (i = 0; i < words.count; i++) {
        HOLDS(*words.items[i] && !strchr(words.items[i], ' '));
        HOLDS(i == 0 || strcmp(words.items[i - 1], words.items[i]) < 0);
        HOLDS(sk_list_has(&words, words.items[i]) && strstr(text, words.items[i]));
    }
    HOLDS(!sk_list_has(&words, ""));
    again = sk_list_from_words(pool, sk_list_join(pool, &words, ' '));
    HOLDS(again.count == words.count);
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
    expect_words(pool, text);
    HOLDS(sk_text_equal(text, apr_pstrdup(pool, text)));
    HOLDS(!sk_text_equal(text, apr_pstrcat(pool, text, "x", NULL)));
}
