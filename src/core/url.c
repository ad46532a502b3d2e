/* SPDX-License-Identifier: Apache-2.0 */
#include "core/url.h"

#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "core/seal.h"

static bool is_unreserved(unsigned char c)
{
    return apr_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Percent-encodes the bytes that `keep` does not want to keep. */
static const char *encode_unless(apr_pool_t *pool, const char *text,
                                 bool (*keep)(unsigned char))
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *in = (const unsigned char *)text;
    char *encoded = apr_palloc(pool, 3 * strlen(text) + 1);
    char *out = encoded;

    for (; *in; in++) {
        if (keep(*in)) {
            *out++ = (char)*in;
        }
        else {
            *out++ = '%';
            *out++ = digits[*in >> 4];
            *out++ = digits[*in & 15];
        }
    }
    *out = '\0';
    return encoded;
}

const char *sk_url_encode(apr_pool_t *pool, const char *text)
{
    return encode_unless(pool, text, is_unreserved);
}

static const char *add(apr_pool_t *pool, const char *text, const char *separator,
                       const char *name, const char *value)
{
    if (!value || !*value) {
        return text;
    }
    return apr_pstrcat(pool, text, separator, name, "=", sk_url_encode(pool, value), NULL);
}

const char *sk_url_query_add(apr_pool_t *pool, const char *url, const char *name,
                             const char *value)
{
    return add(pool, url, strchr(url, '?') ? "&" : "?", name, value);
}

const char *sk_url_form_add(apr_pool_t *pool, const char *body, const char *name,
                            const char *value)
{
    char *encoded;

    if (!value || !*value) {
        return body;
    }
    encoded = (char *)(size_t)sk_url_encode(pool, value);
    body = apr_pstrcat(pool, body, *body ? "&" : "", name, "=", encoded, NULL);
    sk_cleanse_with_pool(pool, encoded);
    sk_cleanse_with_pool(pool, (char *)(size_t)body);
    return body;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)apr_tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at `text` stands for, or -1. */
static int escaped_byte(const char *text)
{
    int high, low;

    if (text[0] != '%' || (high = hex_digit(text[1])) < 0 || (low = hex_digit(text[2])) < 0) {
        return -1;
    }
    return high << 4 | low;
}

/* Decodes `length` bytes in place of a form (plus is a space); NULL on a bad escape or a NUL. */
static const char *decode_form(apr_pool_t *pool, const char *text, size_t length)
{
    char *in = apr_pstrmemdup(pool, text, length);
    char *out = in;
    const char *decoded = in;

    for (; *in; in++) {
        if (*in == '%') {
            int byte = escaped_byte(in);
            if (byte <= 0) {
                return NULL;
            }
            *out++ = (char)byte;
            in += 2;
        }
        else {
            *out++ = *in == '+' ? ' ' : *in;
        }
    }
    *out = '\0';
    return decoded;
}

/* A parameter as it stands in a query: where its value is, and how often its name. */
typedef struct found {
    const char *value;
    size_t length;
    int times;
} found;

static found find(const char *query, const char *name)
{
    size_t name_length = strlen(name);
    found f = {NULL, 0, 0};

    while (query && *query) {
        size_t length = strcspn(query, "&");
        if (length > name_length && query[name_length] == '='
            && strncmp(query, name, name_length) == 0) {
            f.value = query + name_length + 1;
            f.length = length - name_length - 1;
            f.times++;
        }
        query += length;
        query += *query == '&';
    }
    return f;
}

bool sk_url_query_has(const char *query, const char *name)
{
    return find(query, name).times > 0;
}

const char *sk_url_query_get(apr_pool_t *pool, const char *query, const char *name)
{
    found f = find(query, name);

    return f.times == 1 ? decode_form(pool, f.value, f.length) : NULL;
}

/* A registered name or IPv4 address; we do not take internationalized names, which must come as punycode. */
static bool is_host_name(const char *host)
{
    const char *c;

    for (c = host; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '.' && *c != '_') {
            return false;
        }
    }
    return *host && *host != '.' && *host != '-';
}

static bool is_ipv6_address(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET6, host, address) == 1;
}

