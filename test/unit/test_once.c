/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/once.h"

#include "support.h"

static void a_text_is_used_once_until_it_is_forgotten(void **state)
{
    sk_once *once = sk_once_create(*state, 4);

    assert_int_equal(sk_once_use(once, "a", 100, 200), SK_ONCE_FIRST);
    assert_int_equal(sk_once_use(once, "a", 100, 200), SK_ONCE_AGAIN);
    assert_int_equal(sk_once_use(once, "a", 199, 300), SK_ONCE_AGAIN);
    assert_int_equal(sk_once_use(once, "b", 100, 300), SK_ONCE_FIRST);
    assert_int_equal(sk_once_use(once, "a", 200, 400), SK_ONCE_FIRST);
    assert_int_equal(sk_once_use(once, "b", 200, 400), SK_ONCE_AGAIN);
    assert_int_equal(sk_once_use(once, "", 200, 400), SK_ONCE_FIRST);
}

static void a_full_memory_lets_nothing_through(void **state)
{
    sk_once *once = sk_once_create(*state, 2);

    assert_int_equal(sk_once_use(once, "a", 100, 200), SK_ONCE_FIRST);
    assert_int_equal(sk_once_use(once, "b", 100, 300), SK_ONCE_FIRST);
    assert_int_equal(sk_once_use(once, "c", 100, 300), SK_ONCE_FULL);
    assert_int_equal(sk_once_use(once, "a", 100, 300), SK_ONCE_AGAIN);
    assert_int_equal(sk_once_use(once, "c", 200, 300), SK_ONCE_FIRST);
    assert_int_equal(sk_once_use(once, "a", 200, 300), SK_ONCE_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_is_used_once_until_it_is_forgotten),
        TEST(a_full_memory_lets_nothing_through),
    };

    return RUN(tests);
}
