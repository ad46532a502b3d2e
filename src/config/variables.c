/* SPDX-License-Identifier: Apache-2.0 */
#include "config/variables.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <openssl/crypto.h>

extern char **environ;

typedef struct variable {
    char *name, *value;
} variable;

static apr_status_t restore(void *baton)
{
    variable *v = baton;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): by the parent, which has one thread */
    setenv(v->name, v->value, 1);
    OPENSSL_cleanse(v->value, strlen(v->value));
    return APR_SUCCESS;
}

/* Also out of the memory that /proc/PID/environ shows. */
static void hide(apr_pool_t *pconf, char *entry, char *value)
{
    variable *v = apr_palloc(pconf, sizeof(*v));

    v->name = apr_pstrmemdup(pconf, entry, (apr_size_t)(value - 1 - entry));
    v->value = apr_pstrdup(pconf, value);
    apr_pool_cleanup_register(pconf, v, restore, apr_pool_cleanup_null);
    OPENSSL_cleanse(value, strlen(value));
    unsetenv(v->name); /* NOLINT(concurrency-mt-unsafe): as above */
}

static bool is_among(const char *value, const apr_array_header_t *secrets)
{
    int i;

    for (i = 0; i < secrets->nelts; i++) {
        if (strcmp(value, APR_ARRAY_IDX(secrets, i, const char *)) == 0) {
            return true;
        }
    }
    return false;
}

void sk_variables_hide(apr_pool_t *pconf, const apr_array_header_t *secrets)
{
    char **entry = environ;

    while (entry && *entry) {
        char *equals = strchr(*entry, '=');
        if (equals && is_among(equals + 1, secrets)) {
            hide(pconf, *entry, equals + 1);
            entry = environ; /* which unsetenv() has changed */
        }
        else {
            entry++;
        }
    }
}
