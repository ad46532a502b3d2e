/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <apr_strings.h>
#include <json-c/json.h>

#include "core/text.h"

static apr_status_t release(void *value)
{
    json_object_put(value);
    return APR_SUCCESS;
}

/* json-c's own check of UTF-8 takes overlong forms and surrogates for characters. */
static bool is_utf8_text(apr_pool_t *pool, const char *json, size_t length)
{
    return length > 0 && length < INT_MAX && !memchr(json, '\0', length)
           && sk_text_is_utf8(apr_pstrmemdup(pool, json, length));
}

/*
 * json-c, told to be strict, still takes names in single quotes, NaN, Infinity and raw control characters. None of them
 * is JSON (RFC 8259), and others who read the same text may see something else in it.
 */
static bool has_json_characters(const char *json, size_t length)
{
    static const char outside[] = "{}[]:,+-.0123456789eEtrufalsn \t\r\n";
    bool is_inside = false; /* of a string */
    size_t i;

    for (i = 0; i < length; i++) {
        if (json[i] == '"') {
            is_inside = !is_inside;
        }
        else if (is_inside ? (unsigned char)json[i] < 0x20 : !strchr(outside, json[i])) {
            return false;
        }
        else if (json[i] == '\\') {
            i++;
        }
    }
    return true;
}

json_object *sk_json_parse(apr_pool_t *pool, const char *json, size_t length)
{
    json_tokener *tokener;
    json_object *object;

    if (!is_utf8_text(pool, json, length) || !has_json_characters(json, length)
        || !(tokener = json_tokener_new())) {
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    object = json_tokener_parse_ex(tokener, json, (int)length);
    if (json_tokener_get_error(tokener) != json_tokener_success
        || !json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    if (object) {
        apr_pool_cleanup_register(pool, object, release, apr_pool_cleanup_null);
    }
    return object;
}

json_object *sk_json_member(json_object *object, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

const char *sk_json_text(json_object *value)
{
    const char *text;

    if (!json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}
