/* SPDX-License-Identifier: Apache-2.0 */
#include "config/server.h"

#include <stdlib.h>
#include <http_config.h>
#include <http_log.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "config/secret.h"
#include "core/text.h"
#include "core/url.h"

APLOG_USE_MODULE(auth_scalekit);

#define YEARS_10 (10L * 365 * 24 * 3600)

const char *sk_server_name(apr_pool_t *pool, const server_rec *s)
{
    const char *host = s->server_hostname ? s->server_hostname : "";
    const char *where =
        s->defn_name ? apr_psprintf(pool, " (%s:%u)", s->defn_name, s->defn_line_number) : "";

    if (!s->is_virtual) {
        return apr_psprintf(pool, "main server %s", host);
    }
    return s->port ? apr_psprintf(pool, "virtual host %s:%u%s", host, s->port, where)
                   : apr_psprintf(pool, "virtual host %s%s", host, where);
}

/* ---- single values ---- */

static const char *from_environment(const char *variables)
{
    char name[64];
    const char *value;
    size_t length;

    while (variables && *variables) {
        length = strcspn(variables, " ");
        apr_cpystrn(name, variables, length + 1);
        value = getenv(name);
        if (value && *value) {
            return value;
        }
        variables += length;
        variables += *variables == ' ';
    }
    return NULL;
}

static void fill_from_environment(apr_pool_t *pool, sk_server *server)
{
    bool is_a_copy = !server->client_secret;

#define SK_TEXT(field, directive, variables)                                                   \
    if (!server->field) {                                                                      \
        server->field = apr_pstrdup(pool, from_environment(variables));                        \
    }
    SK_SERVER_TEXTS(SK_TEXT)
#undef SK_TEXT
    if (is_a_copy && server->client_secret) {
        sk_cleanse_with_pool(pool, (char *)(size_t)server->client_secret);
    }
}

/* A whole number within limits; NULL text gives the default. */
static const char *read_seconds(apr_pool_t *pool, const char *directive, const char *text,
                                long standard, long least, long most, apr_time_t *value)
{
    long seconds = standard;
    char *end = NULL;

    if (text) {
        seconds = strtol(text, &end, 10);
        if (end == text || *end || seconds < least || seconds > most) {
            return apr_psprintf(pool, "%s: \"%s\" is not a number of seconds from %ld to %ld",
                                directive, sk_text_printable(pool, text, 40), least, most);
        }
    }
    *value = apr_time_from_sec(seconds);
    return NULL;
}

/* Our own paths are compared byte for byte with normalised ones: nothing that could be spelled in two ways. */
static bool is_plain_path(const char *path)
{
    const char *c;

    if (path[0] != '/' || strlen(path) > 200) {
        return false;
    }
    for (c = path; *c; c++) {
        if (!apr_isalnum(*c) && !strchr("-._~/", *c)) {
            return false;
        }
        if (*c == '/' && (c[1] == '/' || c[1] == '.')) {
            return false;
        }
    }
    return true;
}

static const char *read_path(apr_pool_t *pool, const char *directive, const char *text,
                             const char *standard, const char **path)
{
    if (!text) {
        text = standard;
    }
    if (strcasecmp(text, "none") == 0) {
        *path = NULL;
        return NULL;
    }
    if (!is_plain_path(text) || !text[1]) {
        return apr_psprintf(pool,
                            "%s: \"%s\" is not a path of letters, digits, \"-._~\" and \"/\"; "
                            "write for example %s",
                            directive, sk_text_printable(pool, text, 80), standard);
    }
    *path = text;
    return NULL;
}

static const char *require_text(apr_pool_t *pool, const char *directive, const char *variables,
                                const char *text, const char *example)
{
    if (text && *text) {
        return NULL;
    }
    return apr_psprintf(pool, "%s is missing: add \"%s %s\", or set %s in httpd's environment",
                        directive, directive, example, variables);
}

/* An origin: scheme and host, and no path but a slash at the end. */
static const char *read_origin(apr_pool_t *pool, const char *directive, const char *text,
                               sk_url *url)
{
    const char *wrong = sk_url_parse(pool, text, url);

    if (!wrong && *url->path && strcmp(url->path, "/") != 0) {
        wrong = "it must not have a path: only the scheme and the host";
    }
    return wrong ? apr_psprintf(pool, "%s \"%s\": %s, as in https://acme.scalekit.com",
                                directive, sk_text_printable(pool, text, 200), wrong)
                 : NULL;
}

