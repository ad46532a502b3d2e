/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

#include <json-c/json.h>

#include "support.h"

#define JWT "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.AQIDBAU"

static sk_record minimal_record(void)
{
    sk_record record;

    memset(&record, 0, sizeof(record));
    record.id = "i";
    record.identity.sub = "usr_1";
    return record;
}

static sk_record full_record(apr_pool_t *pool)
{
    sk_record record = minimal_record();
    sk_identity *identity = &record.identity;

    record.id = "c2Vzc2lvbg";
#define SK_TEXT(field, variable, header) identity->field = "the " #field;
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    identity->name = "J\xc3\xbcrgen";
    identity->picture = support_repeat(pool, 'p', 1000);
    identity->roles = "admin,member";
    identity->permissions = "a:read,a:write,b:read";
    identity->scopes = "openid";
    identity->email_verified = SK_VERIFIED_YES;
    identity->extras_count = 2;
    identity->extras = apr_palloc(pool, 2 * sizeof(sk_extra));
    identity->extras[0] = (sk_extra){"plan", "gold, red", false, true};
    identity->extras[1] = (sk_extra){"teams", "blue,red", true, false};
    identity->of_id = 0x1abc;
    record.login = 1758264947;
    record.confirmed = 1758264946;
    record.last_use = 1758264948;
    record.refresh_at = 1758265187;
    record.access_expiry = 1758265247;
    record.absolute_end = APR_INT64_C(253402300799);
    record.refresh_token = sk_token_pack(pool, "rt_opaque");
    record.id_token = sk_token_pack(pool, JWT);
    record.access_token = sk_token_pack(pool, JWT "_w");
    return record;
}

/* Packed bytes with nothing behind them. */
static unsigned char *pack(apr_pool_t *pool, const sk_record *record, size_t *length)
{
    const unsigned char *bytes = sk_record_pack(pool, record, length);

    return support_copy(pool, bytes, *length);
}

static void expect_records(apr_pool_t *pool, const sk_record *is, const sk_record *expected)
{
    const sk_identity *one = &is->identity, *other = &expected->identity;
    int i;

    support_expect_text("id", is->id, expected->id);
#define SK_TEXT(field, variable, header) support_expect_text(#field, one->field, other->field);
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    assert_int_equal(one->email_verified, other->email_verified);
    assert_int_equal(one->extras_count, other->extras_count);
    for (i = 0; i < one->extras_count; i++) {
        support_expect_text("extra", one->extras[i].name, other->extras[i].name);
        support_expect_text("extra", one->extras[i].value, other->extras[i].value);
        assert_int_equal(one->extras[i].is_list, other->extras[i].is_list);
        assert_int_equal(one->extras[i].is_of_id, other->extras[i].is_of_id);
    }
    assert_int_equal(one->of_id, other->of_id);
    assert_int_equal(is->login, expected->login);
    assert_int_equal(is->confirmed, expected->confirmed);
    assert_int_equal(is->last_use, expected->last_use);
    assert_int_equal(is->access_expiry, expected->access_expiry);
    assert_int_equal(is->refresh_at, expected->refresh_at);
    assert_int_equal(is->absolute_end, expected->absolute_end);
    support_expect_text("refresh token", sk_token_text(pool, &is->refresh_token),
                        sk_token_text(pool, &expected->refresh_token));
    support_expect_text("ID token", sk_token_text(pool, &is->id_token),
                        sk_token_text(pool, &expected->id_token));
    support_expect_text("access token", sk_token_text(pool, &is->access_token),
                        sk_token_text(pool, &expected->access_token));
    assert_int_equal(is->sheds_access_token, expected->sheds_access_token);
    assert_int_equal(is->sheds_id_token, expected->sheds_id_token);
}

