/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <http_log.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "config/expression.h"
#include "config/secret.h"
#include "config/server.h"
#include "core/oauth.h"
#include "environment/table.h"

APLOG_USE_MODULE(auth_scalekit);

#define SESSION_MEMO_MAX ((apr_size_t)64 << 20)

/* A directory's directives, unset ones negative or NULL; the first member is what the rooms read. */
typedef struct directory {
    sk_policy policy; /* with the defaults filled in where nothing was said */
    int unauthenticated;
    const char *remote_user;
    int export_to;
    const char *header_prefix;
    int pass_access_token;
} directory;

/* ---- records ---- */

void *sk_config_create_server(apr_pool_t *pool, server_rec *s)
{
    (void)s;
    return apr_pcalloc(pool, sizeof(sk_server));
}

void *sk_config_merge_server(apr_pool_t *pool, void *base, void *add)
{
    const sk_server *outer = base, *inner = add;
    sk_server *server = apr_pcalloc(pool, sizeof(*server));

#define SK_TEXT(field, directive, variables)                                                   \
    server->field = inner->field ? inner->field : outer->field;
    SK_SERVER_TEXTS(SK_TEXT)
#undef SK_TEXT
    server->scopes = inner->scopes ? inner->scopes : outer->scopes;
    server->session_keys = inner->session_keys ? inner->session_keys : outer->session_keys;
    server->any = inner->any || outer->any;
    return server;
}

static void merge_steering(const sk_steering *outer, const sk_steering *inner, sk_steering *s)
{
    s->organization = inner->organization ? inner->organization : outer->organization;
    s->connection = inner->connection ? inner->connection : outer->connection;
    s->provider = inner->provider ? inner->provider : outer->provider;
    s->domain_hint = inner->domain_hint ? inner->domain_hint : outer->domain_hint;
    s->login_hint = inner->login_hint ? inner->login_hint : outer->login_hint;
    s->prompt = inner->prompt ? inner->prompt : outer->prompt;
}

static void fill_policy(directory *d)
{
    d->policy.unauthenticated = d->unauthenticated < 0 ? SK_UNAUTHENTICATED_AUTO
                                                       : (sk_unauthenticated)d->unauthenticated;
    d->policy.remote_user = d->remote_user ? d->remote_user : "sub";
    d->policy.export_to = d->export_to < 0 ? SK_EXPORT_ENV : d->export_to;
    d->policy.header_prefix = d->header_prefix ? d->header_prefix : SK_HEADER_PREFIX;
    d->policy.pass_access_token = d->pass_access_token > 0;
}

void *sk_config_create_policy(apr_pool_t *pool, char *dir)
{
    directory *d = apr_pcalloc(pool, sizeof(*d));

    (void)dir;
    d->unauthenticated = d->export_to = d->pass_access_token = -1;
    fill_policy(d);
    return d;
}

void *sk_config_merge_policy(apr_pool_t *pool, void *base, void *add)
{
    const directory *outer = base, *inner = add;
    directory *d = apr_pcalloc(pool, sizeof(*d));

    d->unauthenticated =
        inner->unauthenticated < 0 ? outer->unauthenticated : inner->unauthenticated;
    d->remote_user = inner->remote_user ? inner->remote_user : outer->remote_user;
    d->export_to = inner->export_to < 0 ? outer->export_to : inner->export_to;
    d->header_prefix = inner->header_prefix ? inner->header_prefix : outer->header_prefix;
    d->pass_access_token =
        inner->pass_access_token < 0 ? outer->pass_access_token : inner->pass_access_token;
    merge_steering(&outer->policy.steering, &inner->policy.steering, &d->policy.steering);
    fill_policy(d);
    return d;
}

static sk_server *server_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &auth_scalekit_module);
}

const sk_settings *sk_settings_of(const server_rec *s)
{
    return server_of(s)->settings;
}

