/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memo.h"

#include <stdalign.h>
#include <stddef.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "support.h"

static const int here, elsewhere;

static sk_span span(const char *text)
{
    sk_span bytes = {text, strlen(text)};

    return bytes;
}

static const char *find_of(sk_memo *memo, apr_pool_t *pool, const void *owner, const char *text)
{
    sk_span found;

    if (!sk_memo_find(memo, pool, owner, span(text), &found, NULL)) {
        return NULL;
    }
    assert_int_equal(found.length, strlen(found.bytes));
    return found.bytes;
}

static const char *find(sk_memo *memo, apr_pool_t *pool, const char *text)
{
    return find_of(memo, pool, &here, text);
}

static void add_span(sk_memo *memo, sk_span closed, sk_span content)
{
    void *room = sk_memo_room(memo, &here, closed, content.length);

    if (room) {
        assert_int_equal((uintptr_t)room % alignof(max_align_t), 0);
        memcpy(room, content.bytes, content.length);
        sk_memo_keep(memo, room);
    }
}

static void add(sk_memo *memo, const char *text, const char *made)
{
    add_span(memo, span(text), span(made));
}

static void finds_what_was_added(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);

    assert_non_null(memo);
    assert_null(find(memo, *state, "one"));
    add(memo, "one", "first");
    add(memo, "two", "second");
    assert_string_equal(find(memo, *state, "one"), "first");
    assert_string_equal(find(memo, *state, "two"), "second");
    assert_null(find(memo, *state, "tw"));
    assert_null(find(memo, *state, "two."));
}

static void finds_all_bytes(void **state)
{
    static const char bytes[] = "with\0a NUL", other[] = "with\0another";
    const sk_span closed = {bytes, sizeof(bytes) - 1}, alike = {other, sizeof(other) - 1};
    sk_memo *memo = sk_memo_create(*state, 4096);
    sk_span found;

    add_span(memo, closed, closed);
    assert_false(sk_memo_find(memo, *state, &here, alike, &found, NULL));
    assert_true(sk_memo_find(memo, *state, &here, closed, &found, NULL));
    assert_int_equal(found.length, closed.length);
    assert_memory_equal(found.bytes, bytes, sizeof(bytes));
}

static void none_remembers_nothing(void **state)
{
    add(NULL, "one", "first");
    assert_null(find(NULL, *state, "one"));
}

static void tells_apart_what_begins_alike(void **state)
{
    static const char beginning[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    sk_memo *memo = sk_memo_create(*state, 4096);

    add(memo, apr_pstrcat(*state, beginning, "a", NULL), "first");
    assert_null(find(memo, *state, apr_pstrcat(*state, beginning, "b", NULL)));
    assert_null(find(memo, *state, beginning));
    add(memo, apr_pstrcat(*state, beginning, "b", NULL), "second");
    assert_string_equal(find(memo, *state, apr_pstrcat(*state, beginning, "a", NULL)), "first");
    assert_string_equal(find(memo, *state, apr_pstrcat(*state, beginning, "b", NULL)),
                        "second");
}

static void replaces_what_was_there(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);

    add(memo, "one", "first");
    add(memo, "one", "second");
    assert_string_equal(find(memo, *state, "one"), "second");
}

static sk_memo_note *note_of(sk_memo *memo, apr_pool_t *pool, const char *text)
{
    sk_memo_note *note = (sk_memo_note *)pool;
    sk_span found;
    bool is_known = sk_memo_find(memo, pool, &here, span(text), &found, &note);

    assert_int_equal(is_known, note != NULL);
    return note;
}

static void keeps_a_note_beside_each(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);
    sk_memo_note *note;

    assert_null(note_of(memo, *state, "one"));
    assert_null(note_of(NULL, *state, "one"));
    add(memo, "one", "first");
    add(memo, "two", "second");
    note = note_of(memo, *state, "one");
    assert_int_equal(*note, 0);
    *note = 7;
    assert_ptr_equal(note_of(memo, *state, "one"), note);
    assert_int_equal(*note_of(memo, *state, "two"), 0);
    add(memo, "one", "first");
    assert_int_equal(*note_of(memo, *state, "one"), 0);
}

