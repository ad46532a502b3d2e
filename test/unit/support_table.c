/* SPDX-License-Identifier: Apache-2.0 */
#include "support_table.h"

char support_log[1000];

static void note(void *baton, sk_level level, const char *line)
{
    (void)baton;
    assert_true(level == SK_LEVEL_WARNING || level == SK_LEVEL_ERROR);
    apr_cpystrn(support_log, line, sizeof(support_log));
}

sk_table *support_open_table(apr_pool_t *pool, apr_pool_t *process, size_t size)
{
    sk_call call = {pool, note, NULL, 0, false, false};

    support_log[0] = '\0';
    return sk_table_open(&call, process, size);
}

sk_table *support_new_table(apr_pool_t *pool, size_t size)
{
    sk_table *table = support_open_table(pool, pool, size);

    assert_non_null(table);
    assert_string_equal(support_log, "");
    return table;
}

support_key_bytes support_key(uint32_t number)
{
    support_key_bytes made;
    uint32_t i, word = number + 1;

    for (i = 0; i < SK_TABLE_KEY; i++) {
        word = word * 1664525u + 1013904223u;
        made.bytes[i] = (unsigned char)(word >> 24);
    }
    memcpy(made.bytes + 4, &number, sizeof(number));
    return made;
}

void support_write_value(unsigned char *value, uint32_t number, uint32_t seed, size_t length)
{
    support_value head = {number, seed, (uint32_t)length};
    size_t i;

    for (i = sizeof(head); i < length; i++) {
        value[i] = (unsigned char)(seed * 13 + number + i * 7);
    }
    memcpy(value, &head, length < sizeof(head) ? length : sizeof(head));
}

bool support_is_whole(const unsigned char *value, uint32_t number, size_t length)
{
    support_value head;
    size_t i;

    memcpy(&head, value, sizeof(head));
    for (i = sizeof(head); i < length; i++) {
        if (value[i] != (unsigned char)(head.seed * 13 + number + i * 7)) {
            return false;
        }
    }
    return length >= sizeof(head) && head.number == number && head.length == length;
}

uint32_t support_random(uint32_t limit)
{
    static uint64_t word = 88172645463325252u;

    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return (uint32_t)(word >> 20) % limit;
}
