/* SPDX-License-Identifier: Apache-2.0 */
#include "core/seal.h"

#include <openssl/hmac.h>

#include "support.h"

#define SECRET "an-old-secret-of-enough-length-0001"
#define NEWER "a-newer-secret-of-enough-length-002"

static sk_sealer *sealer(apr_pool_t *pool, const char *secrets, const char *purpose,
                         const char *context)
{
    sk_sealer *made = sk_sealer_create(pool, support_words(pool, secrets), purpose, context);

    assert_non_null(made);
    return made;
}

static sk_sealer *session_sealer(apr_pool_t *pool)
{
    return sealer(pool, SECRET, "session", "www.example");
}

static bool opens(apr_pool_t *pool, const sk_sealer *with, const char *text)
{
    size_t length = 0;

    return sk_unseal(pool, with, support_copy(pool, text, strlen(text) + 1), &length) != NULL;
}

static void what_was_sealed_opens(void **state)
{
    static const size_t lengths[] = {0, 1, 2, 3, 15, 16, 17, 1000, 16384};
    const sk_sealer *session = session_sealer(*state);
    size_t i, j;

    for (i = 0; i < COUNT(lengths); i++) {
        size_t length = 99;
        unsigned char *bytes =
            support_copy(*state, support_repeat(*state, 'x', lengths[i]), lengths[i]);
        const unsigned char *opened;
        for (j = 0; j < lengths[i]; j++) {
            bytes[j] = (unsigned char)(j * 31);
        }
        opened =
            sk_unseal(*state, session, sk_seal(*state, session, bytes, lengths[i]), &length);
        assert_non_null(opened);
        assert_int_equal(length, lengths[i]);
        assert_memory_equal(opened, bytes, length);
        assert_int_equal(opened[length], '\0');
    }
}

static unsigned char *raw(apr_pool_t *pool, const char *text, int *length)
{
    size_t size = strlen(text), i;
    char *base64 = apr_pstrcat(pool, text, "===", NULL);
    unsigned char *bytes = apr_palloc(pool, size + 3);

    for (i = 0; i < size; i++) {
        base64[i] = base64[i] == '-' ? '+' : base64[i] == '_' ? '/' : base64[i];
    }
    *length = EVP_DecodeBlock(bytes, (unsigned char *)base64, (int)((size + 3) / 4 * 4));
    *length -= (int)((4 - size % 4) % 4);
    return bytes;
}

static void every_changed_byte_is_noticed(void **state)
{
    const sk_sealer *session = session_sealer(*state);
    const char *text = sk_seal(*state, session, "content", 7);
    int length, i, bit;
    unsigned char *bytes = raw(*state, text, &length);

    assert_int_equal(length, 7 + SK_SEAL_OVERHEAD);
    assert_string_equal(support_base64url(*state, bytes, (size_t)length), text);
    for (i = 0; i < length; i++) {
        for (bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            support_expect(
                !opens(*state, session, support_base64url(*state, bytes, (size_t)length)),
                "byte %d, bit %d", i, bit);
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    }
}

static void every_changed_character_is_noticed(void **state)
{
    const sk_sealer *session = session_sealer(*state);
    char *text = apr_pstrdup(*state, sk_seal(*state, session, "content", 7)), *c;

    for (c = text; *c; c++) {
        char was = *c;
        *c = was == 'A' ? 'B' : 'A';
        support_expect(!opens(*state, session, text), "character %d", (int)(c - text));
        *c = was;
    }
    assert_true(opens(*state, session, text));
}

static void every_truncation_and_addition_is_noticed(void **state)
{
    const sk_sealer *session = session_sealer(*state);
    const char *text = sk_seal(*state, session, "content", 7);
    size_t i;

    for (i = 0; i < strlen(text); i++) {
        support_expect(!opens(*state, session, apr_pstrmemdup(*state, text, i)),
                       "%d characters", (int)i);
        support_expect(!opens(*state, session, text + i + 1), "without %d characters",
                       (int)i + 1);
    }
    assert_false(opens(*state, session, apr_pstrcat(*state, text, "A", NULL)));
    assert_false(opens(*state, session, apr_pstrcat(*state, text, "AAAA", NULL)));
    assert_false(opens(*state, session, apr_pstrcat(*state, text, "=", NULL)));
    assert_false(opens(*state, session, apr_pstrcat(*state, text, " ", NULL)));
    assert_false(opens(*state, session, apr_pstrcat(*state, text, text, NULL)));
}

static void texts_that_nobody_sealed_do_not_open(void **state)
{
    const sk_sealer *session = session_sealer(*state);

    assert_false(opens(*state, session, ""));
    assert_false(opens(*state, session, "."));
    assert_false(opens(*state, session, support_repeat(*state, 'A', 44)));
    assert_false(opens(*state, session, support_repeat(*state, '_', 400)));
}

static void purposes_contexts_and_secrets_are_apart(void **state)
{
    static const struct {
        const char *secrets, *purpose, *context;
        bool opens;
    } rows[] = {
        {SECRET, "session", "www.example", true},
        {SECRET, "login", "www.example", false},
        {SECRET, "session key id", "www.example", false},
        {SECRET, "Session", "www.example", false},
        {SECRET, "", "session\nwww.example", false},
        {SECRET, "session", "www.exampl", false},
        {SECRET, "session", "www.example.", false},
        {SECRET, "session", "", false},
        {NEWER, "session", "www.example", false},
        {SECRET "x", "session", "www.example", false},
    };
    const char *text = sk_seal(*state, session_sealer(*state), "content", 7);
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const sk_sealer *other =
            sealer(*state, rows[i].secrets, rows[i].purpose, rows[i].context);
        support_expect(opens(*state, other, text) == rows[i].opens, "row %d", (int)i);
    }
}

