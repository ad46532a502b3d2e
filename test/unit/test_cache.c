/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/cache.h"

#include <unistd.h>
#include <apr_shm.h>
#include <sys/wait.h>

#include "core/seal.h"
#include "support.h"

#define OLD "an-old-secret-of-enough-length-0001"
#define NEWER "a-newer-secret-of-enough-length-002"
#define URL "https://acme.scalekit.com"
#define NOW apr_time_from_sec(1000)
#define HOUR apr_time_from_sec(3600)

static char log_text[1000];

static void note(void *baton, sk_level level, const char *line)
{
    (void)baton;
    (void)level;
    apr_cpystrn(log_text, line, sizeof(log_text));
}

/* The table of this test, whoever asks. */
static sk_table *table_of(apr_pool_t *pool)
{
    sk_call call = {pool, note, NULL, 0, false, false};
    sk_table *table = sk_table_open(&call, pool, 512 * 1024);

    assert_non_null(table);
    return table;
}

/* With a memo, so that it is seen to change nothing. */
static sk_cache *cache_of(apr_pool_t *pool, const char *secrets, const char *url,
                          const char *client)
{
    sk_cache *made = sk_cache_create(pool, table_of(pool), sk_memo_create(pool, 64 * 1024),
                                     support_words(pool, secrets), url, client);

    assert_non_null(made);
    return made;
}

static sk_cache *new_cache(apr_pool_t *pool)
{
    return cache_of(pool, OLD, URL, "client");
}

static sk_cache_key name(const sk_cache *cache, const char *purpose, const char *secret)
{
    sk_cache_key key;

    assert_true(sk_cache_name(cache, purpose, secret, &key));
    return key;
}

static sk_cache_key token(const sk_cache *cache)
{
    return name(cache, "refresh", "the-refresh-token");
}

static sk_outcome set(apr_pool_t *pool, const sk_cache *cache, sk_cache_key key,
                      const char *text)
{
    sk_call call = {pool, note, NULL, 0, false, false};

    log_text[0] = '\0';
    return sk_cache_set(&call, cache, NOW, &key, text, strlen(text), HOUR);
}

static sk_outcome add(apr_pool_t *pool, const sk_cache *cache, sk_cache_key key,
                      const char *text)
{
    sk_call call = {pool, note, NULL, 0, false, false};

    return sk_cache_add(&call, cache, NOW, &key, text, strlen(text), HOUR);
}

static sk_outcome delete_if_equal(apr_pool_t *pool, const sk_cache *cache, sk_cache_key key,
                                  const char *text)
{
    sk_call call = {pool, note, NULL, 0, false, false};

    return sk_cache_delete_if_equal(&call, cache, NOW, &key, text, strlen(text));
}

static const char *get_at(apr_pool_t *pool, const sk_cache *cache, sk_cache_key key,
                          apr_time_t now)
{
    sk_call call = {pool, note, NULL, 0, false, false};
    size_t length = 99;
    const char *text = (const char *)sk_cache_get(&call, cache, now, &key, &length);

    support_expect(!text || length == strlen(text), "the length");
    return text;
}

static const char *get(apr_pool_t *pool, const sk_cache *cache, sk_cache_key key)
{
    return get_at(pool, cache, key, NOW);
}

static void values_come_back_for_their_time(void **state)
{
    const sk_cache *cache = new_cache(*state);

    assert_null(get(*state, cache, token(cache)));
    assert_int_equal(set(*state, cache, token(cache), "tokens"), SK_OUTCOME_YES);
    assert_string_equal(get(*state, cache, token(cache)), "tokens");
    assert_int_equal(set(*state, cache, token(cache), ""), SK_OUTCOME_YES);
    assert_string_equal(get(*state, cache, token(cache)), "");
    assert_string_equal(get_at(*state, cache, token(cache), NOW + HOUR - 1), "");
    assert_null(get_at(*state, cache, token(cache), NOW + HOUR));
    assert_string_equal(log_text, "");
}

