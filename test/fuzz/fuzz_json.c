/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that strangers sent (core/json). The input is the JSON.
 *
 * What is read is one object in UTF-8, not deep, and the same when it is written and read again.
 */
#include <json-c/json.h>

#include "core/json.h"
#include "core/text.h"
#include "fuzz.h"

enum { DEEPEST = 32 };

static void expect_good(json_object *value, int depth)
{
    size_t i;

    HOLDS(depth <= DEEPEST);
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, name, member)
        {
            HOLDS(sk_text_is_utf8(name));
            expect_good(member, depth + 1);
        }
    }
    else if (json_object_is_type(value, json_type_array)) {
        for (i = 0; i < json_object_array_length(value); i++) {
            expect_good(json_object_array_get_idx(value, i), depth + 1);
        }
    }
    else if (sk_json_text(value)) {
        HOLDS(sk_text_is_utf8(sk_json_text(value)));
    }
}

/* Outside of strings; what json-c takes besides has other characters, such as the / of a comment. */
static void expect_json_characters(const char *text)
{
    bool is_inside = false;

    for (; *text; text++) {
        if (*text == '"') {
            is_inside = !is_inside;
        }
        else if (is_inside && *text == '\\') {
            text++;
        }
        else {
            HOLDS(is_inside ? (unsigned char)*text >= 0x20
                            : strchr("{}[]:,+-.0123456789eEtrufalsn \t\r\n", *text) != NULL);
        }
    }
    HOLDS(!is_inside);
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    json_object *object = sk_json_parse(pool, (const char *)bytes, length), *again;
    const char *text, *written;

    if (!object) {
        return;
    }
    text = fuzz_text(pool, bytes, length);
    HOLDS(strlen(text) == length && text[strspn(text, " \t\r\n")] == '{');
    expect_json_characters(text);
    expect_good(object, 0);
    HOLDS(!sk_json_text(object));
    written = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
    again = sk_json_parse(pool, written, strlen(written));
    HOLDS(again && json_object_equal(object, again));
}