static void secrets_roll_over(void **state)
{
    const sk_sealer *before = sealer(*state, SECRET, "session", "www.example");
    const sk_sealer *both = sealer(*state, NEWER " " SECRET, "session", "www.example");
    const sk_sealer *after = sealer(*state, NEWER, "session", "www.example");
    const char *old_text = sk_seal(*state, before, "old", 3);
    const char *new_text = sk_seal(*state, both, "new", 3);

    assert_true(opens(*state, both, old_text));
    assert_true(opens(*state, both, new_text));
    assert_true(opens(*state, after, new_text));
    assert_false(opens(*state, before, new_text));
    assert_false(opens(*state, after, old_text));
}

static void the_same_content_is_never_sealed_the_same(void **state)
{
    const sk_sealer *session = session_sealer(*state);
    const char *one = sk_seal(*state, session, "content", 7);
    const char *other = sk_seal(*state, session, "content", 7);
    int length;

    assert_string_not_equal(one, other);
    assert_memory_not_equal(raw(*state, one, &length) + 5, raw(*state, other, &length) + 5, 12);
    assert_memory_equal(raw(*state, one, &length), raw(*state, other, &length), 5);
}

static void a_sealed_text_has_version_key_id_nonce_content_and_tag(void **state)
{
    int length;
    const unsigned char *bytes =
        raw(*state, sk_seal(*state, session_sealer(*state), "content", 7), &length);
    const char *first =
        sk_seal(*state, sealer(*state, SECRET, "login", "www.example"), "content", 7);

    assert_int_equal(SK_SEAL_OVERHEAD, 1 + 4 + 12 + 16);
    assert_int_equal(length, 7 + SK_SEAL_OVERHEAD);
    assert_int_equal(bytes[0], 1);
    assert_memory_not_equal(bytes + 17, "content", 7);
    assert_memory_not_equal(bytes + 1, raw(*state, first, &length) + 1, 4);
}

/* RFC 5869 with one block of output, from HMAC alone. */
static void hkdf_is_that_of_the_rfc(void **state)
{
    static const char salt[] = "mod_auth_scalekit";
    unsigned char extracted[32], expanded[32], derived[32];
    unsigned int length = 0;

    (void)state;
    HMAC(EVP_sha256(), salt, (int)strlen(salt), (const unsigned char *)SECRET, strlen(SECRET),
         extracted, &length);
    HMAC(EVP_sha256(), extracted, 32, (const unsigned char *)"label\x01", 6, expanded, &length);
    assert_int_equal(sk_hkdf(SECRET, "label", derived, sizeof(derived)), 1);
    assert_memory_equal(derived, expanded, sizeof(derived));
    assert_int_equal(sk_hkdf(SECRET, "other", derived, sizeof(derived)), 1);
    assert_memory_not_equal(derived, expanded, sizeof(derived));
    assert_int_equal(sk_hkdf(NEWER, "label", derived, sizeof(derived)), 1);
    assert_memory_not_equal(derived, expanded, sizeof(derived));
}

static void a_secret_is_overwritten_with_its_pool(void **state)
{
    static const char zeros[6] = {0};
    char *secret = apr_pstrdup(*state, "secret");
    apr_pool_t *pool;

    assert_int_equal(apr_pool_create(&pool, *state), APR_SUCCESS);
    sk_cleanse_with_pool(pool, secret);
    assert_string_equal(secret, "secret");
    apr_pool_destroy(pool);
    assert_memory_equal(secret, zeros, sizeof(zeros));
}

static void leave_a_copy(apr_pool_t *pool)
{
    apr_pstrdup(pool, "a refresh token");
}

static void open_a_session(apr_pool_t *pool)
{
    size_t length;
    char *bytes = apr_pstrdup(pool, "a refresh token");
    const sk_sealer *session = session_sealer(pool);
    const char *sealed = sk_seal(pool, session, bytes, strlen(bytes));

    memset(bytes, 0, strlen(bytes));
    assert_string_equal(sk_unseal(pool, session, sealed, &length), "a refresh token");
}

static void what_was_opened_is_overwritten_with_its_pool(void **state)
{
    (void)state;
    assert_true(support_leaves(leave_a_copy, "a refresh token"));
    assert_false(support_leaves(open_a_session, "a refresh token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_sealed_opens),
        TEST(every_changed_byte_is_noticed),
        TEST(every_changed_character_is_noticed),
        TEST(every_truncation_and_addition_is_noticed),
        TEST(texts_that_nobody_sealed_do_not_open),
        TEST(purposes_contexts_and_secrets_are_apart),
        TEST(secrets_roll_over),
        TEST(the_same_content_is_never_sealed_the_same),
        TEST(a_sealed_text_has_version_key_id_nonce_content_and_tag),
        TEST(hkdf_is_that_of_the_rfc),
        TEST(a_secret_is_overwritten_with_its_pool),
        TEST(what_was_opened_is_overwritten_with_its_pool),
    };

    return RUN(tests);
}
