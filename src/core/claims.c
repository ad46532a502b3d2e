/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims.h"

#include <string.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <json-c/json.h>

#include "core/json.h"

enum { TEXT_MAX = 1024, ITEM_MAX = 256, ITEMS_MAX = 1000, NAME_MAX_LENGTH = 64 };

/* A string that can be exported, or NULL. */
static const char *clean_string(apr_pool_t *pool, json_object *value, size_t limit)
{
    const char *text = sk_json_text(value);

    return text && *text && strlen(text) <= limit && sk_text_is_clean(text)
               ? apr_pstrdup(pool, text)
               : NULL;
}

static const char *text_claim(apr_pool_t *pool, json_object *first, json_object *second,
                              const char *name)
{
    const char *text = clean_string(pool, sk_json_member(first, name), TEXT_MAX);

    return text ? text : clean_string(pool, sk_json_member(second, name), TEXT_MAX);
}

/* Joined by commas, items with commas could not be told apart. */
static void push(apr_array_header_t *items, const char *item)
{
    if (item && strlen(item) <= ITEM_MAX && !strchr(item, ',') && items->nelts < ITEMS_MAX) {
        APR_ARRAY_PUSH(items, const char *) = item;
    }
}

static void push_items(apr_pool_t *pool, apr_array_header_t *items, json_object *array)
{
    size_t i, count;

    if (!json_object_is_type(array, json_type_array)) {
        return;
    }
    count = json_object_array_length(array);
    for (i = 0; i < count && items->nelts < ITEMS_MAX; i++) {
        push(items, clean_string(pool, json_object_array_get_idx(array, i), ITEM_MAX));
    }
}

static void push_words(apr_pool_t *pool, apr_array_header_t *items, json_object *words)
{
    const char *text = clean_string(pool, words, (size_t)ITEMS_MAX * ITEM_MAX);
    char *rest, *word = text ? apr_strtok(apr_pstrdup(pool, text), " ", &rest) : NULL;

    for (; word; word = apr_strtok(NULL, " ", &rest)) {
        push(items, word);
    }
}

/* The first of the claims that is a list with something in it. */
static const char *first_list(apr_pool_t *pool, json_object *claims, const char *const *names)
{
    apr_array_header_t *items = apr_array_make(pool, 16, sizeof(char *));

    for (; *names && items->nelts == 0; names++) {
        push_items(pool, items, sk_json_member(claims, *names));
    }
    return sk_list_make(pool, items);
}

/* M2M tokens have `scopes`, an array; others `scope`, words (RFC 9068 section 2.2.3). */
static const char *scopes_of(apr_pool_t *pool, json_object *access)
{
    apr_array_header_t *items = apr_array_make(pool, 8, sizeof(char *));

    push_items(pool, items, sk_json_member(access, "scopes"));
    push_words(pool, items, sk_json_member(access, "scope"));
    return sk_list_make(pool, items);
}

/* Full Stack Auth names the connection first in `amr`; modular SSO has it in front of a `;` in `sub`. */
static const char *connection_of(apr_pool_t *pool, json_object *id, const char *sub)
{
    json_object *amr = sk_json_member(id, "amr");
    const char *first = NULL, *end;

    if (json_object_is_type(amr, json_type_array) && json_object_array_length(amr) > 0) {
        first = clean_string(pool, json_object_array_get_idx(amr, 0), ITEM_MAX);
    }
    if (first && strncmp(first, "conn_", 5) == 0) {
        return first;
    }
    if (sub && strncmp(sub, "conn_", 5) == 0 && (end = strchr(sub, ';'))) {
        return apr_pstrmemdup(pool, sub, (size_t)(end - sub));
    }
    return NULL;
}

static const char *display_name(apr_pool_t *pool, const sk_identity *identity)
{
    if (identity->name) {
        return identity->name;
    }
    if (identity->given_name && identity->family_name) {
        return apr_pstrcat(pool, identity->given_name, " ", identity->family_name, NULL);
    }
    if (identity->given_name || identity->family_name) {
        return identity->given_name ? identity->given_name : identity->family_name;
    }
    return identity->email;
}

