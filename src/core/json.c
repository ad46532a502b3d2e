/* SPDX-License-Identifier: Apache-2.0 */
#include "core/json.h"

#include <limits.h>
#include <string.h>
#include <json-c/json.h>

static apr_status_t release(void *value)
{
    json_object_put(value);
    return APR_SUCCESS;
}

json_object *sk_json_parse(apr_pool_t *pool, const char *json, size_t length)
{
    json_tokener *tokener = json_tokener_new();
    json_object *value = NULL;
    int flags = JSON_TOKENER_STRICT;

#ifdef JSON_TOKENER_VALIDATE_UTF8
    flags |= JSON_TOKENER_VALIDATE_UTF8;
#endif
    if (!tokener) {
        return NULL;
    }
    if (length > 0 && length < INT_MAX) {
        json_tokener_set_flags(tokener, flags);
        value = json_tokener_parse_ex(tokener, json, (int)length);
        if (json_tokener_get_error(tokener) != json_tokener_success) {
            json_object_put(value);
            value = NULL;
        }
    }
    json_tokener_free(tokener);
    if (value) {
        apr_pool_cleanup_register(pool, value, release, apr_pool_cleanup_null);
    }
    return value;
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
