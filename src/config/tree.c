/* SPDX-License-Identifier: Apache-2.0 */
#include "config/tree.h"

#include <http_config.h>
#include <util_cfgtree.h>
#include <apr_strings.h>

static const char *const cookies[] = {"SessionCookieName", "SessionCookieName2",
                                      "SessionDBDCookieName", "SessionDBDCookieName2", NULL};

static const char *const sessions[] = {"Session",
                                       "SessionEnv",
                                       "SessionHeader",
                                       "SessionMaxAge",
                                       "SessionExpiryUpdateInterval",
                                       "SessionCryptoPassphrase",
                                       "SessionCryptoPassphraseFile",
                                       NULL};

static bool is_among(const char *directive, const char *const *names)
{
    for (; *names; names++) {
        if (strcasecmp(directive, *names) == 0) {
            return true;
        }
    }
    return false;
}

/* Does who gets in depend on more than the section that this stands in, such as the URI? */
static bool asks_for_more(apr_pool_t *pool, const char *directive, const char *args)
{
    const char *word;

    if (strcasecmp(directive, "<AuthzProviderAlias") == 0) {
        return true;
    }
    if (strcasecmp(directive, "Require") != 0) {
        return strcasecmp(directive, "ScalekitOrganization") == 0 && strstr(args, "%{");
    }
    if (strstr(args, "%{")) {
        return true;
    }
    word = ap_getword_conf(pool, &args);
    if (strcasecmp(word, "not") == 0) {
        word = ap_getword_conf(pool, &args);
    }
    return strcasecmp(word, "expr") == 0 || strcasecmp(word, "env") == 0;
}

static void note(apr_pool_t *pool, const ap_directive_t *directive, bool own, bool in_section,
                 sk_tree_facts *facts)
{
    const char *args = directive->args ? directive->args : "";
    const sk_tree_line line = {directive->directive, args, directive->filename,
                               directive->line_num,  own,  in_section};

    facts->asks_for_more |= asks_for_more(pool, directive->directive, args);
    if (is_among(directive->directive, cookies)) {
        *(sk_tree_line *)apr_array_push(facts->cookies) = line;
    }
    else if (is_among(directive->directive, sessions)) {
        *(sk_tree_line *)apr_array_push(facts->sessions) = line;
    }
    else if (strcasecmp(directive->directive, "CacheStorePrivate") == 0
             || strcasecmp(directive->directive, "CacheStoreNoStore") == 0) {
        if (strcasecmp(ap_getword_conf(pool, &args), "On") == 0) {
            facts->stores_private = apr_pmemdup(pool, &line, sizeof(line));
        }
    }
    else if (strcasecmp(directive->directive, "AuthType") == 0) {
        if (!facts->auth_type && strcasecmp(ap_getword_conf(pool, &args), "Scalekit") == 0) {
            facts->auth_type = apr_pmemdup(pool, &line, sizeof(line));
        }
    }
    else if (strcasecmp(directive->directive, "ScalekitPassAccessToken") == 0) {
        facts->passes_access_token |= strcasecmp(ap_getword_conf(pool, &args), "On") == 0;
    }
    else if (strcasecmp(directive->directive, "ScalekitHeaderPrefix") == 0) {
        APR_ARRAY_PUSH(facts->prefixes, const char *) = ap_getword_conf(pool, &args);
    }
}

static bool is_section_of(const ap_directive_t *directive, const server_rec *s)
{
    return s->is_virtual && s->defn_name && directive->filename
           && directive->line_num == (int)s->defn_line_number
           && strcmp(directive->filename, s->defn_name) == 0;
}

/* How many earlier servers were made of the same lines, as of a file that is included twice; httpd's list has the last one first. */
static int twins_before(const server_rec *s)
{
    const server_rec *other;
    int count = 0;

    for (other = s->next; s->is_virtual && s->defn_name && other; other = other->next) {
        count += other->is_virtual && other->defn_name
                 && other->defn_line_number == s->defn_line_number
                 && strcmp(other->defn_name, s->defn_name) == 0;
    }
    return count;
}

/* Sections that only say whether their lines are read at all; httpd leaves most of them out of the tree itself. */
static bool is_transparent(const ap_directive_t *section)
{
    return strncasecmp(section->directive, "<If", 3) == 0
           && strcasecmp(section->directive, "<If") != 0;
}

/* `own`: these lines stand in the server's own section, not outside of all virtual hosts. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as httpd itself went when it read the configuration */
static void walk(apr_pool_t *pool, const ap_directive_t *directive, const server_rec *s,
                 bool own, bool in_section, sk_tree_facts *facts)
{
    for (; directive; directive = directive->next) {
        if (strcasecmp(directive->directive, "<VirtualHost") == 0) {
            if (is_section_of(directive, s) && facts->twins_to_pass-- == 0) {
                walk(pool, directive->first_child, s, true, false, facts);
            }
            continue;
        }
        if (own && strcasecmp(directive->directive, "ServerName") == 0) {
            facts->has_server_name = true;
        }
        if (own && strcasecmp(directive->directive, "SSLEngine") == 0) {
            const char *args = directive->args;
            facts->is_on_https = strcasecmp(ap_getword_conf(pool, &args), "on") == 0;
        }
        note(pool, directive, own, in_section, facts);
        walk(pool, directive->first_child, s, own, in_section || !is_transparent(directive),
             facts);
    }
}

sk_tree_facts sk_tree_read(apr_pool_t *pool, const server_rec *s)
{
    sk_tree_facts facts = {0};

    facts.twins_to_pass = twins_before(s);
    facts.cookies = apr_array_make(pool, 2, sizeof(sk_tree_line));
    facts.sessions = apr_array_make(pool, 4, sizeof(sk_tree_line));
    facts.prefixes = apr_array_make(pool, 2, sizeof(char *));
    walk(pool, ap_conftree, s, !s->is_virtual, false, &facts);
    return facts;
}