const sk_policy *sk_policy_of(const request_rec *r)
{
    const directory *d = ap_get_module_config(r->per_dir_config, &auth_scalekit_module);

    return &d->policy;
}

/* A number of bytes with K, M or G behind it. */
static bool read_size(const char *text, apr_size_t *bytes)
{
    char *unit;
    apr_int64_t size = apr_strtoi64(text, &unit, 10);
    int shift = *unit == '\0'                ? 0
                : strcasecmp(unit, "K") == 0 ? 10
                : strcasecmp(unit, "M") == 0 ? 20
                : strcasecmp(unit, "G") == 0 ? 30
                                             : -1;

    if (unit == text || size < 0 || (apr_size_t)size > SK_TABLE_SIZE_MAX || shift < 0) {
        return false;
    }
    *bytes = (apr_size_t)size << shift;
    return true;
}

/* The largest of what the servers say; if none says anything, the default. */
static apr_size_t largest_size(const server_rec *s, size_t field, apr_size_t by_default)
{
    apr_size_t largest = 0, size;
    bool is_said = false;

    for (; s; s = s->next) {
        const char *text = *(const char **)(void *)((char *)server_of(s) + field);
        if (text && read_size(text, &size)) {
            largest = size > largest ? size : largest;
            is_said = true;
        }
    }
    return is_said ? largest : by_default;
}

apr_size_t sk_config_shared_memory(const server_rec *main_server)
{
    return largest_size(main_server, APR_OFFSETOF(sk_server, shared_memory), 8 << 20);
}

apr_size_t sk_config_session_memo(const server_rec *main_server)
{
    return largest_size(main_server, APR_OFFSETOF(sk_server, session_memo), 512 << 10);
}

struct sk_environment *sk_environment_of(const server_rec *s)
{
    return server_of(s)->environment;
}

void sk_environment_set(server_rec *s, struct sk_environment *environment)
{
    server_of(s)->environment = environment;
}

/* ---- directives ---- */

/* What httpd shows of its configuration (mod_info, -DDUMP_CONFIG) is this text: it must not show a secret. */
static void mask(cmd_parms *cmd, const char *secret)
{
    static const char stars[] = "\"********\"";
    ap_directive_t *directive = (ap_directive_t *)(size_t)cmd->directive;

    if (strcmp(directive->args, stars) != 0) {
        sk_cleanse_with_pool(cmd->pool, (char *)(size_t)directive->args);
        directive->args = apr_pstrdup(cmd->pool, stars);
    }
    sk_cleanse_with_pool(cmd->pool, (char *)(size_t)secret);
}

static void set_server_text(cmd_parms *cmd, const char *text)
{
    sk_server *server = server_of(cmd->server);

    *(const char **)(void *)((char *)server + (size_t)cmd->info) = text;
    server->any = true;
}

static const char *set_text(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    set_server_text(cmd, text);
    return NULL;
}

static const char *set_secret(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    if (!sk_secret_is_reference(text)) {
        mask(cmd, text);
    }
    set_server_text(cmd, text);
    return NULL;
}

static const char *set_shared_memory(cmd_parms *cmd, void *dir, const char *text)
{
    apr_size_t size;

    (void)dir;
    if (!read_size(text, &size) || size < SK_TABLE_SIZE_MIN || size > SK_TABLE_SIZE_MAX) {
        return "ScalekitSharedMemory is a size from 64K to 1G, such as 8M";
    }
    server_of(cmd->server)->shared_memory = text;
    return NULL;
}

static const char *set_session_memo(cmd_parms *cmd, void *dir, const char *text)
{
    apr_size_t size;

    (void)dir;
    if (!read_size(text, &size) || size > SESSION_MEMO_MAX) {
        return "ScalekitSessionMemo is a size up to 64M, such as 512K, or 0";
    }
    server_of(cmd->server)->session_memo = text;
    return NULL;
}

/* It may hold a password. */
static const char *set_proxy(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    if (strchr(text, '@')) {
        mask(cmd, text);
    }
    set_server_text(cmd, text);
    return NULL;
}