static void expect_round_trip(apr_pool_t *pool, const sk_record *record)
{
    size_t length;
    unsigned char *bytes = pack(pool, record, &length);
    sk_span packed = {bytes, length};
    sk_record unpacked, *laid_out;

    memset(&unpacked, 0x5a, sizeof(unpacked));
    assert_true(sk_record_unpack(pool, bytes, length, &unpacked));
    expect_records(pool, &unpacked, record);

    laid_out = test_malloc(sk_record_room(&unpacked, packed));
    sk_record_lay_out(laid_out, &unpacked, packed);
    /* What it is a copy of may go. */
    memset(bytes, 0x5a, length);
    memset(unpacked.identity.extras, 0x5a,
           sizeof(sk_extra) * (size_t)record->identity.extras_count);
    expect_records(pool, laid_out, record);
    test_free(laid_out);
}

static void a_full_record_comes_back(void **state)
{
    sk_record record = full_record(*state);

    expect_round_trip(*state, &record);
}

static void a_minimal_record_comes_back(void **state)
{
    sk_record record = minimal_record();

    expect_round_trip(*state, &record);
}

static void empty_texts_and_missing_texts_differ(void **state)
{
    sk_record record = minimal_record(), unpacked;
    size_t length;
    unsigned char *bytes;

    record.identity.name = "";
    bytes = pack(*state, &record, &length);
    assert_true(sk_record_unpack(*state, bytes, length, &unpacked));
    support_expect_text("name", unpacked.identity.name, "");
    support_expect_text("email", unpacked.identity.email, NULL);
}

static void times_of_every_size_come_back(void **state)
{
    static const apr_time_t times[] = {0,     1,     127,        128,
                                       16383, 16384, 1758264947, APR_INT64_C(0xffffffffff)};
    size_t i;

    for (i = 0; i < COUNT(times); i++) {
        sk_record record = minimal_record();
        record.login = times[i];
        record.confirmed = times[(i + 3) % COUNT(times)];
        record.last_use = times[COUNT(times) - 1 - i];
        expect_round_trip(*state, &record);
    }
}

static void times_beyond_all_reason_stay_far_away(void **state)
{
    sk_record record = minimal_record(), unpacked;
    const unsigned char *bytes;
    size_t length;

    record.absolute_end = APR_INT64_C(0x7fffffffffffffff);
    record.last_use = -1;
    bytes = pack(*state, &record, &length);
    assert_true(sk_record_unpack(*state, bytes, length, &unpacked));
    assert_int_equal(unpacked.absolute_end, APR_INT64_C(0xffffffffff));
    assert_int_equal(unpacked.last_use, 0);
}

static void texts_and_lists_of_every_size_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 126, 127, 128, 2047, 2048, 16383, 16384, 70000};
    size_t i;

    for (i = 0; i < COUNT(sizes); i++) {
        sk_record record = minimal_record();
        record.identity.name = support_repeat(*state, 'n', sizes[i]);
        record.identity.permissions = support_repeat(*state, 'p', sizes[i]);
        expect_round_trip(*state, &record);
    }
}

static void strings_point_into_the_packed_bytes(void **state)
{
    sk_record record = full_record(*state), unpacked;
    size_t length;
    unsigned char *bytes = pack(*state, &record, &length);
    const char *begin = (const char *)bytes, *end = begin + length;

    assert_true(sk_record_unpack(*state, bytes, length, &unpacked));
    assert_true(unpacked.identity.sub > begin && unpacked.identity.sub < end);
    assert_true(unpacked.identity.permissions > begin && unpacked.identity.permissions < end);
    assert_true((const char *)unpacked.id_token.bytes > begin
                && (const char *)unpacked.id_token.bytes < end);
}

static void every_truncation_is_refused(void **state)
{
    sk_record record = full_record(*state), unpacked;
    size_t length, i;
    unsigned char *bytes = pack(*state, &record, &length);

    for (i = 0; i < length; i++) {
        support_expect(!sk_record_unpack(*state, support_copy(*state, bytes, i), i, &unpacked),
                       "%d bytes", (int)i);
    }
}

static void nothing_may_be_behind_a_record(void **state)
{
    sk_record record = full_record(*state), unpacked;
    size_t length;
    const unsigned char *bytes = sk_record_pack(*state, &record, &length);
    unsigned char *longer = apr_pcalloc(*state, length + 1);

    memcpy(longer, bytes, length);
    assert_true(sk_record_unpack(*state, longer, length, &unpacked));
    assert_false(sk_record_unpack(*state, longer, length + 1, &unpacked));
}

