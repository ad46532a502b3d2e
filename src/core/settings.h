/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator decided, as plain records: config/ fills them once at start, every room reads them.
 */
#ifndef SK_CORE_SETTINGS_H
#define SK_CORE_SETTINGS_H

#include <stdbool.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "core/seal.h"

/** Our own paths, in the order in which they are listed at start. */
typedef enum sk_endpoint {
    SK_ENDPOINT_LOGIN,
    SK_ENDPOINT_CALLBACK,
    SK_ENDPOINT_LOGOUT,
    SK_ENDPOINT_SESSIONS, /* from here on for scripts: they answer in JSON */
    SK_ENDPOINT_VALIDATE_TOKEN,
    SK_ENDPOINT_REFRESH_TOKEN,
    SK_ENDPOINT_BACKCHANNEL_LOGOUT,
    SK_ENDPOINTS,
    SK_ENDPOINT_NONE = SK_ENDPOINTS
} sk_endpoint;

/** A cookie that carries mod_session's sessions, as a line of the server's configuration has it. */
typedef struct sk_session_cookie {
    const char *name;
    const char *attributes;
    /* Under which mod_session_cookie keeps what it loaded from it, in the first request's notes; NULL: another provider's */
    const char *note;
} sk_session_cookie;

/** One virtual host and its Scalekit environment. All strings are set unless said otherwise. */
typedef struct sk_settings {
    const char *name; /* how log lines call the virtual host */

    const char *env_url; /* https://acme.scalekit.com, no slash at the end */
    const char *issuer;
    const char *audience; /* of access tokens */
    const char *client_id;
    const char *client_secret;
    const char *scopes; /* separated by spaces */

    /* ScalekitBaseURL: what browsers see, whatever httpd sees; NULL: as httpd sees it */
    const char *base_origin;
    const char *redirect_origin; /* of an absolute ScalekitRedirectURI; NULL: the request's */
    const char *paths[SK_ENDPOINTS]; /* NULL where switched off */
    /* Bits (letter & 31) for the letters behind the slash: by theirs most other paths are told */
    apr_uint32_t path_letters;
    const char *after_login;
    const char *after_logout;

    apr_time_t session_max_age; /* both as durations; 0 = no idle end */
    apr_time_t session_idle_timeout;
    apr_time_t refresh_buffer;
    apr_time_t clock_skew;
    apr_time_t connect_timeout;
    apr_time_t total_timeout;
    const char *ca_bundle; /* NULL: the system's */
    const char *proxy;     /* NULL: none but what the process environment says */

    int number; /* of the environment and client: servers with the same one share what is known of how it is */
    /* const char *: what keys are derived from; the first seals, all open */
    const apr_array_header_t *secrets;
    bool keeps_access_token; /* some directory passes it on */
    const sk_sealer *session_sealer;
    const sk_sealer *login_sealer;
    const sk_sealer *guard_sealer; /* the same for all servers with these secrets */
    const sk_sealer *hint_sealer;

    const apr_array_header_t *session_cookies; /* sk_session_cookie */
    bool sessions_in_cookies;                  /* all of these are mod_session_cookie's */
    const char *session_scope;
    /* Sessions are in the shared memory, and this cookie holds the id; NULL: mod_session's other providers keep them */
    const char *store_cookie;
    const char *store_cookie_attributes;
    /* const char *: whose look-alikes are removed from requests */
    const apr_array_header_t *header_prefixes;
} sk_settings;

typedef enum sk_unauthenticated {
    SK_UNAUTHENTICATED_AUTO,
    SK_UNAUTHENTICATED_LOGIN,
    SK_UNAUTHENTICATED_401,
    SK_UNAUTHENTICATED_PASS
} sk_unauthenticated;

/** What the names of our request headers begin with, where ScalekitHeaderPrefix says nothing else. */
#define SK_HEADER_PREFIX "X-Scalekit-"

enum { SK_EXPORT_NONE = 0, SK_EXPORT_ENV = 1, SK_EXPORT_HEADERS = 2 };

struct sk_expression;

/** How logins that begin at a directory's pages are steered; NULL where they are not. */
typedef struct sk_steering {
    const struct sk_expression *organization; /* also a rule: sessions of others do not do */
    const struct sk_expression *connection;
    const struct sk_expression *provider;
    const struct sk_expression *domain_hint;
    const struct sk_expression *login_hint;
    const struct sk_expression *prompt;
} sk_steering;

/** What holds for a directory or location. */
typedef struct sk_policy {
    sk_unauthenticated unauthenticated;
    const char *remote_user; /* the claim's name */
    int export_to;           /* SK_EXPORT_* */
    const char *header_prefix;
    bool pass_access_token;
    sk_steering steering;
} sk_policy;

#endif