/* ---- groups of settings, in the order in which one needs the other ---- */

static bool has_word(const apr_array_header_t *words, const char *word)
{
    int i;

    for (i = 0; i < words->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(words, i, const char *), word) == 0) {
            return true;
        }
    }
    return false;
}

static void warn_of(const server_rec *s, const char *name, const char *directive,
                    const sk_secret *secret)
{
    if (secret->weakness) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s: %s: %s", name, directive,
                     secret->weakness);
    }
}

/* With or without the brackets that an IPv6 address has in a URL. */
static bool names_host(const char *text, const char *host)
{
    size_t length = strlen(text);

    if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    return strlen(host) == length && strncasecmp(text, host, length) == 0;
}

/* Https, unless the secret stays on this machine or the administrator says which network it may cross in the clear. */
static const char *check_transport(apr_pool_t *pool, const server_rec *s,
                                   const sk_server *server, const sk_settings *settings,
                                   const sk_url *url)
{
    if (strcmp(url->scheme, "https") == 0 || sk_url_is_loopback(url->host)) {
        return NULL;
    }
    if (!server->insecure_host || !names_host(server->insecure_host, url->host)) {
        return apr_psprintf(pool,
                            "ScalekitEnvURL \"%s\": plain http would send the client secret in "
                            "the clear; write https://, or where nobody else is on the network "
                            "to it, \"ScalekitInsecureHost %s\"",
                            url->origin, url->host);
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 "%s: ScalekitInsecureHost: the client secret and all tokens go to %s in the "
                 "clear, and whoever is on the way can log in as anybody: write https:// as "
                 "soon as Scalekit has a certificate",
                 settings->name, url->host);
    return NULL;
}

static const char *finish_environment(apr_pool_t *pool, apr_pool_t *ptemp, const server_rec *s,
                                      sk_server *server, sk_settings *settings)
{
    const char *wrong;
    sk_url url;
    sk_secret secret;

    if ((wrong = require_text(pool, "ScalekitEnvURL", "SCALEKIT_ENV_URL", server->env_url,
                              "https://acme.scalekit.com"))
        || (wrong = read_origin(pool, "ScalekitEnvURL", server->env_url, &url))
        || (wrong = require_text(pool, "ScalekitClientID", "SCALEKIT_CLIENT_ID",
                                 server->client_id, "skc_58300000000000001"))
        || (wrong = require_text(pool, "ScalekitClientSecret", "SCALEKIT_CLIENT_SECRET",
                                 server->client_secret,
                                 "file:/etc/apache2/scalekit/client.secret"))) {
        return wrong;
    }
    if ((wrong = check_transport(pool, s, server, settings, &url))) {
        return wrong;
    }
    if (!sk_text_is_clean(server->client_id)) {
        return "ScalekitClientID contains control characters: copy it again from the Scalekit "
               "dashboard";
    }
    if ((wrong = sk_secret_read(pool, ptemp, server->client_secret, &secret))) {
        return apr_pstrcat(pool, "ScalekitClientSecret: ", wrong, NULL);
    }
    warn_of(s, settings->name, "ScalekitClientSecret", &secret);
    settings->env_url = url.origin;
    settings->client_id = server->client_id;
    settings->client_secret = secret.value;
    settings->issuer = server->issuer ? server->issuer : settings->env_url;
    settings->audience = server->audience ? server->audience : settings->client_id;
    settings->scopes = "openid profile email offline_access";
    if (server->scopes) {
        settings->scopes = apr_array_pstrcat(pool, server->scopes, ' ');
        if (!has_word(server->scopes, "openid")) {
            return "ScalekitScopes lacks openid, without which Scalekit does not say who logs "
                   "in: add it";
        }
    }
    return NULL;
}

static const char *finish_redirect_uri(apr_pool_t *pool, sk_server *server,
                                       sk_settings *settings)
{
    const char *uri = server->redirect_uri ? server->redirect_uri : "/auth/callback";
    const char *wrong;
    sk_url url;

    if (server->base_url) {
        wrong = read_origin(pool, "ScalekitBaseURL", server->base_url, &url);
        if (wrong) {
            return wrong;
        }
        settings->base_origin = url.origin;
    }
    if (*uri != '/') {
        wrong = sk_url_parse(pool, uri, &url);
        if (wrong) {
            return apr_psprintf(
                pool, "ScalekitRedirectURI \"%s\": %s, or be a path such as /auth/callback",
                sk_text_printable(pool, uri, 200), wrong);
        }
        if (settings->base_origin && strcmp(settings->base_origin, url.origin) != 0) {
            return apr_psprintf(
                pool,
                "ScalekitRedirectURI is on %s, but ScalekitBaseURL says %s: make them agree",
                url.origin, settings->base_origin);
        }
        settings->redirect_origin = url.origin;
        uri = url.path;
    }
    return read_path(pool, "ScalekitRedirectURI", uri, "/auth/callback",
                     &settings->paths[SK_ENDPOINT_CALLBACK]);
}