static void a_lease_is_given_once_and_released_by_its_holder(void **state)
{
    sk_call call = {*state, note, NULL, 0, false, false};
    const sk_cache *cache = new_cache(*state);
    const sk_cache_key lease = token(cache);

    assert_int_equal(delete_if_equal(*state, cache, lease, "mine"), SK_OUTCOME_NO);
    assert_int_equal(add(*state, cache, lease, "mine"), SK_OUTCOME_YES);
    assert_int_equal(add(*state, cache, lease, "yours"), SK_OUTCOME_NO);
    assert_string_equal(get(*state, cache, lease), "mine");
    assert_int_equal(delete_if_equal(*state, cache, lease, "yours"), SK_OUTCOME_NO);
    assert_int_equal(delete_if_equal(*state, cache, lease, "min"), SK_OUTCOME_NO);
    assert_int_equal(delete_if_equal(*state, cache, lease, ""), SK_OUTCOME_NO);
    assert_int_equal(delete_if_equal(*state, cache, lease, "mine"), SK_OUTCOME_YES);
    assert_null(get(*state, cache, lease));
    assert_int_equal(add(*state, cache, lease, "yours"), SK_OUTCOME_YES);
    assert_int_equal(delete_if_equal(*state, cache, lease, "mine"), SK_OUTCOME_NO);
    assert_string_equal(get(*state, cache, lease), "yours");
    assert_int_equal(sk_cache_delete(&call, cache, NOW, &lease), SK_OUTCOME_YES);
    assert_int_equal(sk_cache_delete(&call, cache, NOW, &lease), SK_OUTCOME_NO);
}

static void values_up_to_the_limit_are_kept(void **state)
{
    sk_call call = {*state, note, NULL, 0, false, false};
    const sk_cache *cache = new_cache(*state);
    char *large = support_repeat(*state, 'x', SK_CACHE_VALUE_MAX + 1);
    const sk_cache_key key = token(cache);

    large[SK_CACHE_VALUE_MAX] = '\0';
    assert_int_equal(set(*state, cache, key, large), SK_OUTCOME_YES);
    assert_string_equal(log_text, "");
    assert_string_equal(get(*state, cache, key), large);
    large[SK_CACHE_VALUE_MAX] = 'x';
    assert_int_equal(set(*state, cache, key, large), SK_OUTCOME_FAILED);
    support_expect_verdict("log", log_text, "24577 bytes is too large");
    assert_int_equal(sk_cache_delete(&call, cache, NOW, &key), SK_OUTCOME_YES);
    assert_int_equal(add(*state, cache, key, large), SK_OUTCOME_FAILED);
    assert_null(get(*state, cache, key));
}

static void values_stay_while_there_is_room(void **state)
{
    sk_call call = {*state, note, NULL, 0, false, false};
    const sk_cache *cache = new_cache(*state);
    const sk_cache_key kept = token(cache);
    char *large = support_repeat(*state, 'x', SK_CACHE_VALUE_MAX);
    int i;

    assert_int_equal(sk_cache_keep(&call, cache, NOW, &kept, "session", 7, HOUR),
                     SK_OUTCOME_YES);
    for (i = 0; i < 100; i++) {
        set(*state, cache, name(cache, "refresh", apr_itoa(*state, i)), large);
    }
    assert_string_equal(get(*state, cache, kept), "session");
    assert_null(get_at(*state, cache, kept, NOW + HOUR));
    assert_int_equal(sk_cache_losses(cache), 0);
    for (i = 0; i < 100; i++) {
        sk_cache_key key = name(cache, "session", apr_itoa(*state, i));
        sk_cache_keep(&call, cache, NOW, &key, large, SK_CACHE_VALUE_MAX, HOUR);
    }
    assert_in_range(sk_cache_losses(cache), 80, 100);
}

static void names_are_apart(void **state)
{
    static const struct {
        const char *secrets, *url, *client, *purpose, *secret;
        bool is_same;
    } rows[] = {
        {OLD, URL, "client", "refresh", "the-refresh-token", true},
        {NEWER " " OLD, URL, "client", "refresh", "the-refresh-token", true},
        {OLD " " NEWER, URL, "client", "refresh", "the-refresh-token", true},
        {NEWER, URL, "client", "refresh", "the-refresh-token", true},
        {OLD, URL ".", "client", "refresh", "the-refresh-token", false},
        {OLD, URL, "clien", "refresh", "the-refresh-token", false},
        {OLD, URL, "client", "lease", "the-refresh-token", false},
        {OLD, URL, "client", "", "the-refresh-token", false},
        {OLD, URL, "client", "refresht", "he-refresh-token", false},
        {OLD, URL, "client", "refresh", "the-refresh-toke", false},
        {OLD, URL, "client", "refresh", "", false},
    };
    const sk_cache_key key = token(new_cache(*state));
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        const sk_cache *cache = cache_of(*state, rows[i].secrets, rows[i].url, rows[i].client);
        const sk_cache_key other = name(cache, rows[i].purpose, rows[i].secret);
        support_expect((memcmp(&other, &key, sizeof(key)) == 0) == rows[i].is_same, "row %d",
                       (int)i);
    }
}

