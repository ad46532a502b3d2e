/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON that strangers sent, read strictly. Values belong to the object that was parsed, which dies with its pool.
 */
#ifndef SK_CORE_JSON_H
#define SK_CORE_JSON_H

#include <stddef.h>
#include <apr_pools.h>

struct json_object;

/**
 * Reads one JSON object: whole, valid UTF-8, at most 32 levels deep, no NUL in its text or in a name, no name twice in one
 * object. NULL if it is none.
 */
struct json_object *sk_json_parse(apr_pool_t *pool, const char *json, size_t length);

/** The member of an object; NULL if it is not there, null, or the object is none. */
struct json_object *sk_json_member(struct json_object *object, const char *name);

/** The text of a string value; NULL if it is something else or NULL, or holds a NUL that would cut it short. */
const char *sk_json_text(struct json_object *value);

#endif
