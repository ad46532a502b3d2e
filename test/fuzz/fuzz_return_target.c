/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Return targets (core/url). The input is the target.
 *
 * One that is accepted is a path of this host, also for a browser that ignores what it may ignore; one that is
 * plainly such a path is accepted, byte for byte.
 */
#include "core/url.h"
#include "fuzz.h"

#define URL_CHARACTERS                                                                         \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?#[]"

static void expect_ours(apr_pool_t *pool, const char *target)
{
    const char *c;
    sk_url url;

    HOLDS(target[0] == '/' && target[1] != '/' && target[1] != '\\');
    HOLDS(strncasecmp(target, "/%2f", 4) != 0 && strncasecmp(target, "/%5c", 4) != 0);
    HOLDS(strlen(target) <= SK_URL_TARGET_MAX);
    for (c = target; *c; c++) {
        HOLDS(*c > 0x20 && *c < 0x7f && !strchr("\\\"<>^`{|}", *c));
    }
    HOLDS(!sk_url_parse(pool, apr_pstrcat(pool, "https://site.example", target, NULL), &url));
    HOLDS(strcmp(url.origin, "https://site.example") == 0 && strcmp(url.path, target) == 0);
    HOLDS(strcmp(sk_url_local_target(pool, target), target) == 0);
}

static bool is_plain(const char *text)
{
    size_t length = strlen(text);

    return text[0] == '/' && text[1] != '/' && length <= SK_URL_TARGET_MAX
           && strspn(text, URL_CHARACTERS) == length;
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    const char *text = fuzz_text(pool, bytes, length);
    const char *target = sk_url_local_target(pool, text);

    if (target) {
        HOLDS(!memchr(text, '\\', strcspn(text, "?#")));
        expect_ours(pool, target);
    }
    if (is_plain(text)) {
        HOLDS(target && strcmp(target, text) == 0);
    }
}
