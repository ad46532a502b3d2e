/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the whole configuration says beside our own directives. mod_session keeps its records to itself and httpd fills in a
 * server's name where none was written, so that only the configuration tree still knows.
 */
#ifndef SK_CONFIG_TREE_H
#define SK_CONFIG_TREE_H

#include <stdbool.h>
#include <httpd.h>
#include <apr_tables.h>

/** A directive as it was written. */
typedef struct sk_tree_line {
    const char *directive;
    const char *args;
    const char *file;
    int line;
    bool is_own;        /* in this very server, not outside of all virtual hosts */
    bool is_in_section; /* such as <Location> */
} sk_tree_line;

/** What holds for one server: the lines of its own section and those outside of every virtual host. */
typedef struct sk_tree_facts {
    const sk_tree_line *auth_type; /* AuthType Scalekit, the first; NULL: nowhere */
    bool has_server_name;          /* written in this very server */
    bool passes_access_token;      /* ScalekitPassAccessToken On somewhere */
    bool asks_for_more;            /* somewhere who gets in depends on more than the section */
    /* sk_tree_line: SessionCookieName, SessionCookieName2, SessionDBDCookieName, ...2 */
    apr_array_header_t *cookies;
    apr_array_header_t *sessions; /* sk_tree_line: what else the doctor asks of mod_session */
    bool is_on_https;             /* SSLEngine On in this very server */
    apr_array_header_t *prefixes; /* const char *: of ScalekitHeaderPrefix */
    /* CacheStorePrivate On or CacheStoreNoStore On, or NULL */
    const sk_tree_line *stores_private;
    int twins_to_pass; /* while it is read: sections of other servers that were made of the same lines */
} sk_tree_facts;

sk_tree_facts sk_tree_read(apr_pool_t *pool, const server_rec *s);

#endif