static size_t text_length(const char *text)
{
    return text ? strlen(text) : 0;
}

/* Reads all that a record holds, for a sanitizer to watch. */
static size_t read_all(apr_pool_t *pool, const sk_record *record)
{
    const sk_identity *identity = &record->identity;
    size_t length = strlen(record->id) + strlen(identity->sub);
    int i;

#define SK_TEXT(field, variable, header) length += text_length(identity->field);
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    for (i = 0; i < identity->extras_count; i++) {
        length += strlen(identity->extras[i].name) + strlen(identity->extras[i].value);
    }
    length += text_length(sk_token_text(pool, &record->refresh_token));
    length += text_length(sk_token_text(pool, &record->id_token));
    return length + text_length(sk_token_text(pool, &record->access_token));
}

static void no_changed_byte_makes_it_crash(void **state)
{
    sk_record record = full_record(*state);
    size_t length, i;
    unsigned char *bytes;
    unsigned int value;

    record.identity.picture = NULL;
    bytes = pack(*state, &record, &length);
    for (i = 0; i < length; i++) {
        unsigned char was = bytes[i];
        for (value = 0; value < 256; value++) {
            apr_pool_t *pool;
            sk_record unpacked;
            bytes[i] = (unsigned char)value;
            assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
            if (sk_record_unpack(pool, bytes, length, &unpacked)) {
                support_expect(read_all(pool, &unpacked) < 2 * length, "byte %d is %u", (int)i,
                               value);
            }
            apr_pool_destroy(pool);
        }
        bytes[i] = was;
    }
}

static void other_versions_are_no_record(void **state)
{
    sk_record record = full_record(*state), unpacked;
    size_t length;
    unsigned char *bytes = pack(*state, &record, &length);
    int version;

    assert_int_equal(bytes[0], SK_RECORD_VERSION);
    for (version = 0; version < 256; version++) {
        bytes[0] = (unsigned char)version;
        support_expect(sk_record_unpack(*state, bytes, length, &unpacked)
                           == (version == SK_RECORD_VERSION),
                       "version %d", version);
    }
    assert_false(sk_record_unpack(*state, (const unsigned char *)"", 0, &unpacked));
}

static void a_record_has_an_id_and_a_subject(void **state)
{
    sk_record record = minimal_record(), unpacked;
    size_t length;
    unsigned char *bytes;

    record.id = NULL;
    bytes = pack(*state, &record, &length);
    assert_false(sk_record_unpack(*state, bytes, length, &unpacked));
    record = minimal_record();
    record.identity.sub = NULL;
    bytes = pack(*state, &record, &length);
    assert_false(sk_record_unpack(*state, bytes, length, &unpacked));
}

/*
 * The minimal record: version, flags, "i" (2 i NUL) and "usr_1" (6 usr_1 NUL), 11 texts,
 * 3 lists, email_verified, of_id, extras, 6 times of 5 bytes, 3 tokens.
 */
enum {
    ID = 2,
    SUB = 5,
    TEXTS = 12,
    LISTS = 23,
    VERIFIED = 26,
    EXTRAS = 28,
    TIMES = 29,
    TOKENS = 59,
    END = 62
};

