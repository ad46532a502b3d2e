/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/revoked.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support_table.h"

#define BEFORE 1900000000 /* sessions of the tests began then, long after the table was made */

static int warnings;

static void count(void *baton, sk_level level, const char *line)
{
    (void)baton;
    (void)line;
    warnings += level == SK_LEVEL_WARNING;
}

typedef struct server {
    sk_call call;
    sk_table *table;
    _Atomic uint64_t words[SK_REVOKED_WORDS];
    sk_settings settings;
    sk_revoked *revoked;
} server;

static sk_revoked *revoked_of(server *is, const char *client)
{
    sk_revoked *revoked;

    is->settings.env_url = "https://acme.scalekit.com";
    is->settings.client_id = client;
    is->settings.session_max_age = apr_time_from_sec(43200);
    revoked = sk_revoked_create(is->call.pool, is->table, is->words, &is->settings);
    assert_non_null(revoked);
    return revoked;
}

static server *new_server(apr_pool_t *pool)
{
    server *is = apr_pcalloc(pool, sizeof(*is));

    is->call.pool = pool;
    is->call.log = count;
    is->table = support_new_table(pool, SK_TABLE_SIZE_MIN);
    is->revoked = revoked_of(is, "client");
    warnings = 0;
    return is;
}

static sk_record session(const char *id, const char *sid, const char *sub, apr_time_t login)
{
    sk_record record = {0};

    record.id = id;
    record.identity.sid = sid;
    record.identity.sub = sub;
    record.login = record.confirmed = login;
    return record;
}

static void expect(const server *is, const char *row, sk_record record, sk_standing standing)
{
    sk_standing stands = sk_revoked_look(is->revoked, &record, NULL);

    support_expect(stands == standing, "%s: %d, not %d", row, (int)stands, (int)standing);
}

static void bar(const server *is, sk_revoked_by by, const char *name, apr_time_t until)
{
    sk_revoked_bar(&is->call, is->revoked, by, name, until);
}

static void a_bar_hits_its_session_and_no_other(void **state)
{
    server *is = new_server(*state);

    expect(is, "before", session("id", "ses_1", "usr_1", BEFORE), SK_STANDING_GOOD);
    bar(is, SK_REVOKED_ID, "id", BEFORE + 1);
    expect(is, "its id", session("id", "ses_1", "usr_1", BEFORE), SK_STANDING_ENDED);
    expect(is, "another id", session("di", "ses_1", "usr_1", BEFORE), SK_STANDING_GOOD);
    bar(is, SK_REVOKED_SID, "ses_1", BEFORE + 1);
    expect(is, "its sid", session("di", "ses_1", "usr_1", BEFORE), SK_STANDING_ENDED);
    expect(is, "another sid", session("di", "ses_2", "usr_1", BEFORE), SK_STANDING_GOOD);
    expect(is, "no sid", session("di", NULL, "usr_1", BEFORE), SK_STANDING_GOOD);
    expect(is, "a sid as user", session("di", NULL, "ses_1", BEFORE), SK_STANDING_GOOD);
    expect(is, "a sid as id", session("ses_1", NULL, "usr_1", BEFORE), SK_STANDING_GOOD);
}

/* A session of Scalekit's that has ended does not come back, but its user does. */
static void a_user_is_barred_until_then_and_a_session_for_good(void **state)
{
    server *is = new_server(*state);

    bar(is, SK_REVOKED_SUB, "usr_1", BEFORE + 10);
    expect(is, "before", session("a", NULL, "usr_1", BEFORE), SK_STANDING_ENDED);
    expect(is, "then", session("a", NULL, "usr_1", BEFORE + 10), SK_STANDING_ENDED);
    expect(is, "after", session("a", NULL, "usr_1", BEFORE + 11), SK_STANDING_GOOD);
    bar(is, SK_REVOKED_SUB, "usr_1", BEFORE + 5);
    expect(is, "an older bar", session("a", NULL, "usr_1", BEFORE + 10), SK_STANDING_ENDED);
    bar(is, SK_REVOKED_SUB, "usr_1", BEFORE + 20);
    expect(is, "a newer bar", session("a", NULL, "usr_1", BEFORE + 11), SK_STANDING_ENDED);
    bar(is, SK_REVOKED_SID, "ses_1", BEFORE + 10);
    expect(is, "the sid later", session("b", "ses_1", "usr_2", BEFORE + 99), SK_STANDING_ENDED);
}