static void keeps_owners_apart(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);

    add(memo, "one", "first");
    assert_null(find_of(memo, *state, &elsewhere, "one"));
    assert_string_equal(find(memo, *state, "one"), "first");
}

static void what_is_in_use_stays_as_it_is(void **state)
{
    apr_pool_t *pool, *request;
    sk_memo *memo;
    const char *first;

    apr_pool_create(&pool, *state);
    apr_pool_create(&request, *state);
    memo = sk_memo_create(pool, 4096);
    add(memo, "one", "first");
    first = find(memo, request, "one");
    add(memo, "one", "second");
    assert_string_equal(find(memo, request, "one"), "second");
    apr_pool_destroy(pool);
    assert_string_equal(first, "first");
    apr_pool_destroy(request);
}

static void what_was_not_used_for_longest_makes_room(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);
    const char *entry = support_repeat(*state, 'e', 700); /* five have room */

    add(memo, "1", entry);
    add(memo, "2", entry);
    add(memo, "3", entry);
    add(memo, "4", entry);
    add(memo, "5", entry);
    assert_non_null(find(memo, *state, "1"));
    add(memo, "6", entry);
    assert_null(find(memo, *state, "2"));
    assert_non_null(find(memo, *state, "1"));
    assert_non_null(find(memo, *state, "3"));
    assert_non_null(find(memo, *state, "6"));
}

static void what_is_too_large_is_not_remembered(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);

    add(memo, "small", "first");
    add(memo, "large", support_repeat(*state, 'e', 1024));
    add(memo, support_repeat(*state, 't', 1024), "large");
    assert_null(find(memo, *state, "large"));
    assert_string_equal(find(memo, *state, "small"), "first");
}

/* As many threads as there are cores would not notice more; sanitizers do. */
enum { THREADS = 4, ROUNDS = 2000, TEXTS = 20, REQUEST = 5 /* rounds */ };

typedef struct work {
    sk_memo *memo;
    bool is_wrong;
} work;

static void *APR_THREAD_FUNC use(apr_thread_t *thread, void *data)
{
    work *mine = data;
    apr_pool_t *pool;
    int i;

    (void)thread;
    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    for (i = 0; i < ROUNDS; i++) {
        const char *text, *entry;
        if (i % REQUEST == 0) {
            apr_pool_clear(pool); /* gives back what was found, while others drop it */
        }
        text = apr_psprintf(pool, "text %d", (i * 7) % TEXTS);
        entry = find(mine->memo, pool, text);
        if (entry && strncmp(entry, text, strlen(text)) != 0) {
            mine->is_wrong = true;
        }
        add(mine->memo, text, apr_psprintf(pool, "%s%300s", text, ""));
    }
    apr_pool_destroy(pool);
    return NULL; /* not apr_thread_exit(), after which AddressSanitizer takes this frame for a live one */
}

static void threads_share_it(void **state)
{
    sk_memo *memo = sk_memo_create(*state, 4096);
    apr_thread_t *threads[THREADS];
    work works[THREADS];
    apr_status_t ended;
    int i;

    for (i = 0; i < THREADS; i++) {
        works[i].memo = memo;
        works[i].is_wrong = false;
        assert_int_equal(apr_thread_create(&threads[i], NULL, use, &works[i], *state),
                         APR_SUCCESS);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&ended, threads[i]);
        assert_false(works[i].is_wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_added),
        TEST(finds_all_bytes),
        TEST(none_remembers_nothing),
        TEST(tells_apart_what_begins_alike),
        TEST(replaces_what_was_there),
        TEST(keeps_a_note_beside_each),
        TEST(keeps_owners_apart),
        TEST(what_is_in_use_stays_as_it_is),
        TEST(what_was_not_used_for_longest_makes_room),
        TEST(what_is_too_large_is_not_remembered),
        TEST(threads_share_it),
    };

    return RUN(tests);
}