static void forged_counts_and_lengths_are_refused(void **state)
{
    /* What stands in place of one byte of the minimal record. */
    static const struct {
        const char *row;
        int at, length;
        const char *bytes;
    } rows[] = {
        {"an id beyond the end", ID, 1, "\x7f"},
        {"an id that ends in no NUL", ID, 1, "\x01"},
        {"an id that ends in another text", ID, 1, "\x03"},
        {"an id of 2^63 - 1 bytes", ID, 9, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
        {"a length of ten bytes", ID, 10, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
        {"a length of 2^64 - 1", ID, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
        {"a length that never ends", ID, 12,
         "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
        {"no id", ID, 1, "\x00"},
        {"no sub", SUB, 1, "\x00"},
        {"a text beyond the end", TEXTS, 1, "\x40"},
        {"a list beyond the end", LISTS, 1, "\x40"},
        {"a list of 2^31 bytes", LISTS, 5, "\x80\x80\x80\x80\x08"},
        {"a list of 2^63 - 1 bytes", LISTS, 9, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
        {"verified, but not how", VERIFIED, 1, "\x03"},
        {"verified, 255", VERIFIED, 1, "\xff"},
        {"extras, more than there are", EXTRAS, 1, "\x7f"},
        {"extras, 2^31", EXTRAS, 5, "\x80\x80\x80\x80\x08"},
        {"extras, 2^63 - 1", EXTRAS, 9, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
        {"extras, one without a name", EXTRAS, 1, "\x01"},
        {"a time of ten bytes", TIMES, 10, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
        {"a token beyond the end", TOKENS, 1, "\x03"},
        {"a token of 2^63 - 1 bytes", TOKENS, 9, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"},
    };
    sk_record record = minimal_record(), unpacked;
    size_t length, i;
    unsigned char *bytes = pack(*state, &record, &length);

    assert_int_equal(length, END);
    for (i = 0; i < COUNT(rows); i++) {
        size_t at = (size_t)rows[i].at, inserted = (size_t)rows[i].length;
        size_t forged_length = length - 1 + inserted;
        unsigned char *forged = apr_palloc(*state, forged_length);
        memcpy(forged, bytes, at);
        memcpy(forged + at, rows[i].bytes, inserted);
        memcpy(forged + at + inserted, bytes + at + 1, length - at - 1);
        support_expect(!sk_record_unpack(*state, support_copy(*state, forged, forged_length),
                                         forged_length, &unpacked),
                       "%s", rows[i].row);
    }
}

static void shed_tokens_are_not_packed_and_stay_shed(void **state)
{
    int shed;

    for (shed = 0; shed < 4; shed++) {
        sk_record record = full_record(*state), unpacked;
        size_t length;
        unsigned char *bytes;
        record.sheds_access_token = shed & 1;
        record.sheds_id_token = shed & 2;
        bytes = pack(*state, &record, &length);
        assert_true(sk_record_unpack(*state, bytes, length, &unpacked));
        assert_int_equal(unpacked.sheds_access_token, record.sheds_access_token);
        assert_int_equal(unpacked.sheds_id_token, record.sheds_id_token);
        support_expect_text("access", sk_token_text(*state, &unpacked.access_token),
                            shed & 1 ? NULL : JWT "_w");
        support_expect_text("ID", sk_token_text(*state, &unpacked.id_token),
                            shed & 2 ? NULL : JWT);
        support_expect_text("refresh", sk_token_text(*state, &unpacked.refresh_token),
                            "rt_opaque");
    }
}

static void further_claims_take_no_more_than_their_limit(void **state)
{
    sk_record without = minimal_record(), with = minimal_record();
    const char *json = "\"00\"";
    size_t length, longer;
    json_object *claims;
    int i;

    for (i = 1; i < 340; i++) {
        json = apr_psprintf(*state, "%s,\"%c%c\"", json, 'a' + i / 26, 'a' + i % 26);
    }
    claims =
        json_tokener_parse(apr_pstrcat(*state, "{\"sub\":\"usr_1\",\"x\":[", json, "]}", NULL));
    assert_non_null(claims);
    sk_claims_collect(*state, NULL, claims, NULL, &with.identity);
    json_object_put(claims);
    sk_record_pack(*state, &without, &length);
    sk_record_pack(*state, &with, &longer);
    support_expect(longer - length <= SK_CLAIMS_EXTRAS_MAX, "they take %d bytes",
                   (int)(longer - length));
}

/* ---- tokens ---- */

static void tokens_come_back_byte_for_byte(void **state)
{
    const char *const texts[] = {
        "x",
        "rt_opaque-with.dot",
        "a b\t\"c\"",
        "J\xc3\xbcrgen",
        JWT,
        "..",
        "eyJ9..AQ",
        ".e30.",
        "AQ.AQ",          /* two parts */
        "AQ.AQ.AQ.AQ",    /* four */
        "AQ.AQ.AQ.AQ.AQ", /* five: encrypted */
        JWT ".",
        JWT "=",
        "A.AQ.AQ",    /* not base64url: */
        "AQ==.AQ.AQ", /* padding */
        "AR.AQ.AQ",   /* stray bits */
        "AQ.AQ.AR",
        "AQ.+/.AQ",
        "AQ.AQ.AQ ",
        " AQ.AQ.AQ",
        "\x01.AQ.AQ",
        support_repeat(*state, 'r', 5000),
        apr_pstrcat(*state, JWT, support_repeat(*state, 'A', 6000), NULL),
    };
    size_t i;

    for (i = 0; i < COUNT(texts); i++) {
        const char *text = support_copy(*state, texts[i], strlen(texts[i]) + 1);
        sk_token token = sk_token_pack(*state, text);
        support_expect_text(text, sk_token_text(*state, &token), text);
        token.bytes = support_copy(*state, token.bytes, token.length);
        support_expect_text(text, sk_token_text(*state, &token), text);
    }
}

static void a_jwt_is_a_quarter_shorter(void **state)
{
    const char *part = support_repeat(*state, 'A', 400);
    sk_token jwt = sk_token_pack(*state, apr_pstrcat(*state, part, ".", part, ".", part, NULL));
    sk_token opaque = sk_token_pack(*state, part);

    assert_in_range(jwt.length, 900, 910);
    assert_in_range(opaque.length, 400, 402);
}

static void no_token_is_none(void **state)
{
    sk_token of_null = sk_token_pack(*state, NULL), of_nothing = sk_token_pack(*state, "");

    assert_null(of_null.bytes);
    assert_null(of_nothing.bytes);
    assert_null(sk_token_text(*state, &of_null));
    assert_null(sk_token_text(*state, &of_nothing));
}

static void damaged_tokens_do_not_crash(void **state)
{
    sk_token token = sk_token_pack(*state, JWT);
    size_t i;

    for (i = 1; i < token.length; i++) {
        sk_token cut = {support_copy(*state, token.bytes, i), i};
        support_expect(!sk_token_text(*state, &cut), "%d bytes", (int)i);
    }
}

static void pack_and_unpack(apr_pool_t *pool)
{
    sk_record record = {0}, unpacked;
    size_t length;
    const unsigned char *bytes;

    record.id = "made-up-id-of-a-record";
    record.identity.sub = "usr_1";
    record.refresh_token = sk_token_pack(pool, "rt_made-up");
    record.access_token = sk_token_pack(pool, "bWFkZQ.dXAtdG9rZW4.b2YtdGVzdHM");
    bytes = sk_record_pack(pool, &record, &length);
    assert_true(sk_record_unpack(pool, bytes, length, &unpacked));
    assert_string_equal(sk_token_text(pool, &unpacked.refresh_token), "rt_made-up");
    assert_non_null(sk_token_text(pool, &unpacked.access_token));
}

static void tokens_are_overwritten_with_their_pool(void **state)
{
    (void)state;
    assert_false(support_leaves(pack_and_unpack, "rt_made-up"));
    assert_false(support_leaves(pack_and_unpack, "up-token"));
    assert_false(support_leaves(pack_and_unpack, "bWFkZQ.dXAt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_record_comes_back),
        TEST(a_minimal_record_comes_back),
        TEST(empty_texts_and_missing_texts_differ),
        TEST(times_of_every_size_come_back),
        TEST(times_beyond_all_reason_stay_far_away),
        TEST(texts_and_lists_of_every_size_come_back),
        TEST(strings_point_into_the_packed_bytes),
        TEST(every_truncation_is_refused),
        TEST(nothing_may_be_behind_a_record),
        TEST(no_changed_byte_makes_it_crash),
        TEST(other_versions_are_no_record),
        TEST(a_record_has_an_id_and_a_subject),
        TEST(forged_counts_and_lengths_are_refused),
        TEST(shed_tokens_are_not_packed_and_stay_shed),
        TEST(further_claims_take_no_more_than_their_limit),
        TEST(tokens_come_back_byte_for_byte),
        TEST(a_jwt_is_a_quarter_shorter),
        TEST(no_token_is_none),
        TEST(damaged_tokens_do_not_crash),
        TEST(tokens_are_overwritten_with_their_pool),
    };

    return RUN(tests);
}
