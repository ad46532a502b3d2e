/* SPDX-License-Identifier: Apache-2.0 */
#include "core/text.h"

#include <stdlib.h>
#include <string.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/crypto.h>

static const char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *sk_text_base64url(apr_pool_t *pool, const void *bytes, size_t length)
{
    const unsigned char *in = bytes;
    char *text = apr_palloc(pool, (length * 4 + 2) / 3 + 1);
    char *out = text;

    for (; length >= 3; in += 3, length -= 3) {
        unsigned int three = (unsigned int)in[0] << 16 | (unsigned int)in[1] << 8 | in[2];
        *out++ = base64url_alphabet[three >> 18];
        *out++ = base64url_alphabet[three >> 12 & 63];
        *out++ = base64url_alphabet[three >> 6 & 63];
        *out++ = base64url_alphabet[three & 63];
    }
    if (length > 0) {
        unsigned int rest =
            (unsigned int)in[0] << 16 | (length > 1 ? (unsigned int)in[1] << 8 : 0);
        *out++ = base64url_alphabet[rest >> 18];
        *out++ = base64url_alphabet[rest >> 12 & 63];
        if (length > 1) {
            *out++ = base64url_alphabet[rest >> 6 & 63];
        }
    }
    *out = '\0';
    return text;
}

/* The value of each base64url digit plus one, so that everything else is 0. */
static const unsigned char base64url_value[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
    ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
    ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
    ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
    ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
    ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63,
    ['_'] = 64,
};

unsigned char *sk_text_base64url_decode(apr_pool_t *pool, const char *text, size_t text_length,
                                        size_t *length)
{
    const unsigned char *in = (const unsigned char *)text;
    unsigned char *bytes, *out;
    unsigned int bits = 0, wrong = 0;
    size_t i;

    if (text_length % 4 == 1) {
        return NULL;
    }
    bytes = out = apr_palloc(pool, text_length / 4 * 3 + 3);
    for (i = 0; i < text_length; i++) {
        unsigned int value = base64url_value[in[i]];
        wrong |= value == 0;
        bits = bits << 6 | ((value - 1) & 63);
        if (i % 4 != 0) {
            *out++ = (unsigned char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        }
    }
    /* The last digit of an incomplete group carries 4 or 2 bits that no byte holds. */
    if (text_length % 4 == 2) {
        wrong |= bits & 15;
    }
    else if (text_length % 4 == 3) {
        wrong |= bits & 3;
    }
    if (wrong) {
        return NULL;
    }
    *out = '\0';
    *length = (size_t)(out - bytes);
    return bytes;
}

const char *sk_text_hex(apr_pool_t *pool, const unsigned char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    char *text = apr_palloc(pool, 2 * length + 1);
    size_t i;

    for (i = 0; i < length; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * length] = '\0';
    return text;
}

static const char *html_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

const char *sk_text_html(apr_pool_t *pool, const char *text)
{
    size_t length = 1;
    const char *in;
    char *html, *out;

    if (!text) {
        return "";
    }
    for (in = text; *in; in++) {
        const char *entity = html_entity(*in);
        length += entity ? strlen(entity) : 1;
    }
    html = out = apr_palloc(pool, length);
    for (in = text; *in; in++) {
        const char *entity = html_entity(*in);
        if (entity) {
            size_t size = strlen(entity);
            memcpy(out, entity, size);
            out += size;
        }
        else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return html;
}

const char *sk_text_printable(apr_pool_t *pool, const char *text, size_t limit)
{
    char *printable, *c;

    if (!text) {
        return "";
    }
    printable = apr_pstrndup(pool, text, limit);
    for (c = printable; *c; c++) {
        if (*c < 0x20 || *c > 0x7e) {
            *c = '?';
        }
    }
    return printable;
}

bool sk_text_equal(const char *one, const char *other)
{
    size_t length;

    if (!one || !other) {
        return false;
    }
    length = strlen(one);
    return length == strlen(other) && CRYPTO_memcmp(one, other, length) == 0;
}

/* Reads one character of UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF). 0 if it is none. */
static size_t utf8_character(const unsigned char *s, unsigned int *code)
{
    size_t length, i;

    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) {
        return 0;
    }
    *code = s[0] & (0x7fu >> length);
    for (i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (s[i] & 0x3f);
    }
    if ((length == 3 && (*code < 0x800 || (*code >= 0xd800 && *code <= 0xdfff)))
        || (length == 4 && (*code < 0x10000 || *code > 0x10ffff))) {
        return 0;
    }
    return length;
}

static bool is_utf8(const char *text, bool controls_too)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        unsigned int code;
        size_t length = utf8_character(s, &code);
        if (length == 0 || (!controls_too && (code < 0x20 || (code >= 0x7f && code <= 0x9f)))) {
            return false;
        }
        s += length;
    }
    return true;
}

bool sk_text_is_utf8(const char *text)
{
    return is_utf8(text, true);
}

bool sk_text_is_clean(const char *text)
{
    return is_utf8(text, false);
}

static int compare_words(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

sk_list sk_list_from_array(apr_pool_t *pool, const apr_array_header_t *array, bool sorted)
{
    sk_list list;
    int i, kept = 0;

    list.count = array->nelts;
    list.items = apr_pmemdup(pool, array->elts, sizeof(char *) * (size_t)array->nelts);
    if (sorted && list.count > 1) {
        qsort(list.items, (size_t)list.count, sizeof(char *), compare_words);
        for (i = 1; i < list.count; i++) {
            if (strcmp(list.items[kept], list.items[i]) != 0) {
                list.items[++kept] = list.items[i];
            }
        }
        list.count = kept + 1;
    }
    return list;
}

sk_list sk_list_from_words(apr_pool_t *pool, const char *words)
{
    apr_array_header_t *array = apr_array_make(pool, 8, sizeof(char *));
    char *rest = NULL, *word;

    for (word = apr_strtok(apr_pstrdup(pool, words), " ", &rest); word;
         word = apr_strtok(NULL, " ", &rest)) {
        APR_ARRAY_PUSH(array, const char *) = word;
    }
    return sk_list_from_array(pool, array, true);
}

bool sk_list_has(const sk_list *sorted, const char *word)
{
    int low = 0, high = sorted->count;

    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(word, sorted->items[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        }
        else {
            low = middle + 1;
        }
    }
    return false;
}

const char *sk_list_join(apr_pool_t *pool, const sk_list *list, char separator)
{
    size_t length = 1;
    char *joined, *out;
    int i;

    for (i = 0; i < list->count; i++) {
        length += strlen(list->items[i]) + 1;
    }
    joined = out = apr_palloc(pool, length);
    for (i = 0; i < list->count; i++) {
        size_t size = strlen(list->items[i]);
        if (i > 0) {
            *out++ = separator;
        }
        memcpy(out, list->items[i], size);
        out += size;
    }
    *out = '\0';
    return joined;
}
