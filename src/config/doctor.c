/* SPDX-License-Identifier: Apache-2.0 */
#include "config/doctor.h"

#include <stdlib.h>
#include <http_config.h>
#include <http_log.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "core/text.h"

APLOG_USE_MODULE(auth_scalekit);

/* ---- cookies ---- */

/*
 * The value of an attribute such as "SameSite", whatever its case and spaces; "" if it has none, NULL if it is not there. Browsers
 * take the last of several.
 */
static const char *attribute(apr_pool_t *pool, const char *args, const char *name)
{
    char *rest = NULL, *part;
    const char *found = NULL;

    ap_getword_conf(pool, &args);
    for (part = apr_strtok(apr_pstrdup(pool, args), ";\"", &rest); part;
         part = apr_strtok(NULL, ";\"", &rest)) {
        char *value;
        apr_collapse_spaces(part, part);
        value = strchr(part, '=');
        if (value) {
            *value++ = '\0';
        }
        if (strcasecmp(part, name) == 0) {
            found = value ? value : "";
        }
    }
    return found;
}

static bool begins(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static const char *name_of(apr_pool_t *pool, const sk_tree_line *line)
{
    const char *args = line->args;

    return ap_getword_conf(pool, &args);
}

/* draft-ietf-httpbis-rfc6265bis section 4.1.3: browsers drop a cookie that is not as its name says. */
static const char *missing_for_prefix(apr_pool_t *pool, const sk_tree_line *line)
{
    const char *name = name_of(pool, line), *path = attribute(pool, line->args, "path");
    bool is_host = begins(name, "__Host-");

    if (!is_host && !begins(name, "__Secure-")) {
        return NULL;
    }
    if (!attribute(pool, line->args, "Secure")) {
        return "has no Secure";
    }
    if (is_host && !(path && strcmp(path, "/") == 0)) {
        return "has no path=/";
    }
    return is_host && attribute(pool, line->args, "Domain") ? "has a Domain" : NULL;
}

static const char *refuse_cookie(apr_pool_t *pool, const sk_tree_line *line)
{
    const char *same_site = attribute(pool, line->args, "SameSite");
    const char *missing = missing_for_prefix(pool, line);

    if (same_site && strcasecmp(same_site, "Strict") == 0) {
        return apr_psprintf(
            pool,
            "%s (%s:%d) has SameSite=Strict, with which every login fails, because Scalekit's "
            "callback comes from another site: write SameSite=Lax",
            line->directive, line->file, line->line);
    }
    return missing ? apr_psprintf(
               pool,
               "%s (%s:%d) %s, and browsers drop a cookie of the name %s then: write "
               "path=/;HttpOnly;Secure;SameSite=Lax behind it, or on plain http another name",
               line->directive, line->file, line->line, missing,
               sk_text_printable(pool, name_of(pool, line), 64))
                   : NULL;
}

static void warn_of_cookie(apr_pool_t *pool, const server_rec *s, const sk_settings *settings,
                           const sk_tree_line *line, bool is_on_https)
{
    bool is_shared = strcmp(settings->session_scope, s->server_hostname) != 0;
    const char *path = attribute(pool, line->args, "path");
    const char *same_site = attribute(pool, line->args, "SameSite");
    const struct {
        bool is_wrong;
        const char *what;
    } all[] = {
        {!path || strcmp(path, "/") != 0,
         "has no path=/: the login at the callback is not seen elsewhere"},
        {!attribute(pool, line->args, "HttpOnly"),
         "has no HttpOnly: scripts in pages can read the session"},
        {is_on_https && !attribute(pool, line->args, "Secure"),
         "has no Secure: the session also travels over plain http"},
        {!is_on_https && !attribute(pool, line->args, "Secure"),
         "has no Secure: the session also travels over plain http (fine only where there is no "
         "https)"},
        {!same_site || strcasecmp(same_site, "Lax") != 0,
         "has no SameSite=Lax: other sites can send forms in the name of whoever is signed in"},
        {attribute(pool, line->args, "Domain") && !is_shared,
         "has a Domain: every host of that domain gets the session; take it away, or set "
         "ScalekitSessionScope, without which it opens nothing there"},
    };
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].is_wrong) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s: %s (%s:%d) %s", settings->name,
                         line->directive, line->file, line->line, all[i].what);
        }
    }
}

/* ---- mod_session ---- */

/* The line that holds for the server itself: the last of its own, else the last outside; with any, also one of a section. */
static const sk_tree_line *find(const sk_tree_facts *facts, const char *directive, bool any)
{
    const sk_tree_line *found = NULL;
    int i;

    for (i = 0; i < facts->sessions->nelts; i++) {
        const sk_tree_line *line = &APR_ARRAY_IDX(facts->sessions, i, sk_tree_line);
        if (strcasecmp(line->directive, directive) == 0 && (any || !line->is_in_section)
            && (!found || line->is_own || !found->is_own)) {
            found = line;
        }
    }
    return found;
}

