/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <apr_strings.h>
#include <json-c/json.h>

#include "core/seal.h"
#include "core/text.h"

static apr_status_t release(void *value)
{
    json_object_put(value);
    return APR_SUCCESS;
}

/* A copy that ends with a NUL. json-c's own check of UTF-8 takes overlong forms and surrogates for characters. */
static const char *utf8_text(apr_pool_t *pool, const char *json, size_t length)
{
    char *text;

    if (length == 0 || length >= INT_MAX || memchr(json, '\0', length)) {
        return NULL;
    }
    text = apr_pstrmemdup(pool, json, length);
    sk_cleanse_with_pool(pool, text); /* there may be tokens in it */
    return sk_text_is_utf8(text) ? text : NULL;
}

/* The end of a string of which this is the first character; NULL if a raw control character or the end of the text is in it. */
static const char *end_of_string(const char *json)
{
    for (; *json != '"'; json += *json == '\\' ? 2 : 1) {
        if ((unsigned char)*json < 0x20 || (*json == '\\' && !json[1])) {
            return NULL;
        }
    }
    return json;
}

static bool holds_nul(const char *json, const char *end)
{
    while ((json = memchr(json, '\\', (size_t)(end - json)))) {
        if (strncmp(json, "\\u0000", 6) == 0) {
            return true;
        }
        json += 2;
    }
    return false;
}

/*
 * How many members a JSON text has, on all levels; -1 if the name of one holds a NUL, or if there is something that is not JSON (RFC
 * 8259). json-c, told to be strict, still takes names in single quotes, NaN, Infinity and raw control characters, and others who
 * read the same text may see something else in it.
 */
static long names_in_text(const char *json)
{
    static const char outside[] = "{}[],+-.0123456789eEtrufalsn \t\r\n";
    const char *string = "", *end = string; /* the one before */
    long names = 0;

    for (; *json; json++) {
        if (*json == '"') {
            string = json + 1;
            json = end = end_of_string(string);
            if (!end) {
                return -1;
            }
        }
        else if (*json == ':') {
            if (holds_nul(string, end)) {
                return -1;
            }
            names++;
        }
        else if (!strchr(outside, *json)) {
            return -1;
        }
    }
    return names;
}

/* The same of what was parsed. */
/* NOLINTNEXTLINE(misc-no-recursion): 32 levels deep at most, which is where the parser stops */
static long names_in_value(json_object *value)
{
    long names = 0;
    size_t i;

    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, name, member)
        {
            (void)name;
            names += 1 + names_in_value(member);
        }
    }
    else if (json_object_is_type(value, json_type_array)) {
        for (i = 0; i < json_object_array_length(value); i++) {
            names += names_in_value(json_object_array_get_idx(value, i));
        }
    }
    return names;
}

/*
 * Of two members of one name json-c keeps the last, and it cuts a name at a NUL; others who read the same text (cjose, the
 * application) may see it otherwise. So all that the text has must be there.
 */
json_object *sk_json_parse(apr_pool_t *pool, const char *json, size_t length)
{
    const char *text = utf8_text(pool, json, length);
    long names = text ? names_in_text(text) : -1;
    json_tokener *tokener = names >= 0 ? json_tokener_new() : NULL;
    json_object *object;

    if (!tokener) {
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    object = json_tokener_parse_ex(tokener, text, (int)length);
    if (json_tokener_get_error(tokener) != json_tokener_success
        || !json_object_is_type(object, json_type_object) || names_in_value(object) != names) {
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
