/* SPDX-License-Identifier: Apache-2.0 */
#include "config/permissions.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <httpd.h>
#include <unixd.h>
#include <apr_strings.h>

/* Everybody's bits; those of owner and group are three and six further left. */
enum { MAY_READ = 4, MAY_WRITE = 2 };

static bool everybody_may(const struct stat *info, unsigned int what)
{
    return (info->st_mode & what) != 0;
}

/* Only where root starts httpd are its children somebody else. */
static bool children_may(const struct stat *info, unsigned int what)
{
    return geteuid() == 0
           && ((info->st_uid != 0 && info->st_uid == ap_unixd_config.user_id
                && (info->st_mode & (what << 6)))
               || (info->st_gid == ap_unixd_config.group_id && ap_unixd_config.group_id != 0
                   && (info->st_mode & (what << 3))));
}

/* In a directory with the sticky bit, such as /tmp, only owners replace files. */
static const char *check_directories(apr_pool_t *pool, const char *path)
{
    char *folder = apr_pstrdup(pool, path), *slash;
    struct stat info;

    while ((slash = strrchr(folder, '/'))) {
        slash[slash == folder] = '\0';
        if (stat(folder, &info) == 0 && !(info.st_mode & S_ISVTX)) {
            if (everybody_may(&info, MAY_WRITE)) {
                return apr_psprintf(pool,
                                    "every user of this machine can put another file in the "
                                    "place of %s: chmod o-w %s",
                                    path, folder);
            }
            if (children_may(&info, MAY_WRITE)) {
                return apr_psprintf(pool,
                                    "httpd's children can put another file in the place of "
                                    "%s: give %s to root and chmod 0755 it",
                                    path, folder);
            }
        }
        if (strcmp(folder, "/") == 0) {
            break;
        }
    }
    return NULL;
}

static const char *check_writers(apr_pool_t *pool, const char *path, const struct stat *info,
                                 const char *mode)
{
    if (everybody_may(info, MAY_WRITE)) {
        return apr_psprintf(pool,
                            "%s can be changed by every user of this machine: chmod %s it and "
                            "give it to root",
                            path, mode);
    }
    if (children_may(info, MAY_WRITE)) {
        return apr_psprintf(
            pool, "%s can be changed by httpd's children: chmod %s it and give it to root",
            path, mode);
    }
    return check_directories(pool, path);
}

const char *sk_permissions_of_file(apr_pool_t *pool, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        return NULL;
    }
    if (everybody_may(&info, MAY_READ)) {
        return apr_psprintf(pool,
                            "%s can be read by every user of this machine: chmod 0600 it and "
                            "give it to root",
                            path);
    }
    if (children_may(&info, MAY_READ)) {
        return apr_psprintf(pool,
                            "%s can be read by httpd's children, and so by scripts: chmod 0600 "
                            "it and give it to root, who reads it at start",
                            path);
    }
    return check_writers(pool, path, &info, "0600");
}

const char *sk_permissions_of_program(apr_pool_t *pool, const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? check_writers(pool, path, &info, "0700") : NULL;
}