/* Splits "host", "host:port", "[v6]" or "[v6]:port"; NULL or what is wrong. */
static const char *parse_authority(apr_pool_t *pool, char *authority, sk_url *url)
{
    char *host = authority, *port, *c;
    bool is_v6 = *authority == '[';
    long number;

    if (strchr(authority, '@')) {
        return "it must not contain a user name or password";
    }
    if (is_v6) {
        char *end = strchr(++host, ']');
        if (!end || (end[1] && end[1] != ':')) {
            return "the host is not valid";
        }
        port = end[1] ? end + 2 : NULL;
        *end = '\0';
    }
    else if ((port = strchr(host, ':'))) {
        *port++ = '\0';
    }
    for (c = host; *c; c++) {
        *c = (char)apr_tolower(*c);
    }
    if (is_v6 ? !is_ipv6_address(host) : !is_host_name(host)) {
        return *host ? "the host is not valid" : "it names no host";
    }
    url->port = strcmp(url->scheme, "https") == 0 ? 443 : 80;
    url->origin =
        apr_pstrcat(pool, url->scheme, "://", is_v6 ? "[" : "", host, is_v6 ? "]" : "", NULL);
    if (port) {
        number = strspn(port, "0123456789") == strlen(port) ? strtol(port, NULL, 10) : 0;
        if (strlen(port) > 5 || number < 1 || number > 65535) {
            return "the port is not valid";
        }
        if (number != url->port) {
            url->port = (int)number;
            url->origin = apr_psprintf(pool, "%s:%d", url->origin, url->port);
        }
    }
    url->host = host;
    return NULL;
}

const char *sk_url_parse(apr_pool_t *pool, const char *text, sk_url *url)
{
    const char *authority, *rest, *c;

    if (strncasecmp(text, "https://", 8) == 0) {
        url->scheme = "https";
        authority = text + 8;
    }
    else if (strncasecmp(text, "http://", 7) == 0) {
        url->scheme = "http";
        authority = text + 7;
    }
    else {
        return "it must begin with https://";
    }
    for (c = text; *c; c++) {
        if (*c <= 0x20 || *c >= 0x7f || *c == '\\') {
            return "it contains a character that may not stand in a URL";
        }
    }
    rest = authority + strcspn(authority, "/?#");
    url->path = *rest == '?' || *rest == '#' ? apr_pstrcat(pool, "/", rest, NULL) : rest;
    return parse_authority(pool, apr_pstrmemdup(pool, authority, (size_t)(rest - authority)),
                           url);
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), size = strlen(suffix);

    return length >= size && strcmp(text + length - size, suffix) == 0;
}

/* Four decimal numbers, the first being 127: "127.0.0.1.example.com" is somebody else. */
static bool is_ipv4_loopback(const char *host)
{
    unsigned char address[4];

    return inet_pton(AF_INET, host, address) == 1 && address[0] == 127;
}

bool sk_url_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || has_suffix(host, ".localhost")
           || strcmp(host, "::1") == 0 || is_ipv4_loopback(host);
}

static bool is_control(int c)
{
    return (c >= 0 && c < 0x20) || c == 0x7f;
}

/* What may stand in a path, query or fragment as it is; '%' too, because a target is encoded already. */
static bool is_url_character(unsigned char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

const char *sk_url_local_target(apr_pool_t *pool, const char *target)
{
    const char *c;
    bool in_path = true;
    int second;

    if (!target || target[0] != '/' || strlen(target) > SK_URL_TARGET_MAX) {
        return NULL;
    }
    second = target[1] == '%' ? escaped_byte(target + 1) : target[1];
    if (second == '/' || second == '\\') {
        return NULL;
    }
    for (c = target; *c; c++) {
        in_path = in_path && *c != '?' && *c != '#';
        if (is_control(*c)
            || (in_path && (*c == '\\' || (*c == '%' && is_control(escaped_byte(c)))))) {
            return NULL;
        }
    }
    c = encode_unless(pool, target, is_url_character);
    return strlen(c) <= SK_URL_TARGET_MAX ? c : NULL;
}
