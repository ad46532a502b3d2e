/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's directives as they were written, and the making of its settings from them.
 */
#ifndef SK_CONFIG_SERVER_H
#define SK_CONFIG_SERVER_H

#include <stdbool.h>
#include <httpd.h>
#include <apr_tables.h>

#include "config/tree.h"
#include "core/settings.h"

/* X(field, directive, environment variables that stand in for it, or NULL). */
#define SK_SERVER_TEXTS(X)                                                                     \
    X(env_url, "ScalekitEnvURL", "SCALEKIT_ENV_URL SCALEKIT_DOMAIN")                           \
    X(client_id, "ScalekitClientID", "SCALEKIT_CLIENT_ID")                                     \
    X(client_secret, "ScalekitClientSecret", "SCALEKIT_CLIENT_SECRET")                         \
    X(redirect_uri, "ScalekitRedirectURI", "SCALEKIT_REDIRECT_URI")                            \
    X(base_url, "ScalekitBaseURL", NULL)                                                       \
    X(issuer, "ScalekitIssuer", NULL)                                                          \
    X(audience, "ScalekitAudience", NULL)                                                      \
    X(login_path, "ScalekitLoginPath", NULL)                                                   \
    X(logout_path, "ScalekitLogoutPath", NULL)                                                 \
    X(sessions_path, "ScalekitSessionsPath", NULL)                                             \
    X(backchannel_path, "ScalekitBackChannelLogoutPath", NULL)                                 \
    X(after_login, "ScalekitAfterLoginURL", NULL)                                              \
    X(after_logout, "ScalekitAfterLogoutURL", NULL)                                            \
    X(session_scope, "ScalekitSessionScope", NULL)                                             \
    X(session_max_age, "ScalekitSessionMaxAge", NULL)                                          \
    X(session_idle_timeout, "ScalekitSessionIdleTimeout", NULL)                                \
    X(refresh_buffer, "ScalekitRefreshBuffer", NULL)                                           \
    X(session_store, "ScalekitSessionStore", NULL)                                             \
    X(session_memo, "ScalekitSessionMemo", NULL)                                               \
    X(shared_memory, "ScalekitSharedMemory", NULL)                                             \
    X(clock_skew, "ScalekitClockSkew", NULL)                                                   \
    X(connect_timeout, "ScalekitTimeout", NULL)                                                \
    X(total_timeout, "ScalekitTimeout", NULL)                                                  \
    X(ca_bundle, "ScalekitCABundle", NULL)                                                     \
    X(insecure_host, "ScalekitInsecureHost", NULL)                                             \
    X(proxy, "ScalekitProxy", NULL)

/** The directives of one server, unset ones NULL. */
typedef struct sk_server {
#define SK_TEXT(field, directive, variables) const char *field;
    SK_SERVER_TEXTS(SK_TEXT)
#undef SK_TEXT
    apr_array_header_t *scopes;       /* const char * */
    apr_array_header_t *session_keys; /* const char *, secrets */
    bool any;                         /* one of them was written here or inherited */

    sk_settings *settings; /* made of all that; NULL where the module is not configured */
    struct sk_environment *environment;
} sk_server;

/** How log lines name a server: "virtual host www.example.com:443 (/etc/apache2/...:12)". */
const char *sk_server_name(apr_pool_t *pool, const server_rec *s);

/**
 * Makes the settings.
 * @return NULL, or one line that names the directive, what is wrong with it and the remedy
 */
const char *sk_server_finish(apr_pool_t *pool, apr_pool_t *ptemp, const server_rec *s,
                             sk_server *server, const sk_tree_facts *facts);

#endif