/* But for a slash at the end, which most of our endpoints accept. */
static bool is_same_path(const char *one, const char *other)
{
    size_t length = strlen(one), other_length = strlen(other);

    length -= one[length - 1] == '/';
    other_length -= other[other_length - 1] == '/';
    return length == other_length && strncmp(one, other, length) == 0;
}

/* It is found with one all the same. */
static const char *without_slash(apr_pool_t *pool, const char *path)
{
    size_t length = strlen(path);

    return apr_pstrmemdup(pool, path, length - (path[length - 1] == '/'));
}

/* What scripts ask about the session, and below that path what they may have done with it. */
static const char *finish_sessions_path(apr_pool_t *pool, sk_server *server,
                                        sk_settings *settings)
{
    const char **path = &settings->paths[SK_ENDPOINT_SESSIONS];
    const char *wrong =
        read_path(pool, "ScalekitSessionsPath", server->sessions_path, "/sessions", path);

    if (!wrong && *path) {
        *path = without_slash(pool, *path);
        settings->paths[SK_ENDPOINT_VALIDATE_TOKEN] =
            apr_pstrcat(pool, *path, "/validate-token", NULL);
        settings->paths[SK_ENDPOINT_REFRESH_TOKEN] =
            apr_pstrcat(pool, *path, "/refresh-token", NULL);
    }
    return wrong;
}

static const char *finish_paths(apr_pool_t *pool, sk_server *server, sk_settings *settings)
{
    const char *wrong;
    int i, j;

    if ((wrong = finish_redirect_uri(pool, server, settings))
        || (wrong = read_path(pool, "ScalekitLoginPath", server->login_path, "/login",
                              &settings->paths[SK_ENDPOINT_LOGIN]))
        || (wrong = read_path(pool, "ScalekitLogoutPath", server->logout_path, "/logout",
                              &settings->paths[SK_ENDPOINT_LOGOUT]))
        || (wrong = read_path(pool, "ScalekitBackChannelLogoutPath", server->backchannel_path,
                              "/auth/backchannel-logout",
                              &settings->paths[SK_ENDPOINT_BACKCHANNEL_LOGOUT]))
        || (wrong = finish_sessions_path(pool, server, settings))) {
        return wrong;
    }
    if (!settings->paths[SK_ENDPOINT_CALLBACK]) {
        return "ScalekitRedirectURI cannot be none: Scalekit sends every login there";
    }
    for (i = 0; i < SK_ENDPOINTS; i++) {
        for (j = i + 1; j < SK_ENDPOINTS; j++) {
            if (settings->paths[i] && settings->paths[j]
                && is_same_path(settings->paths[i], settings->paths[j])) {
                return apr_psprintf(
                    pool,
                    "%s is configured for two of ScalekitRedirectURI, ScalekitLoginPath, "
                    "ScalekitLogoutPath, ScalekitBackChannelLogoutPath and "
                    "ScalekitSessionsPath (with validate-token and refresh-token below it): "
                    "give each a path of its own",
                    settings->paths[i]);
            }
        }
        settings->path_letters |= settings->paths[i] ? 1u << (settings->paths[i][1] & 31) : 0;
    }
    if (settings->paths[SK_ENDPOINT_LOGOUT]) {
        settings->paths[SK_ENDPOINT_LOGOUT] =
            without_slash(pool, settings->paths[SK_ENDPOINT_LOGOUT]);
    }
    settings->after_login =
        sk_url_local_target(pool, server->after_login ? server->after_login : "/");
    if (!settings->after_login) {
        return "ScalekitAfterLoginURL is not a path on this host: write one such as /dashboard";
    }
    settings->after_logout = server->after_logout ? server->after_logout : "/";
    if (!sk_url_local_target(pool, settings->after_logout)) {
        sk_url url;
        wrong = sk_url_parse(pool, settings->after_logout, &url);
        if (wrong) {
            return apr_psprintf(pool, "ScalekitAfterLogoutURL: %s, or be a path on this host",
                                wrong);
        }
    }
    return NULL;
}

