/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tokens say of a user (core/claims). The input is the ID token's claims in the first line, the access token's
 * in the rest.
 *
 * Whatever is taken is clean: it can stand in a header, a variable or a log line, and items of a list can be told
 * apart when they are joined by commas. All of it comes back from a packed record.
 */
#include "core/claims.h"
#include "core/json.h"
#include "core/record.h"
#include "fuzz.h"

static void expect_clean(const char *text, size_t most)
{
    HOLDS(*text && strlen(text) <= most && sk_text_is_clean(text));
}

static void expect_list(apr_pool_t *pool, const sk_identity *identity, const char *name,
                        const char *list)
{
    const char *before = "";
    char *rest, *item = list ? apr_strtok(apr_pstrdup(pool, list), ",", &rest) : NULL;

    for (; item; item = apr_strtok(NULL, ",", &rest)) {
        expect_clean(item, 256);
        HOLDS(strcmp(before, item) < 0);
        HOLDS(sk_claims_match(identity, name, item));
        before = item;
    }
    HOLDS(!sk_claims_match(identity, name, ""));
}

static void expect_extras(apr_pool_t *pool, const sk_identity *identity)
{
    size_t size = 0;
    int i;

    for (i = 0; i < identity->extras_count; i++) {
        const sk_extra *extra = &identity->extras[i];
        expect_clean(extra->name, 64);
        HOLDS(!strpbrk(extra->name, "=\"'<>&%, "));
        if (extra->is_list) {
            expect_list(pool, identity, extra->name, extra->value);
        }
        else {
            expect_clean(extra->value, 1024);
        }
        size += strlen(extra->name) + strlen(extra->value);
    }
    HOLDS(size <= SK_CLAIMS_EXTRAS_MAX);
}

static void expect_it_comes_back(apr_pool_t *pool, const sk_identity *identity)
{
    sk_record record, unpacked;
    const unsigned char *bytes, *again;
    size_t length, again_length;

    memset(&record, 0, sizeof(record));
    record.id = "id";
    record.identity = *identity;
    bytes = sk_record_pack(pool, &record, &length);
    HOLDS(sk_record_unpack(pool, bytes, length, &unpacked) == (identity->sub != NULL));
    if (identity->sub) {
        again = sk_record_pack(pool, &unpacked, &again_length);
        HOLDS(length == again_length && memcmp(bytes, again, length) == 0);
    }
}

static bool is_same(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

/* The same access token without the ID token says what both say. */
static void expect_same(const sk_identity *one, const sk_identity *other)
{
    int i;

#define SK_TEXT(field, variable, header) HOLDS(is_same(one->field, other->field));
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    HOLDS(one->email_verified == other->email_verified);
    HOLDS(one->extras_count == other->extras_count);
    for (i = 0; i < one->extras_count; i++) {
        HOLDS(is_same(one->extras[i].name, other->extras[i].name));
        HOLDS(is_same(one->extras[i].value, other->extras[i].value));
    }
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    char *rest = apr_pstrmemdup(pool, length > 0 ? (const char *)bytes : "", length);
    const char *id = fuzz_line(&rest);
    struct json_object *access = sk_json_parse(pool, rest, strlen(rest));
    sk_identity identity, refreshed;

    sk_claims_collect(pool, sk_json_parse(pool, id, strlen(id)), access, NULL, &identity);
    sk_claims_collect(pool, NULL, access, &identity, &refreshed);
    expect_same(&refreshed, &identity);
#define SK_TEXT(field, variable, header)                                                       \
    if (identity.field) {                                                                      \
        expect_clean(identity.field, 2049);                                                    \
        HOLDS(sk_claims_match(&identity, #field, identity.field));                             \
    }
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
#define SK_LIST(field, variable, header) expect_list(pool, &identity, #field, identity.field);
    SK_IDENTITY_LISTS(SK_LIST)
#undef SK_LIST
    expect_extras(pool, &identity);
    expect_it_comes_back(pool, &identity);
}
