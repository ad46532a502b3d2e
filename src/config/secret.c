/* SPDX-License-Identifier: Apache-2.0 */
#include "config/secret.h"

#include <stdlib.h>
#include <httpd.h>
#include <http_config.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <openssl/crypto.h>

#include "config/permissions.h"
#include "core/seal.h"
#include "core/text.h"

/* Longer than any secret; a wrong path must not fill the memory. */
#define FILE_MAX 4096

static bool begins(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Somebody forgot file:, and the name, which everybody may know, would be the secret. No base64 is a path of a usual name. */
static bool is_name_of_file(apr_pool_t *ptemp, const char *text)
{
    const char *path = ap_server_root_relative(ptemp, text);
    apr_finfo_t info;

    return *text
           && ((*text == '/' && strpbrk(text, ".-_"))
               || (path && apr_stat(&info, path, APR_FINFO_TYPE, ptemp) == APR_SUCCESS));
}

bool sk_secret_is_reference(const char *text)
{
    return begins(text, "file:") || begins(text, "env:") || begins(text, "exec:");
}

/* The text without the white space around it; editors end files with a newline. */
static char *trimmed(apr_pool_t *pool, const char *text)
{
    size_t length;

    while (apr_isspace(*text)) {
        text++;
    }
    length = strlen(text);
    while (length > 0 && apr_isspace(text[length - 1])) {
        length--;
    }
    return apr_pstrmemdup(pool, text, length);
}

static const char *read_file(apr_pool_t *pool, apr_pool_t *ptemp, const char *name,
                             sk_secret *secret)
{
    const char *path = ap_server_root_relative(ptemp, name);
    char buffer[FILE_MAX + 1], reason[120];
    apr_size_t length = FILE_MAX;
    apr_file_t *file;
    apr_status_t rv =
        path ? apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, ptemp) : APR_EBADPATH;

    if (rv != APR_SUCCESS) {
        return apr_psprintf(pool, "cannot read %s: %s", name,
                            apr_strerror(rv, reason, sizeof(reason)));
    }
    rv = apr_file_read_full(file, buffer, FILE_MAX, &length);
    apr_file_close(file);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv)) {
        return apr_psprintf(pool, "cannot read %s: %s", path,
                            apr_strerror(rv, reason, sizeof(reason)));
    }
    buffer[length] = '\0';
    secret->value = trimmed(pool, buffer);
    sk_cleanse_with_pool(pool, secret->value);
    OPENSSL_cleanse(buffer, sizeof(buffer));
    secret->weakness = sk_permissions_of_file(pool, path);
    return *secret->value ? NULL : apr_psprintf(pool, "%s is empty", path);
}

static const char *run(apr_pool_t *pool, apr_pool_t *ptemp, const char *command,
                       sk_secret *secret)
{
    char **argv, *line;

    if (apr_tokenize_to_argv(command, &argv, ptemp) != APR_SUCCESS || !argv[0]) {
        return "exec: names no program";
    }
    line = ap_get_exec_line(ptemp, argv[0], (const char *const *)argv);
    if (!line || !*line) {
        return apr_psprintf(pool, "%s failed or printed nothing", argv[0]);
    }
    secret->value = trimmed(pool, line);
    sk_cleanse_with_pool(pool, secret->value);
    OPENSSL_cleanse(line, strlen(line));
    secret->weakness = sk_permissions_of_program(pool, argv[0]);
    return NULL;
}

const char *sk_secret_read(apr_pool_t *pool, apr_pool_t *ptemp, const char *text,
                           sk_secret *secret)
{
    secret->value = NULL;
    secret->weakness = NULL;
    if (begins(text, "file:")) {
        return read_file(pool, ptemp, text + 5, secret);
    }
    if (begins(text, "exec:")) {
        return run(pool, ptemp, text + 5, secret);
    }
    if (begins(text, "env:")) {
        const char *name = text + 4;
        text = getenv(name);
        if (!text || !*text) {
            return apr_psprintf(pool,
                                "the variable %s is not set in httpd's environment: export it "
                                "where httpd is started, on Debian in /etc/apache2/envvars",
                                sk_text_printable(pool, name, 64));
        }
    }
    if (is_name_of_file(ptemp, text)) {
        return "it is the name of a file: write file: before it";
    }
    secret->value = apr_pstrdup(pool, text);
    sk_cleanse_with_pool(pool, secret->value);
    return *text ? NULL : "it is empty";
}
