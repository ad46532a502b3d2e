/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of the token endpoint: tokens, OAuth errors, problem documents, pages of whatever stands before Scalekit
 * (core/oauth). The input is the HTTP status in the first line, then the body.
 *
 * Tokens come with 200 alone. Only invalid_grant with a status that refuses ends a session. Of the body the log sees
 * at most the error code, in printable ASCII.
 */
#include <stdlib.h>
#include <json-c/json.h>

#include "core/json.h"
#include "core/oauth.h"
#include "fuzz.h"

static void expect_no_token(const char *token)
{
    HOLDS(!token || *token);
}

static void expect_words(const char *wrong)
{
    const char *c;

    HOLDS(*wrong && strlen(wrong) <= 96);
    for (c = wrong; *c; c++) {
        HOLDS(*c >= 0x20 && *c < 0x7f);
    }
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    char status_line[4] = "";
    const uint8_t *end = length > 0 ? memchr(bytes, '\n', length) : NULL;
    const char *body, *wrong;
    json_object *answer;
    sk_token_set tokens;
    int status;

    if (!end || end - bytes > 3) {
        return;
    }
    memcpy(status_line, bytes, (size_t)(end - bytes));
    status = atoi(status_line);
    body = (const char *)end + 1;
    length -= (size_t)(end + 1 - bytes);
    wrong = sk_oauth_read_tokens(pool, status, body, length, &tokens);
    answer = sk_json_parse(pool, body, length);

    HOLDS(!wrong == (tokens.access_token != NULL));
    if (wrong) {
        expect_words(wrong);
    }
    if (!wrong) {
        HOLDS(status == 200 && answer && !tokens.is_invalid_grant);
        HOLDS(strcmp(tokens.access_token, sk_json_text(sk_json_member(answer, "access_token")))
              == 0);
        expect_no_token(tokens.access_token);
        expect_no_token(tokens.id_token);
        expect_no_token(tokens.refresh_token);
    }
    if (tokens.is_invalid_grant) {
        HOLDS(status == 400 || status == 401 || status == 403);
        HOLDS(strcmp(sk_json_text(sk_json_member(answer, "error")), "invalid_grant") == 0);
    }
}