static void what_does_not_open_is_not_there(void **state)
{
    const sk_cache *cache = new_cache(*state);
    const sk_cache *others[] = {
        cache_of(*state, NEWER, URL, "client"),
        cache_of(*state, OLD, "https://evil.scalekit.com", "client"),
        cache_of(*state, OLD, URL, "other"),
    };
    const sk_cache_key key = token(cache);
    size_t i;

    for (i = 0; i < COUNT(others); i++) {
        set(*state, others[i], key, "value");
        support_expect_text("its own", get(*state, others[i], key), "value");
        support_expect_text("another's", get(*state, cache, key), NULL);
        support_expect(add(*state, cache, key, "value") == SK_OUTCOME_NO, "%d: add", (int)i);
        support_expect(delete_if_equal(*state, cache, key, "value") == SK_OUTCOME_NO,
                       "%d: delete_if_equal", (int)i);
    }
    sk_table_set(table_of(*state), NOW, key.bytes, "nobody sealed this", 18, HOUR);
    assert_null(get(*state, cache, key));
    sk_table_set(table_of(*state), NOW, key.bytes, "", 0, HOUR);
    assert_null(get(*state, cache, key));
}

static void a_value_does_not_open_under_another_name(void **state)
{
    const sk_cache *cache = new_cache(*state);
    const sk_cache_key one = token(cache), other = name(cache, "refresh", "another-token");
    unsigned char *sealed;
    size_t length;

    set(*state, cache, one, "tokens of one");
    sealed = sk_table_get(table_of(*state), *state, NOW, one.bytes, &length);
    sk_table_set(table_of(*state), NOW, other.bytes, sealed, length, HOUR);
    assert_string_equal(get(*state, cache, one), "tokens of one");
    assert_null(get(*state, cache, other));
}

static void a_new_secret_in_front_keeps_what_is_there(void **state)
{
    const sk_cache *before = new_cache(*state);
    const sk_cache *both = cache_of(*state, NEWER " " OLD, URL, "client");

    add(*state, before, token(before), "old generation's");
    assert_int_equal(add(*state, both, token(both), "mine"), SK_OUTCOME_NO);
    assert_string_equal(get(*state, both, token(both)), "old generation's");
    set(*state, both, token(both), "new generation's");
    assert_null(get(*state, before, token(before)));
    assert_int_equal(add(*state, before, token(before), "mine"), SK_OUTCOME_NO);
}

static bool contains(const unsigned char *memory, size_t size, const char *text)
{
    size_t i, length = strlen(text);

    for (i = 0; i + length <= size; i++) {
        if (memory[i] == (unsigned char)text[0] && memcmp(memory + i, text, length) == 0) {
            return true;
        }
    }
    return false;
}

static void the_memory_holds_no_secret(void **state)
{
    const sk_cache *cache = new_cache(*state);
    void *segment = NULL;
    const unsigned char *memory;

    set(*state, cache, name(cache, "refresh", "rt-that-is-secret"), "at-that-is-secret");
    apr_pool_userdata_get(&segment, "mod_auth_scalekit/table", *state);
    memory = apr_shm_baseaddr_get(segment);
    sk_table_set(table_of(*state), NOW, token(cache).bytes, "a-visible-value", 15, HOUR);
    assert_true(contains(memory, apr_shm_size_get(segment), "a-visible-value"));
    assert_false(contains(memory, apr_shm_size_get(segment), "rt-that-is"));
    assert_false(contains(memory, apr_shm_size_get(segment), "at-that-is"));
    assert_false(contains(memory, apr_shm_size_get(segment), OLD));
}

