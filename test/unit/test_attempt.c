/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attempt.h"

#include "support.h"

#define SECRET "a-secret-of-enough-length-00000001"

static const unsigned char seed[SK_ATTEMPT_SEED] = "seed of thirty-two bytes, or so";

static sk_sealer *sealer(apr_pool_t *pool, const char *purpose)
{
    sk_sealer *made =
        sk_sealer_create(pool, support_words(pool, SECRET), purpose, "www.example");

    assert_non_null(made);
    return made;
}

static void an_attempt_comes_back_from_its_text(void **state)
{
    static const apr_time_t times[] = {0, 1, 1700000000000000, APR_INT64_MAX, APR_INT64_MIN};
    const sk_sealer *login = sealer(*state, "login");
    size_t i;

    for (i = 0; i < COUNT(times); i++) {
        const sk_attempt *made = sk_attempt_make(*state, seed, times[i], "/a?b=c");
        const char *text = sk_attempt_seal(*state, login, seed, times[i], "/a?b=c");
        const sk_attempt *opened = sk_attempt_open(*state, login, text);
        assert_non_null(opened);
        assert_string_equal(opened->state, made->state);
        assert_string_equal(opened->nonce, made->nonce);
        assert_string_equal(opened->verifier, made->verifier);
        assert_string_equal(opened->reference, made->reference);
        assert_string_equal(opened->target, "/a?b=c");
        assert_true(opened->started == times[i]);
    }
}

static void secrets_tell_nothing_of_each_other(void **state)
{
    const sk_attempt *attempt = sk_attempt_make(*state, seed, 1, "/");

    assert_string_not_equal(attempt->state, attempt->nonce);
    assert_string_not_equal(attempt->nonce, attempt->verifier);
    assert_string_not_equal(attempt->verifier, attempt->state);
    assert_null(strstr(attempt->state, attempt->reference));
    assert_int_equal(strlen(attempt->verifier), 43); /* RFC 7636 section 4.1 wants 43 to 128 */
}

static void every_seed_has_its_own(void **state)
{
    unsigned char other[SK_ATTEMPT_SEED];
    const sk_attempt *one = sk_attempt_make(*state, seed, 1, "/");
    size_t i;

    for (i = 0; i < sizeof(other); i++) {
        const sk_attempt *two;
        memcpy(other, seed, sizeof(other));
        other[i] ^= 1;
        two = sk_attempt_make(*state, other, 1, "/");
        support_expect(strcmp(one->state, two->state) != 0, "byte %d", (int)i);
    }
}

static void other_texts_are_no_attempts(void **state)
{
    const sk_sealer *login = sealer(*state, "login"), *session = sealer(*state, "session");
    const char *text = sk_attempt_seal(*state, login, seed, 1, "/");

    assert_null(sk_attempt_open(*state, login, ""));
    assert_null(sk_attempt_open(*state, login, "x"));
    assert_null(sk_attempt_open(*state, session, text));
    assert_null(sk_attempt_open(*state, login, apr_pstrcat(*state, text, "A", NULL)));
    assert_null(sk_attempt_open(*state, login, sk_seal(*state, login, seed, sizeof(seed))));
    assert_null(sk_attempt_open(*state, login, sk_seal(*state, login, "", 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_attempt_comes_back_from_its_text),
        TEST(secrets_tell_nothing_of_each_other),
        TEST(every_seed_has_its_own),
        TEST(other_texts_are_no_attempts),
    };

    return RUN(tests);
}