static bool holds_certificates(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *first = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    bool holds = first != NULL;

    X509_free(first);
    BIO_free(bio);
    ERR_clear_error();
    return holds;
}

/* What would only be noticed at the first login. */
static const char *finish_network(apr_pool_t *pool, sk_server *server, sk_settings *settings)
{
    if (server->ca_bundle) {
        settings->ca_bundle = ap_server_root_relative(pool, server->ca_bundle);
        if (!settings->ca_bundle || !holds_certificates(settings->ca_bundle)) {
            return apr_psprintf(
                pool, "ScalekitCABundle: cannot read %s: name a file of certificates in PEM",
                server->ca_bundle);
        }
    }
    if (server->proxy && !strstr(server->proxy, "://")) {
        return "ScalekitProxy is not a URL: write for example http://proxy.example.com:3128";
    }
    settings->proxy = server->proxy;
    return NULL;
}

static const char *finish_times(apr_pool_t *pool, sk_server *server, sk_settings *settings)
{
    const char *wrong;

    if ((wrong = read_seconds(pool, "ScalekitSessionMaxAge", server->session_max_age, 43200, 1,
                              YEARS_10, &settings->session_max_age))
        || (wrong =
                read_seconds(pool, "ScalekitSessionIdleTimeout", server->session_idle_timeout,
                             3600, 0, YEARS_10, &settings->session_idle_timeout))
        || (wrong = read_seconds(pool, "ScalekitRefreshBuffer", server->refresh_buffer, 60, 0,
                                 3600, &settings->refresh_buffer))
        || (wrong = read_seconds(pool, "ScalekitClockSkew", server->clock_skew, 60, 0, 600,
                                 &settings->clock_skew))
        || (wrong = read_seconds(pool, "ScalekitTimeout", server->connect_timeout, 3, 1, 60,
                                 &settings->connect_timeout))
        || (wrong = read_seconds(pool, "ScalekitTimeout", server->total_timeout, 10, 1, 120,
                                 &settings->total_timeout))) {
        return wrong;
    }
    return NULL;
}

/* 128 random bits take 22 characters of base64 or 32 hexadecimal digits. */
static bool is_long_enough(const char *key)
{
    size_t length = strlen(key);

    return length >= (strspn(key, "0123456789abcdefABCDEF") == length ? 32 : 22);
}

static const char *read_session_keys(apr_pool_t *pool, apr_pool_t *ptemp, const server_rec *s,
                                     sk_server *server, const sk_settings *settings,
                                     apr_array_header_t *keys)
{
    const char *from_env = from_environment("SCALEKIT_SESSION_KEY");
    apr_array_header_t *written = server->session_keys;
    int i;

    if (!written && from_env) {
        written = apr_array_make(ptemp, 1, sizeof(char *));
        APR_ARRAY_PUSH(written, const char *) = from_env;
    }
    for (i = 0; written && i < written->nelts; i++) {
        const char *text = APR_ARRAY_IDX(written, i, const char *);
        sk_secret secret;
        const char *wrong = sk_secret_read(pool, ptemp, text, &secret);
        if (wrong) {
            return apr_pstrcat(pool, "ScalekitSessionKey: ", wrong, NULL);
        }
        if (!is_long_enough(secret.value)) {
            return apr_psprintf(pool,
                                "ScalekitSessionKey: key %d is too short: it needs 128 random "
                                "bits at least; make one with \"openssl rand -base64 32\"",
                                i + 1);
        }
        warn_of(s, settings->name, "ScalekitSessionKey", &secret);
        APR_ARRAY_PUSH(keys, const char *) = secret.value;
    }
    if (keys->nelts == 0) {
        APR_ARRAY_PUSH(keys, const char *) = settings->client_secret;
    }
    return NULL;
}

static const char *finish_sealing(apr_pool_t *pool, apr_pool_t *ptemp, const server_rec *s,
                                  sk_server *server, sk_settings *settings)
{
    const char *scope = server->session_scope ? server->session_scope : s->server_hostname;
    const char *context =
        apr_pstrcat(pool, scope, "\n", settings->client_id, "\n", settings->env_url, NULL);
    apr_array_header_t *keys = apr_array_make(pool, 2, sizeof(char *));
    const char *wrong = read_session_keys(pool, ptemp, s, server, settings, keys);

    if (wrong) {
        return wrong;
    }
    settings->secrets = keys;
    settings->session_scope = scope;
    settings->session_sealer = sk_sealer_create(pool, keys, "session", context);
    settings->login_sealer = sk_sealer_create(pool, keys, "login", context);
    settings->guard_sealer = sk_sealer_create(pool, keys, "guard", "");
    settings->hint_sealer = sk_sealer_create(pool, keys, "hint", context);
    return settings->session_sealer && settings->login_sealer && settings->guard_sealer
                   && settings->hint_sealer
               ? NULL
               : "OpenSSL cannot derive keys (HKDF-SHA256)";
}