/* As at Scalekit: of many processes with one token, one refreshes, and all have its result. */
static int take_part(apr_pool_t *pool, const sk_cache *cache, int round, int who)
{
    const char *secret = apr_psprintf(pool, "token %d", round);
    const char *me = apr_psprintf(pool, "process %d", who), *result;
    bool is_winner = add(pool, cache, name(cache, "lease", secret), me) == SK_OUTCOME_YES;

    if (is_winner) {
        set(pool, cache, name(cache, "result", secret), me);
    }
    while (!(result = get(pool, cache, name(cache, "result", secret)))) {
        usleep(10);
    }
    return is_winner != (strcmp(result, me) == 0);
}

static void one_process_refreshes_and_all_see_its_result(void **state)
{
    const sk_cache *cache = new_cache(*state);
    int who, round, status, wrong = 0;
    pid_t child;

    for (who = 0; who < 4; who++) {
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (round = 0; round < 300; round++) {
                wrong += take_part(*state, cache, round, who);
            }
            _exit(wrong > 0);
        }
    }
    for (who = 0; who < 4; who++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

static const char *find_at(apr_pool_t *pool, const sk_cache *cache, apr_time_t now,
                           const char *purpose, const char *secret)
{
    sk_call call = {pool, note, NULL, 0, false, false};
    size_t length;
    const char *text = (const char *)sk_cache_find(&call, cache, now, purpose, secret, &length);

    if (text) {
        assert_int_equal(length, strlen(text));
    }
    return text;
}

static const char *find(apr_pool_t *pool, const sk_cache *cache, const char *purpose,
                        const char *secret)
{
    return find_at(pool, cache, NOW, purpose, secret);
}

/* Each twice, as the second time it is remembered; and both caches have one memo. */
static void what_goes_by_a_secret_is_found_as_by_its_name(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 64 * 1024);
    sk_table *table = table_of(*state);
    apr_array_header_t *keys = support_words(*state, OLD);
    const sk_cache *cache = sk_cache_create(*state, table, memo, keys, URL, "client");
    const sk_cache *other = sk_cache_create(*state, table, memo, keys, URL, "other client");
    sk_call call = {*state, note, NULL, 0, false, false};
    sk_cache_key key = name(cache, "refresh", "a-secret");
    int round;

    assert_null(find(*state, cache, "refresh", "a-secret"));
    assert_int_equal(set(*state, cache, key, "one"), SK_OUTCOME_YES);
    assert_int_equal(set(*state, other, name(other, "refresh", "a-secret"), "other"),
                     SK_OUTCOME_YES);
    assert_int_equal(set(*state, cache, name(cache, "another", "a-secret"), "two"),
                     SK_OUTCOME_YES);
    for (round = 0; round < 2; round++) {
        support_expect_text("by its name", find(*state, cache, "refresh", "a-secret"), "one");
        support_expect_text("for another purpose", find(*state, cache, "another", "a-secret"),
                            "two");
        support_expect_text("elsewhere", find(*state, other, "refresh", "a-secret"), "other");
        assert_null(find(*state, cache, "refresh", "another-secret"));
    }
    support_expect_text("last", find(*state, cache, "refresh", "a-secret"), "one");
    assert_int_equal(set(*state, cache, key, "newer"), SK_OUTCOME_YES);
    for (round = 0; round < 2; round++) {
        support_expect_text("changed", find(*state, cache, "refresh", "a-secret"), "newer");
    }
    assert_null(find_at(*state, cache, NOW + HOUR, "refresh", "a-secret"));
    assert_int_equal(sk_cache_delete(&call, cache, NOW, &key), SK_OUTCOME_YES);
    assert_null(find(*state, cache, "refresh", "a-secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_come_back_for_their_time),
        TEST(a_lease_is_given_once_and_released_by_its_holder),
        TEST(values_up_to_the_limit_are_kept),
        TEST(values_stay_while_there_is_room),
        TEST(names_are_apart),
        TEST(what_does_not_open_is_not_there),
        TEST(a_value_does_not_open_under_another_name),
        TEST(a_new_secret_in_front_keeps_what_is_there),
        TEST(the_memory_holds_no_secret),
        TEST(what_goes_by_a_secret_is_found_as_by_its_name),
        TEST(one_process_refreshes_and_all_see_its_result),
    };

    return RUN(tests);
}
