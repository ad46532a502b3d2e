/* SPDX-License-Identifier: Apache-2.0 */
#include "core/compress.h"

#include <apr_strings.h>

#include "support.h"

static sk_span span(const void *bytes, size_t length)
{
    sk_span s = {bytes, length};

    return s;
}

static sk_span random_bytes(apr_pool_t *pool, size_t length)
{
    unsigned char *bytes = apr_palloc(pool, length + 1);

    assert_int_equal(apr_generate_random_bytes(bytes, length + 1), APR_SUCCESS);
    return span(bytes, length);
}

static void whatever_is_compressed_is_the_same_again(void **state)
{
    static const size_t lengths[] = {0, 1, 2, 255, 256, 4096, 40000, SK_COMPRESS_MAX};
    size_t i;

    for (i = 0; i < COUNT(lengths); i++) {
        sk_span rows[] = {
            span(support_repeat(*state, 'x', lengths[i]), lengths[i]),
            random_bytes(*state, lengths[i]),
        };
        size_t row;
        for (row = 0; row < COUNT(rows); row++) {
            sk_span compressed = sk_compress(*state, rows[row]);
            sk_span plain = sk_decompress(*state, compressed);
            assert_non_null(plain.bytes);
            assert_int_equal(plain.length, lengths[i]);
            assert_memory_equal(plain.bytes, rows[row].bytes, lengths[i]);
            assert_true(compressed.length <= lengths[i] + lengths[i] / 100 + 32);
        }
    }
}

static void what_is_too_much_is_not_compressed(void **state)
{
    sk_span most = random_bytes(*state, SK_COMPRESS_MAX + 1);

    assert_null(sk_compress(*state, most).bytes);
}

/* What a session says, and its ID token says again. */
static void a_session_is_half_as_long(void **state)
{
    static const char claims[] =
        "usr_17500000000000001\0ses_35034940094918472\0org_17500000000000001\0acme\0ada\0"
        "conn_32171565057201581\0ada@acme.test\0Ada Admin\0Ada\0Admin\0admin\0"
        "email,offline_access,openid,profile\0"
        "{\"alg\":\"RS256\",\"kid\":\"snk_64964048698266643\",\"typ\":\"JWT\"}"
        "{\"iss\":\"https://acme.scalekit.com\",\"sub\":\"usr_17500000000000001\","
        "\"aud\":[\"skc_58300000000000001\"],\"azp\":\"skc_58300000000000001\","
        "\"client_id\":\"skc_58300000000000001\",\"iat\":1795741624,\"exp\":1795743424,"
        "\"amr\":[\"conn_32171565057201581\"],\"email\":\"ada@acme.test\","
        "\"email_verified\":true,\"name\":\"Ada Admin\",\"given_name\":\"Ada\","
        "\"family_name\":\"Admin\",\"oid\":\"org_17500000000000001\","
        "\"sid\":\"ses_35034940094918472\"}";

    assert_true(sk_compress(*state, span(claims, sizeof(claims))).length < sizeof(claims) / 2);
}

static void damaged_bytes_are_nothing(void **state)
{
    static const char text[] = "a session, and a session again";
    sk_span compressed = sk_compress(*state, span(text, sizeof(text)));
    unsigned char *bytes = support_copy(*state, compressed.bytes, compressed.length);
    size_t length, i;

    for (length = 0; length < compressed.length; length++) {
        assert_null(sk_decompress(*state, span(bytes, length)).bytes);
    }
    for (i = 0; i < 4; i++) {
        bytes[i] ^= 1; /* its format; its length: too much, or not what comes out */
        assert_null(sk_decompress(*state, span(bytes, compressed.length)).bytes);
        bytes[i] ^= 1;
    }
    bytes = apr_pcalloc(*state, compressed.length + 1);
    memcpy(bytes, compressed.bytes, compressed.length);
    assert_null(sk_decompress(*state, span(bytes, compressed.length + 1)).bytes);
}

/* Two pieces of the dictionary, as a server of an earlier release wrote them: who changes that raises the format. */
static void what_was_compressed_before_is_the_same(void **state)
{
    static const char text[] =
        "workspace\",\"family_name\":\"x\",\"offline_access,openid,profile\""
        "{\"iss\":\"https://acme.scalekit.com\",\"oid\":\"org_1\",\"sid\":\"ses_1\"}";
    static const unsigned char before[] = {
        0x01, 0x00, 0x00, 0x7b, 0x06, 0x6b, 0x02, 0x0c, 0x48, 0x00, 0x4f, 0x78, 0x22,
        0x2c, 0x22, 0xc4, 0x01, 0x0a, 0x1c, 0x22, 0x62, 0x01, 0x46, 0x61, 0x63, 0x6d,
        0x65, 0x59, 0x01, 0x02, 0xcc, 0x00, 0x02, 0x8a, 0x00, 0x57, 0x6f, 0x72, 0x67,
        0x5f, 0x31, 0x78, 0x00, 0x50, 0x73, 0x5f, 0x31, 0x22, 0x7d,
    };
    sk_span plain = sk_decompress(*state, span(before, sizeof(before)));

    assert_non_null(plain.bytes);
    assert_int_equal(plain.length, strlen(text));
    assert_memory_equal(plain.bytes, text, plain.length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_compressed_is_the_same_again),
        TEST(what_is_too_much_is_not_compressed),
        TEST(a_session_is_half_as_long),
        TEST(damaged_bytes_are_nothing),
        TEST(what_was_compressed_before_is_the_same),
    };

    return RUN(tests);
}