/* As mod_session's providers read it: a name, and behind it attributes, "session path=/;HttpOnly". */
static const char *read_cookie(apr_pool_t *pool, const sk_tree_line *line,
                               const char **attributes)
{
    const char *args = line->args, *name = ap_getword_conf(pool, &args);

    while (apr_isspace(*args)) {
        args++;
    }
    *attributes = args;
    return name;
}

static void finish_cookies(apr_pool_t *pool, const sk_tree_facts *facts, sk_settings *settings)
{
    apr_array_header_t *cookies =
        apr_array_make(pool, facts->cookies->nelts, sizeof(sk_session_cookie));
    int i;

    settings->sessions_in_cookies = facts->cookies->nelts > 0;
    for (i = 0; i < facts->cookies->nelts; i++) {
        const sk_tree_line *line = &APR_ARRAY_IDX(facts->cookies, i, sk_tree_line);
        sk_session_cookie *cookie = apr_array_push(cookies);
        cookie->name = read_cookie(pool, line, &cookie->attributes);
        /* Our own store comes first: mod_session_cookie is not asked. */
        cookie->note =
            settings->store_cookie || strncasecmp(line->directive, "SessionDBD", 10) == 0
                ? NULL
                : apr_pstrcat(pool, "mod_session_cookie", cookie->name, NULL);
        settings->sessions_in_cookies &= cookie->note != NULL;
    }
    settings->session_cookies = cookies;
}

/* Our own provider takes the cookie that is written down for mod_session_cookie in this server, or for all of them. */
static const char *finish_store(apr_pool_t *pool, const sk_server *server,
                                const sk_tree_facts *facts, sk_settings *settings)
{
    const sk_tree_line *cookie = NULL;
    int i;

    if (!server->session_store || strcasecmp(server->session_store, "session") == 0) {
        return NULL;
    }
    if (strcasecmp(server->session_store, "cache") != 0) {
        return apr_psprintf(pool, "ScalekitSessionStore: \"%s\" is neither session nor cache",
                            sk_text_printable(pool, server->session_store, 40));
    }
    for (i = 0; i < facts->cookies->nelts; i++) {
        const sk_tree_line *line = &APR_ARRAY_IDX(facts->cookies, i, sk_tree_line);
        if (strcasecmp(line->directive, "SessionCookieName") == 0 && !line->is_in_section
            && (!cookie || line->is_own || !cookie->is_own)) {
            cookie = line;
        }
    }
    if (cookie) {
        settings->store_cookie = read_cookie(pool, cookie, &settings->store_cookie_attributes);
    }
    return cookie ? NULL
                  : "ScalekitSessionStore cache: say how the cookie is called "
                    "that holds the id of "
                    "a session: add \"SessionCookieName __Host-session "
                    "path=/;HttpOnly;Secure;SameSite=Lax\"";
}

const char *sk_server_finish(apr_pool_t *pool, apr_pool_t *ptemp, const server_rec *s,
                             sk_server *server, const sk_tree_facts *facts)
{
    sk_settings *settings = apr_pcalloc(pool, sizeof(*settings));
    const char *wrong;

    settings->name = sk_server_name(pool, s);
    fill_from_environment(pool, server);
    if ((wrong = finish_environment(pool, ptemp, s, server, settings))
        || (wrong = finish_paths(pool, server, settings))
        || (wrong = finish_network(pool, server, settings))
        || (wrong = finish_times(pool, server, settings))
        || (wrong = finish_sealing(pool, ptemp, s, server, settings))
        || (wrong = finish_store(pool, server, facts, settings))) {
        return wrong;
    }
    settings->keeps_access_token = facts->passes_access_token;
    finish_cookies(pool, facts, settings);
    settings->header_prefixes = facts->prefixes;
    APR_ARRAY_PUSH(facts->prefixes, const char *) = SK_HEADER_PREFIX;
    server->settings = settings;
    return NULL;
}