/* Claims that are said elsewhere, or that only speak of the token itself. */
static bool is_known(const char *name)
{
    static const char *const names[] = {
#define SK_NAME(field, variable, header) #field,
        SK_IDENTITY_TEXTS(SK_NAME) SK_IDENTITY_LISTS(SK_NAME)
#undef SK_NAME
            "scope",
        "email_verified",
        "https://scalekit.com/permissions",
        "scalekit:permissions",
        "https://scalekit.com/roles",
        "iss",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "azp",
        "at_hash",
        "c_hash",
        "nonce",
        "amr",
        "acr",
        "auth_time",
        "client_id",
        "typ",
        "events",
        NULL};
    const char *const *known;

    for (known = names; *known; known++) {
        if (strcmp(*known, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_exportable_name(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= NAME_MAX_LENGTH
           && strspn(name,
                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-")
                  == length;
}

/* Strings and arrays of strings as they are; numbers, booleans and objects as JSON. NULL: it cannot be exported. */
static const char *value_of(apr_pool_t *pool, json_object *value)
{
    const char *json;

    if (json_object_is_type(value, json_type_array)) {
        apr_array_header_t *items = apr_array_make(pool, 4, sizeof(char *));
        push_items(pool, items, value);
        return sk_list_make(pool, items);
    }
    if (!value || json_object_is_type(value, json_type_string)) {
        return clean_string(pool, value, TEXT_MAX);
    }
    json = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    return strlen(json) <= TEXT_MAX && sk_text_is_clean(json) ? apr_pstrdup(pool, json) : NULL;
}

static sk_extra *named(const apr_array_header_t *extras, const char *name)
{
    int i;

    for (i = 0; i < extras->nelts; i++) {
        sk_extra *extra = &APR_ARRAY_IDX(extras, i, sk_extra);
        if (strcmp(extra->name, name) == 0) {
            return extra;
        }
    }
    return NULL;
}

/* What a claim takes of the packed record: lengths and NULs included. */
static size_t packed_size(const sk_extra *extra)
{
    return strlen(extra->name) + strlen(extra->value) + 7;
}

static void push_extra(apr_array_header_t *extras, const sk_extra *extra, size_t *room)
{
    if (packed_size(extra) <= *room) {
        *room -= packed_size(extra);
        APR_ARRAY_PUSH(extras, sk_extra) = *extra;
    }
}

static void collect_extras(apr_pool_t *pool, json_object *claims, bool is_of_id,
                           apr_array_header_t *extras, size_t *room)
{
    if (!json_object_is_type(claims, json_type_object)) {
        return;
    }
    json_object_object_foreach(claims, name, value)
    {
        sk_extra extra = {name, NULL, false, is_of_id}, *same = named(extras, name);
        if (is_known(name) || !is_exportable_name(name)
            || !(extra.value = value_of(pool, value))) {
            continue;
        }
        if (same) {
            same->is_of_id |= is_of_id && strcmp(same->value, extra.value) == 0;
            continue;
        }
        extra.name = apr_pstrdup(pool, name);
        extra.is_list = json_object_is_type(value, json_type_array) && strchr(extra.value, ',');
        push_extra(extras, &extra, room);
    }
}

/* Some providers say it as a text. Whatever else is there is no yes. */
static sk_verified verified_of(json_object *claims)
{
    json_object *value = sk_json_member(claims, "email_verified");
    bool is_true = json_object_is_type(value, json_type_boolean)
                       ? json_object_get_boolean(value)
                       : sk_text_equal(sk_json_text(value), "true");

    return is_true ? SK_VERIFIED_YES : value ? SK_VERIFIED_NO : SK_VERIFIED_UNKNOWN;
}

/* Bits of sk_identity's of_id. */
#define SK_TEXT(field, variable, header) OF_##field,
enum { SK_IDENTITY_TEXTS(SK_TEXT) OF_email_verified };
#undef SK_TEXT

/* Is the text that was taken one that the ID token says? */
static unsigned int is_of(json_object *id, const char *name, const char *taken)
{
    return taken && sk_text_equal(sk_json_text(sk_json_member(id, name)), taken) ? 1 : 0;
}

static unsigned int said_by(json_object *id, const sk_identity *identity)
{
    unsigned int said = 0;

#define SK_TEXT(field, variable, header)                                                       \
    said |= is_of(id, #field, identity->field) << OF_##field;
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    said |= (id && identity->connection_id ? 1u : 0) << OF_connection_id;
    said |= (verified_of(id) != SK_VERIFIED_UNKNOWN ? 1u : 0) << OF_email_verified;
    return said;
}

static void collect_texts(apr_pool_t *pool, json_object *id, json_object *access,
                          sk_identity *identity)
{
#define SK_TEXT(field, variable, header) identity->field = text_claim(pool, id, access, #field);
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    identity->sid = text_claim(pool, access, id, "sid");
    identity->oid = text_claim(pool, access, id, "oid");
    identity->xoid = text_claim(pool, access, id, "xoid");
    identity->xuid = text_claim(pool, access, id, "xuid");
    identity->connection_id = connection_of(pool, id, identity->sub);
    identity->email_verified = verified_of(id);
    if (identity->email_verified == SK_VERIFIED_UNKNOWN) {
        identity->email_verified = verified_of(access);
    }
    identity->of_id = said_by(id, identity);
}

/* As if the ID token that `old` was collected of were still here. */
static void keep_texts(const sk_identity *old, sk_identity *identity)
{
    const sk_identity newer = *identity;

#define SK_TEXT(field, variable, header)                                                       \
    if (old->of_id & 1u << OF_##field) {                                                       \
        identity->field = old->field;                                                          \
    }
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    identity->sid = newer.sid ? newer.sid : identity->sid;
    identity->oid = newer.oid ? newer.oid : identity->oid;
    identity->xoid = newer.xoid ? newer.xoid : identity->xoid;
    identity->xuid = newer.xuid ? newer.xuid : identity->xuid;
    if (old->of_id & 1u << OF_email_verified) {
        identity->email_verified = old->email_verified;
    }
    identity->of_id = old->of_id;
}

static void keep_extras(const sk_identity *old, apr_array_header_t *extras, size_t *room)
{
    int i;

    for (i = 0; i < old->extras_count; i++) {
        const sk_extra *extra = &old->extras[i];
        if (extra->is_of_id && !named(extras, extra->name)) {
            push_extra(extras, extra, room);
        }
    }
}

void sk_claims_collect(apr_pool_t *pool, json_object *id, json_object *access,
                       const sk_identity *old, sk_identity *identity)
{
    static const char *const permission_names[] = {
        "permissions", "https://scalekit.com/permissions", "scalekit:permissions", NULL};
    static const char *const role_names[] = {"roles", "https://scalekit.com/roles", NULL};
    apr_array_header_t *extras = apr_array_make(pool, 4, sizeof(sk_extra));
    size_t room = SK_CLAIMS_EXTRAS_MAX;

    memset(identity, 0, sizeof(*identity));
    collect_texts(pool, id, access, identity);
    collect_extras(pool, access, false, extras, &room);
    collect_extras(pool, id, true, extras, &room);
    if (!id && old) {
        keep_texts(old, identity);
        keep_extras(old, extras, &room);
    }
    identity->name = display_name(pool, identity);
    identity->roles = first_list(pool, access, role_names);
    identity->permissions = first_list(pool, access, permission_names);
    identity->scopes = scopes_of(pool, access);
    identity->extras = (sk_extra *)(void *)extras->elts;
    identity->extras_count = extras->nelts;
}

static const sk_extra *find_extra(const sk_identity *identity, const char *name)
{
    int i;

    for (i = 0; i < identity->extras_count; i++) {
        if (strcmp(identity->extras[i].name, name) == 0) {
            return &identity->extras[i];
        }
    }
    return NULL;
}

const char *sk_claims_verified(const sk_identity *identity)
{
    static const char *const texts[] = {
        [SK_VERIFIED_UNKNOWN] = NULL, [SK_VERIFIED_NO] = "false", [SK_VERIFIED_YES] = "true"};

    return texts[identity->email_verified];
}

const char *sk_claims_text(const sk_identity *identity, const char *name)
{
    const sk_extra *extra;

#define SK_TEXT(field, variable, header)                                                       \
    if (strcmp(name, #field) == 0) {                                                           \
        return identity->field;                                                                \
    }
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    if (strcmp(name, "email_verified") == 0 && sk_claims_verified(identity)) {
        return sk_claims_verified(identity);
    }
    extra = find_extra(identity, name);
    return extra && !extra->is_list ? extra->value : NULL;
}

bool sk_claims_match(const sk_identity *identity, const char *name, const char *value)
{
    const char *text = sk_claims_text(identity, name);
    const sk_extra *extra;

    if (text) {
        return strcmp(text, value) == 0;
    }
#define SK_LIST(field, variable, header)                                                       \
    if (strcmp(name, #field) == 0) {                                                           \
        return sk_list_has(identity->field, value);                                            \
    }
    SK_IDENTITY_LISTS(SK_LIST)
#undef SK_LIST
    extra = find_extra(identity, name);
    return extra && sk_list_has(extra->value, value);
}