static bool is_on(apr_pool_t *pool, const sk_tree_line *line)
{
    const char *args = line->args;

    return strcasecmp(ap_getword_conf(pool, &args), "On") == 0;
}

/* mod_session's directives at which a login fails, or which show the session to others. */
static void warn_of_sessions(apr_pool_t *pool, const server_rec *s, const char *name,
                             const sk_tree_facts *facts)
{
    bool is_enabled = false;
    int i;

    for (i = 0; i < facts->sessions->nelts; i++) {
        const sk_tree_line *line = &APR_ARRAY_IDX(facts->sessions, i, sk_tree_line);
        const char *what = NULL;
        if (strcasecmp(line->directive, "Session") == 0) {
            is_enabled |= is_on(pool, line);
        }
        else if (strcasecmp(line->directive, "SessionHeader") == 0) {
            what = "lets applications write into sessions; logins are kept out of their reach, "
                   "other modules' data is not: take it away";
        }
        else if (strcasecmp(line->directive, "SessionEnv") == 0 && is_on(pool, line)) {
            what =
                "would show sessions to scripts, which could use them elsewhere on the site: "
                "HTTP_SESSION is left out while somebody is signed in; take it away";
        }
        if (what) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s: %s (%s:%d) %s", name,
                         line->directive, line->file, line->line, what);
        }
    }
    if (!is_enabled || facts->cookies->nelts == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "%s: %s: nobody can sign in; add \"Session On\" and \"SessionCookieName "
                     "__Host-session path=/;HttpOnly;Secure;SameSite=Lax\"",
                     name,
                     is_enabled ? "mod_session has no place to keep sessions"
                                : "sessions are off");
    }
}

static void warn_of_max_age(const server_rec *s, const sk_settings *settings,
                            const sk_tree_facts *facts)
{
    const sk_tree_line *max_age = find(facts, "SessionMaxAge", false);
    bool is_encrypted = find(facts, "SessionCryptoPassphrase", true)
                        || find(facts, "SessionCryptoPassphraseFile", true);
    bool is_idle = settings->session_idle_timeout > 0;
    long ours = (long)apr_time_sec(is_idle ? settings->session_idle_timeout
                                           : settings->session_max_age);
    long theirs = max_age ? strtol(max_age->args, NULL, 10) : 0;

    if (theirs <= 0) {
        return;
    }
    if (theirs < ours) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "%s: SessionMaxAge (%s:%d) ends sessions that were not used for %ld seconds, "
            "though %s says %ld: take it away, or make it at least as long",
            settings->name, max_age->file, max_age->line, theirs,
            is_idle ? "ScalekitSessionIdleTimeout" : "ScalekitSessionMaxAge", ours);
    }
    if (is_encrypted && !find(facts, "SessionExpiryUpdateInterval", true)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "%s: SessionMaxAge (%s:%d) has mod_session_crypto encrypt the session for "
                     "every answer, which takes 2 ms of a processor: take it away, or add "
                     "\"SessionExpiryUpdateInterval 60\"",
                     settings->name, max_age->file, max_age->line);
    }
}

/* ---- what config.c calls ---- */

const char *sk_doctor_check(apr_pool_t *pool, const sk_tree_facts *facts)
{
    const char *wrong = NULL;
    int i;

    if (!ap_find_linked_module("mod_session.c")) {
        return "AuthType Scalekit keeps its sessions in mod_session, which is not loaded: "
               "a2enmod session session_cookie";
    }
    if (!facts->has_server_name) {
        return "ServerName is not set, and sessions are bound to it: add ServerName to this "
               "server";
    }
    if (facts->stores_private) {
        return apr_psprintf(pool,
                            "%s (%s:%d) would have mod_cache keep the pages of one user and "
                            "show them to others: take it away",
                            facts->stores_private->directive, facts->stores_private->file,
                            facts->stores_private->line);
    }
    for (i = 0; i < facts->cookies->nelts && !wrong; i++) {
        wrong = refuse_cookie(pool, &APR_ARRAY_IDX(facts->cookies, i, sk_tree_line));
    }
    return wrong;
}

static bool is_on_https(const server_rec *s, const sk_settings *settings,
                        const sk_tree_facts *facts)
{
    const char *origin =
        settings->base_origin ? settings->base_origin : settings->redirect_origin;

    return facts->is_on_https || (s->server_scheme && strcmp(s->server_scheme, "https") == 0)
           || (origin && begins(origin, "https:"));
}

void sk_doctor_warn(apr_pool_t *pool, const server_rec *s, const sk_settings *settings,
                    const sk_tree_facts *facts)
{
    bool https = is_on_https(s, settings, facts);
    int i;

    for (i = 0; i < facts->cookies->nelts; i++) {
        warn_of_cookie(pool, s, settings, &APR_ARRAY_IDX(facts->cookies, i, sk_tree_line),
                       https);
    }
    warn_of_sessions(pool, s, settings->name, facts);
    warn_of_max_age(s, settings, facts);
}