static void of_a_user_it_may_be_those_without_a_sid_only(void **state)
{
    server *is = new_server(*state);
    sk_record record = session("a", NULL, "usr_1", 0);

    bar(is, SK_REVOKED_SUB_SIDLESS, "usr_1", BEFORE + 10);
    expect(is, "no sid", session("a", NULL, "usr_1", BEFORE + 10), SK_STANDING_ENDED);
    expect(is, "no sid, later", session("a", NULL, "usr_1", BEFORE + 11), SK_STANDING_GOOD);
    expect(is, "a sid", session("a", "ses_1", "usr_1", BEFORE), SK_STANDING_GOOD);
    expect(is, "another user", session("a", NULL, "usr_2", BEFORE), SK_STANDING_GOOD);
    assert_int_equal(sk_revoked_beginning(is->revoked, &record, BEFORE + 10), BEFORE + 11);
}

static void who_logs_in_in_the_second_of_the_bar_is_in(void **state)
{
    server *is = new_server(*state);
    sk_record record = session("a", NULL, "usr_1", 0);

    assert_int_equal(sk_revoked_beginning(is->revoked, &record, BEFORE), BEFORE);
    bar(is, SK_REVOKED_SUB, "usr_1", BEFORE);
    assert_int_equal(sk_revoked_beginning(is->revoked, &record, BEFORE), BEFORE + 1);
    assert_int_equal(sk_revoked_beginning(is->revoked, &record, BEFORE + 1), BEFORE + 1);
    /* The bar came while the login was under way: it holds. */
    assert_int_equal(sk_revoked_beginning(is->revoked, &record, BEFORE - 1), BEFORE - 1);
}

static void clients_and_environments_are_apart(void **state)
{
    server *is = new_server(*state);

    bar(is, SK_REVOKED_SID, "ses_1", BEFORE);
    is->revoked = revoked_of(is, "another client");
    expect(is, "another client", session("a", "ses_1", "u", BEFORE), SK_STANDING_GOOD);
    is->revoked = revoked_of(is, "client");
    expect(is, "made again", session("a", "ses_1", "u", BEFORE), SK_STANDING_ENDED);
}

static void other_processes_see_it(void **state)
{
    server *is = new_server(*state);
    pid_t child = fork();
    int status;

    if (child == 0) {
        bar(is, SK_REVOKED_SID, "ses_1", BEFORE);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    expect(is, "barred by another", session("a", "ses_1", "u", BEFORE), SK_STANDING_ENDED);
}

static void a_note_hides_no_bar(void **state)
{
    static const struct {
        const char *row;
        sk_revoked_by by;
        const char *name, *sid;
        sk_standing standing;
    } rows[] = {
        {"nothing", SK_REVOKED_ID, "b", "ses_1", SK_STANDING_GOOD},
        {"its id", SK_REVOKED_ID, "a", "ses_1", SK_STANDING_ENDED},
        {"its sid", SK_REVOKED_SID, "ses_1", "ses_1", SK_STANDING_ENDED},
        {"its user", SK_REVOKED_SUB, "usr_1", "ses_1", SK_STANDING_ENDED},
        {"its user, who has no sid", SK_REVOKED_SUB_SIDLESS, "usr_1", NULL, SK_STANDING_ENDED},
    };
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        server *is = new_server(*state);
        apr_time_t now = apr_time_sec(apr_time_now());
        sk_record record = session("a", rows[i].sid, "usr_1", now);
        sk_memo_note note = 0;
        int look;
        bar(is, SK_REVOKED_SUB, "usr_1", now - 1);
        for (look = 0; look < 2; look++) {
            assert_int_equal(sk_revoked_look(is->revoked, &record, &note), SK_STANDING_GOOD);
        }
        bar(is, rows[i].by, rows[i].name, now);
        for (look = 0; look < 2; look++) {
            sk_standing stands = sk_revoked_look(is->revoked, &record, &note);
            support_expect(stands == rows[i].standing, "%s: %d", rows[i].row, (int)stands);
        }
    }
}

