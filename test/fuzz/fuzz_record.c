/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session records (core/record). The input is what was unsealed.
 *
 * A record that unpacks lies within its bytes, is whole and nothing more, and packs to one that unpacks the same.
 */
#include "core/record.h"
#include "fuzz.h"

static const unsigned char *first, *last; /* the packed bytes */

static void expect_text(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    HOLDS(!text || (at >= first && at + strlen(text) <= last));
}

static void expect_token(apr_pool_t *pool, const sk_token *token)
{
    const char *text = sk_token_text(pool, token), *again;
    sk_token packed = sk_token_pack(pool, text);

    HOLDS(!token->bytes || (token->bytes >= first && token->bytes + token->length - 1 <= last));
    if (text && *text) {
        again = sk_token_text(pool, &packed);
        HOLDS(strcmp(text, again) == 0);
    }
}

static void expect_good(apr_pool_t *pool, const sk_record *record)
{
    const sk_identity *identity = &record->identity;
    int i;

    HOLDS(record->id && identity->sub);
    expect_text(record->id);
#define SK_TEXT(field, variable, header) expect_text(identity->field);
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    for (i = 0; i < identity->extras_count; i++) {
        expect_text(identity->extras[i].name);
        expect_text(identity->extras[i].value);
    }
    HOLDS(record->login >= 0 && record->confirmed >= 0 && record->last_use >= 0);
    HOLDS(record->access_expiry >= 0 && record->refresh_at >= 0 && record->absolute_end >= 0);
    expect_token(pool, &record->refresh_token);
    expect_token(pool, &record->id_token);
    expect_token(pool, &record->access_token);
}

static void expect_nothing_less_or_more(apr_pool_t *pool, const unsigned char *bytes,
                                        size_t length)
{
    unsigned char *longer = apr_pcalloc(pool, length + 1);
    sk_record record;

    memcpy(longer, bytes, length);
    HOLDS(!sk_record_unpack(pool, longer, length + 1, &record));
    HOLDS(!sk_record_unpack(pool, longer, length - 1, &record));
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    sk_record record, again;
    const unsigned char *packed, *packed_again;
    size_t size, size_again;

    if (!sk_record_unpack(pool, bytes, length, &record)) {
        return;
    }
    first = bytes;
    last = bytes + length - 1;
    expect_good(pool, &record);
    expect_nothing_less_or_more(pool, bytes, length);
    packed = sk_record_pack(pool, &record, &size);
    HOLDS(size <= length);
    HOLDS(sk_record_unpack(pool, packed, size, &again));
    packed_again = sk_record_pack(pool, &again, &size_again);
    HOLDS(size == size_again && memcmp(packed, packed_again, size) == 0);
}
