/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the token endpoint: tokens, OAuth errors, problem documents, pages of whatever stands before Scalekit
 * (core/oauth). The input is the HTTP status in the first line, then the body.
 *
 * Tokens come with 200 alone. Only invalid_grant with a status that refuses ends a session. Of the body the log sees
 * at most the error code, in printable ASCII.
 */
#include <stdlib.h>

#include "core/json.h"
#include "core/oauth.h"
#include "fuzz.h"

/* The status in the first line, and *bytes is the body from then on; -1 without such a line. */
static int take_status(const uint8_t **bytes, size_t *length)
{
    char digits[4] = "";
    const uint8_t *end = *length > 0 ? memchr(*bytes, '\n', *length) : NULL;

    if (!end || end - *bytes > 3) {
        return -1;
    }
    memcpy(digits, *bytes, (size_t)(end - *bytes));
    *length -= (size_t)(end + 1 - *bytes);
    *bytes = end + 1;
    return atoi(digits);
}

static void expect_words(const char *wrong)
{
    const char *c;

    HOLDS(*wrong && strlen(wrong) <= 96);
    for (c = wrong; *c; c++) {
        HOLDS(*c >= 0x20 && *c < 0x7f);
    }
}

/* What the body has as text under this name. */
static bool is_from(struct json_object *answer, const char *name, const char *text)
{
    const char *its = sk_json_text(sk_json_member(answer, name));

    return its && *its && strcmp(its, text) == 0;
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    int status = take_status(&bytes, &length);
    sk_token_set tokens;
    const char *body = (const char *)bytes;
    const char *wrong = sk_oauth_read_tokens(pool, status, body, length, &tokens);
    struct json_object *answer = sk_json_parse(pool, body, length);

    HOLDS((wrong == NULL) == (tokens.access_token != NULL));
    if (wrong) {
        expect_words(wrong);
    }
    else {
        HOLDS(status == 200 && !tokens.is_invalid_grant);
        HOLDS(is_from(answer, "access_token", tokens.access_token));
        HOLDS(!tokens.id_token || is_from(answer, "id_token", tokens.id_token));
        HOLDS(!tokens.refresh_token || is_from(answer, "refresh_token", tokens.refresh_token));
    }
    if (tokens.is_invalid_grant) {
        HOLDS(status == 400 || status == 401 || status == 403);
        HOLDS(is_from(answer, "error", "invalid_grant"));
    }
}