static const char *set_timeout(cmd_parms *cmd, void *dir, const char *connect,
                               const char *total)
{
    sk_server *server = server_of(cmd->server);

    (void)dir;
    server->connect_timeout = connect;
    server->total_timeout = total;
    server->any = true;
    return NULL;
}

/* One of several words: the first of a directive starts the list anew. */
static void push(cmd_parms *cmd, apr_array_header_t **array, const char *word)
{
    sk_server *server = server_of(cmd->server);

    if (!*array) {
        *array = apr_array_make(cmd->pool, 4, sizeof(char *));
    }
    APR_ARRAY_PUSH(*array, const char *) = word;
    server->any = true;
}

static const char *add_scope(cmd_parms *cmd, void *dir, const char *word)
{
    (void)dir;
    push(cmd, &server_of(cmd->server)->scopes, word);
    return NULL;
}

static const char *add_session_key(cmd_parms *cmd, void *dir, const char *word)
{
    (void)dir;
    if (!sk_secret_is_reference(word)) {
        mask(cmd, word);
    }
    push(cmd, &server_of(cmd->server)->session_keys, word);
    return NULL;
}

/* The position of a word in a NULL-terminated list, or -1. */
static int choice(const char *const *words, const char *word)
{
    int i;

    for (i = 0; words[i]; i++) {
        if (strcasecmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *set_unauthenticated(cmd_parms *cmd, void *dir, const char *word)
{
    static const char *const words[] = {"auto", "login", "401", "pass", NULL};
    directory *d = dir;

    (void)cmd;
    d->unauthenticated = choice(words, word);
    fill_policy(d);
    return d->unauthenticated < 0
               ? "ScalekitUnauthenticated is one of auto, login, 401 and pass"
               : NULL;
}

/* Claims that users can edit themselves are not among these: they would impersonate in "Require user". */
static const char *set_remote_user(cmd_parms *cmd, void *dir, const char *word)
{
    static const char *const words[] = {"sub", "email", "xuid", "preferred_username", NULL};
    directory *d = dir;

    (void)cmd;
    if (choice(words, word) < 0) {
        return "ScalekitRemoteUser is one of sub, email, xuid and preferred_username";
    }
    d->remote_user = words[choice(words, word)];
    fill_policy(d);
    return NULL;
}

static const char *set_export(cmd_parms *cmd, void *dir, const char *word)
{
    static const char *const words[] = {"none", "env", "headers", "both", NULL};
    directory *d = dir;

    (void)cmd;
    d->export_to = choice(words, word);
    fill_policy(d);
    return d->export_to < 0 ? "ScalekitExport is one of env, headers, both and none" : NULL;
}

/* Whatever begins with the prefix is removed from requests: it must not take away what others need. */
static const char *set_header_prefix(cmd_parms *cmd, void *dir, const char *prefix)
{
    static const char *const taken[] = {
        "X-Forwarded-",    "Sec-",     "Content-",  "Accept-", "If-",  "Proxy-", "WWW-",
        "Access-Control-", "Last-",    "Transfer-", "Keep-",   "Max-", "Cache-", "User-",
        "X-Requested-",    "Upgrade-", NULL};
    directory *d = dir;
    size_t length = strlen(prefix);

    (void)cmd;
    if (length < 4 || length > 64 || !apr_isalpha(*prefix) || prefix[length - 1] != '-'
        || strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
               != length
        || choice(taken, prefix) >= 0) {
        return "ScalekitHeaderPrefix is a word of your own that ends with a hyphen, such as "
               "X-Auth-";
    }
    d->header_prefix = prefix;
    fill_policy(d);
    return NULL;
}

static const char *set_pass_access_token(cmd_parms *cmd, void *dir, int on)
{
    directory *d = dir;

    (void)cmd;
    d->pass_access_token = on;
    fill_policy(d);
    return NULL;
}

/* Off takes back what an outer section says. A value that is no expression is checked here and now. */
static const char *set_steering(cmd_parms *cmd, void *dir, const char *text)
{
    static const struct {
        const char *directive, *hint;
        size_t offset;
    } all[] = {{"ScalekitOrganization", NULL, APR_OFFSETOF(sk_steering, organization)},
               {"ScalekitConnection", "connection_id", APR_OFFSETOF(sk_steering, connection)},
               {"ScalekitProvider", "provider", APR_OFFSETOF(sk_steering, provider)},
               {"ScalekitDomainHint", "domain_hint", APR_OFFSETOF(sk_steering, domain_hint)},
               {"ScalekitLoginHint", "login_hint", APR_OFFSETOF(sk_steering, login_hint)},
               {"ScalekitPrompt", "prompt", APR_OFFSETOF(sk_steering, prompt)}};
    directory *d = dir;
    const sk_expression *expression;
    const char *wrong, *literal;
    size_t i = 0;

    while (strcasecmp(all[i].directive, cmd->cmd->name) != 0) {
        i++;
    }
    expression = sk_expression_parse(cmd, strcasecmp(text, "Off") == 0 ? "" : text, &wrong);
    if (!expression) {
        return apr_psprintf(cmd->pool, "%s: cannot understand \"%s\": %s", all[i].directive,
                            text, wrong);
    }
    literal = sk_expression_literal(expression);
    if (literal && *literal && all[i].hint && !sk_oauth_is_hint(all[i].hint, literal)) {
        return apr_psprintf(cmd->pool, "%s: \"%s\" is nothing that Scalekit takes for %s",
                            all[i].directive, text, all[i].hint);
    }
    *(const sk_expression **)(void *)((char *)&d->policy.steering + all[i].offset) = expression;
    return NULL;
}

#define FIELD(field) (void *)APR_OFFSETOF(sk_server, field)
#define SERVER_TEXT(name, field, help)                                                         \
    AP_INIT_TAKE1(name, set_text, FIELD(field), RSRC_CONF, help)

const command_rec sk_config_commands[] = {
    SERVER_TEXT("ScalekitEnvURL", env_url,
                "the URL of the Scalekit environment, https://acme.scalekit.com"),
    SERVER_TEXT("ScalekitClientID", client_id, "the client id of this application at Scalekit"),
    AP_INIT_TAKE1("ScalekitClientSecret", set_secret, FIELD(client_secret), RSRC_CONF,
                  "its secret: the value, file:path, env:NAME or exec:path"),
    SERVER_TEXT("ScalekitRedirectURI", redirect_uri,
                "where Scalekit sends logins: a path or an absolute URL"),
    AP_INIT_ITERATE("ScalekitScopes", add_scope, NULL, RSRC_CONF, "the scopes to ask for"),
    SERVER_TEXT("ScalekitIssuer", issuer,
                "the issuer of tokens, if it is not the environment URL"),
    SERVER_TEXT("ScalekitAudience", audience,
                "the audience of access tokens, if it is not the client id"),
    SERVER_TEXT("ScalekitBaseURL", base_url,
                "the scheme and host that browsers see, behind a balancer"),
    SERVER_TEXT("ScalekitLoginPath", login_path, "the path that starts a login, or none"),
    SERVER_TEXT("ScalekitLogoutPath", logout_path, "the path that logs out, or none"),
    SERVER_TEXT("ScalekitSessionsPath", sessions_path,
                "the path that tells scripts of the session, or none"),
    SERVER_TEXT("ScalekitBackChannelLogoutPath", backchannel_path,
                "the path where Scalekit says that sessions have ended, or none"),
    SERVER_TEXT("ScalekitAfterLoginURL", after_login, "where a login without a target ends"),
    SERVER_TEXT("ScalekitAfterLogoutURL", after_logout, "where a logout ends"),
    AP_INIT_ITERATE(
        "ScalekitSessionKey", add_session_key, NULL, RSRC_CONF,
        "the keys of sessions: values, file:, env: or exec:; the first seals, all open"),
    SERVER_TEXT("ScalekitSessionScope", session_scope,
                "servers of the same scope share sessions"),
    SERVER_TEXT("ScalekitSessionMaxAge", session_max_age, "seconds until a session ends"),
    SERVER_TEXT("ScalekitSessionIdleTimeout", session_idle_timeout,
                "seconds until an unused session ends, 0 = never"),
    SERVER_TEXT("ScalekitSessionStore", session_store,
                "where sessions are kept: session (as mod_session is configured) or cache (in "
                "the shared memory)"),
    SERVER_TEXT("ScalekitRefreshBuffer", refresh_buffer,
                "seconds before an access token expires that it is refreshed"),
    AP_INIT_TAKE1("ScalekitSessionMemo", set_session_memo, NULL, RSRC_CONF,
                  "memory of each process for sessions that it has opened, up to 64M; 0: none"),
    AP_INIT_TAKE1("ScalekitSharedMemory", set_shared_memory, NULL, RSRC_CONF,
                  "the size of the memory that all processes share, such as 8M; of several "
                  "sizes the largest counts"),
    SERVER_TEXT("ScalekitClockSkew", clock_skew,
                "seconds that Scalekit's clock may differ from ours"),
    AP_INIT_TAKE2("ScalekitTimeout", set_timeout, NULL, RSRC_CONF,
                  "seconds to connect to Scalekit, and in all"),
    SERVER_TEXT("ScalekitCABundle", ca_bundle,
                "a file with the CAs that Scalekit's certificate may come from"),
    SERVER_TEXT("ScalekitInsecureHost", insecure_host,
                "the host of Scalekit, if it is to be reached by plain http"),
    AP_INIT_TAKE1("ScalekitProxy", set_proxy, FIELD(proxy), RSRC_CONF,
                  "the proxy to reach Scalekit through"),
    AP_INIT_TAKE1("ScalekitUnauthenticated", set_unauthenticated, NULL, OR_AUTHCFG,
                  "what a visitor without a session gets: auto, login, 401 or pass"),
    AP_INIT_TAKE1("ScalekitRemoteUser", set_remote_user, NULL, OR_AUTHCFG,
                  "the claim that becomes REMOTE_USER: sub, email, xuid or preferred_username"),
    AP_INIT_TAKE1("ScalekitExport", set_export, NULL, ACCESS_CONF | RSRC_CONF,
                  "where claims go: env, headers, both or none"),
    AP_INIT_TAKE1("ScalekitHeaderPrefix", set_header_prefix, NULL, ACCESS_CONF | RSRC_CONF,
                  "what the names of our request headers begin with"),
    AP_INIT_FLAG("ScalekitPassAccessToken", set_pass_access_token, NULL,
                 ACCESS_CONF | RSRC_CONF,
                 "whether the application gets the access token as Authorization: Bearer"),
    AP_INIT_TAKE1("ScalekitOrganization", set_steering, NULL, ACCESS_CONF | RSRC_CONF,
                  "the organization whose members come in: a hint and a rule"),
    AP_INIT_TAKE1("ScalekitConnection", set_steering, NULL, OR_AUTHCFG,
                  "the connection that logins go through"),
    AP_INIT_TAKE1("ScalekitProvider", set_steering, NULL, OR_AUTHCFG,
                  "the social provider that logins go through"),
    AP_INIT_TAKE1("ScalekitDomainHint", set_steering, NULL, OR_AUTHCFG,
                  "the domain whose connection logins go through"),
    AP_INIT_TAKE1("ScalekitLoginHint", set_steering, NULL, OR_AUTHCFG,
                  "who probably logs in: an email address"),
    AP_INIT_TAKE1("ScalekitPrompt", set_steering, NULL, OR_AUTHCFG,
                  "what Scalekit asks: login, create, select_account, consent or none"),
    {NULL, {NULL}, NULL, 0, RAW_ARGS, NULL}};
