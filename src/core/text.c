/* SPDX-License-Identifier: Apache-2.0 */
#include "core/text.h"

#include <stdint.h>
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

/* The value of each base64url digit; of everything else -1, whose highest bit stays set wherever it is shifted to. */
#define NO_DIGIT 0x80000000u
static const signed char base64url_value[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, 62, -1, -1, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1, -1, 0,
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, -1, -1, -1, -1, 63, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
    39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

static uint32_t digit(unsigned char c, int shift)
{
    return (uint32_t)base64url_value[c] << shift;
}

unsigned char *sk_text_base64url_decode(apr_pool_t *pool, const char *text, size_t text_length,
                                        size_t *length)
{
    const unsigned char *in = (const unsigned char *)text;
    size_t rest = text_length % 4;
    const unsigned char *const end = in + text_length - rest;
    unsigned char *bytes, *out;
    uint32_t bits, all = 0;

    if (rest == 1) {
        return NULL;
    }
    bytes = out = apr_palloc(pool, text_length / 4 * 3 + 3);
    for (; in < end; in += 4, out += 3) {
        bits = digit(in[0], 18) | digit(in[1], 12) | digit(in[2], 6) | digit(in[3], 0);
        all |= bits;
        out[0] = (unsigned char)(bits >> 16);
        out[1] = (unsigned char)(bits >> 8);
        out[2] = (unsigned char)bits;
    }
    /* The last digit of an incomplete group carries 4 or 2 bits that no byte holds. */
    if (rest) {
        bits = digit(in[0], 18) | digit(in[1], 12) | (rest == 3 ? digit(in[2], 6) : 0);
        all |= bits | ((bits & (rest == 3 ? 0xff : 0xffff)) ? NO_DIGIT : 0);
        *out++ = (unsigned char)(bits >> 16);
        if (rest == 3) {
            *out++ = (unsigned char)(bits >> 8);
        }
    }
    if (all & NO_DIGIT) {
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
        size_t length;
        if (*s >= 0x20 && *s < 0x7f) {
            s++;
            continue;
        }
        length = utf8_character(s, &code);
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

/* ---- lists ---- */

static int compare_items(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

const char *sk_list_make(apr_pool_t *pool, const apr_array_header_t *items)
{
    apr_array_header_t *sorted;
    int i, kept = 0;

    if (items->nelts == 0) {
        return NULL;
    }
    sorted = apr_array_copy(pool, items);
    qsort(sorted->elts, (size_t)sorted->nelts, sizeof(char *), compare_items);
    for (i = 1; i < sorted->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(sorted, kept, char *), APR_ARRAY_IDX(sorted, i, char *))
            != 0) {
            APR_ARRAY_IDX(sorted, ++kept, char *) = APR_ARRAY_IDX(sorted, i, char *);
        }
    }
    sorted->nelts = kept + 1;
    return apr_array_pstrcat(pool, sorted, ',');
}

bool sk_list_has(const char *list, const char *item)
{
    const char *low = list, *high = list ? list + strlen(list) : NULL;

    while (low < high) {
        const char *middle = low + (high - low) / 2, *end;
        int order;
        while (middle > low && middle[-1] != ',') {
            middle--;
        }
        end = memchr(middle, ',', (size_t)(high - middle));
        end = end ? end : high;
        order = strncmp(item, middle, (size_t)(end - middle));
        if (order == 0 && !item[end - middle]) {
            return true;
        }
        if (order < 0) {
            high = middle > low ? middle - 1 : low;
        }
        else {
            low = end < high ? end + 1 : high;
        }
    }
    return false;
}