/* It says nothing of what is forgotten or unconfirmed, and spares the look as long as nobody is barred. */
static void a_note_spares_the_look_and_nothing_else(void **state)
{
    server *is = new_server(*state);
    apr_time_t now = apr_time_sec(apr_time_now());
    sk_record record = session("a", "ses_1", "usr_1", now),
              barred = session("b", "s", "u", now);
    sk_memo_note note = 0;

    bar(is, SK_REVOKED_ID, "b", now);
    assert_int_equal(sk_revoked_look(is->revoked, &record, &note), SK_STANDING_GOOD);
    assert_int_equal(sk_revoked_look(is->revoked, &barred, &note), SK_STANDING_GOOD);
    record.confirmed = 1;
    assert_int_equal(sk_revoked_look(is->revoked, &record, &note), SK_STANDING_UNCONFIRMED);
}

/* Whatever is forgotten: a session that was barred is never good again. */
static void a_forgotten_bar_brings_nothing_back(void **state)
{
    enum { MANY = 20000 };
    server *is = new_server(*state);
    apr_time_t now = apr_time_sec(apr_time_now());
    int i, ended = 0, doubtful = 0;

    for (i = 0; i < MANY; i++) {
        bar(is, SK_REVOKED_SID, apr_psprintf(*state, "ses_%d", i), now + i);
    }
    for (i = 0; i < MANY; i++) {
        sk_record record = session("a", apr_psprintf(*state, "ses_%d", i), "usr_1", now + i);
        sk_standing stands = sk_revoked_look(is->revoked, &record, NULL);
        ended += stands == SK_STANDING_ENDED;
        doubtful += stands == SK_STANDING_DOUBTFUL;
    }
    assert_int_equal(ended + doubtful, MANY);
    assert_true(ended > 0 && doubtful > 0);
    assert_int_equal(warnings, 1);
    expect(is, "since the last bar", session("a", "another", "usr_1", now + MANY),
           SK_STANDING_GOOD);
}

static void bars_older_than_any_session_go_quietly(void **state)
{
    server *is = new_server(*state);
    apr_time_t now = apr_time_sec(apr_time_now());
    int i;

    for (i = 0; i < 20000; i++) {
        bar(is, SK_REVOKED_ID, apr_psprintf(*state, "id_%d", i), now - 50000);
    }
    assert_int_equal(warnings, 0);
    expect(is, "now", session("a", NULL, "usr_1", now), SK_STANDING_GOOD);
}

static void what_is_older_than_the_server_is_to_be_confirmed(void **state)
{
    server *is = new_server(*state);
    apr_time_t made = apr_time_sec(sk_table_created(is->table));

    expect(is, "before", session("a", NULL, "u", made - 1), SK_STANDING_UNCONFIRMED);
    expect(is, "since", session("a", NULL, "u", made), SK_STANDING_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bar_hits_its_session_and_no_other),
        TEST(a_user_is_barred_until_then_and_a_session_for_good),
        TEST(of_a_user_it_may_be_those_without_a_sid_only),
        TEST(who_logs_in_in_the_second_of_the_bar_is_in),
        TEST(clients_and_environments_are_apart),
        TEST(other_processes_see_it),
        TEST(a_note_hides_no_bar),
        TEST(a_note_spares_the_look_and_nothing_else),
        TEST(a_forgotten_bar_brings_nothing_back),
        TEST(bars_older_than_any_session_go_quietly),
        TEST(what_is_older_than_the_server_is_to_be_confirmed),
    };

    return RUN(tests);
}
