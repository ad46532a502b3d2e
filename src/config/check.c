/* SPDX-License-Identifier: Apache-2.0 */
#include "config/check.h"

#include <http_config.h>
#include <http_log.h>
#include <http_request.h>
#include <apr_strings.h>

#include "config/config.h"
#include "config/doctor.h"
#include "config/server.h"
#include "config/tree.h"
#include "config/variables.h"

APLOG_USE_MODULE(auth_scalekit);

static sk_server *server_of(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &auth_scalekit_module);
}

/* Requests only reach the main server where no virtual host is; without a name of its own nobody means it. */
static bool is_meant(const server_rec *s, const sk_tree_facts *facts)
{
    return s->is_virtual || !s->next || facts->has_server_name;
}

/* httpd gives a virtual host without a directive of ours the main server's record, but its settings are its own. */
static sk_server *own_record(apr_pool_t *pconf, server_rec *s, const server_rec *main_server)
{
    if (s != main_server && server_of(s) == server_of(main_server)) {
        ap_set_module_config(s->module_config, &auth_scalekit_module,
                             apr_pmemdup(pconf, server_of(s), sizeof(sk_server)));
    }
    return server_of(s);
}

/* Nothing else there speaks of Scalekit: it may be another server that is meant. */
static const char *with_reason(apr_pool_t *pool, const char *wrong, const sk_tree_line *line)
{
    return apr_psprintf(pool, "%s (AuthType Scalekit stands in %s:%d)", wrong, line->file,
                        line->line);
}

static const char *check_server(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s,
                                const server_rec *main_server, bool *asks_for_more)
{
    sk_server *server = own_record(pconf, s, main_server);
    sk_tree_facts facts = sk_tree_read(pconf, s);
    const char *wrong;

    if (!(server->any || facts.auth_type) || !is_meant(s, &facts)) {
        return NULL;
    }
    if ((wrong = sk_doctor_check(ptemp, &facts))
        || (wrong = sk_server_finish(pconf, ptemp, s, server, &facts))) {
        return server->any ? wrong : with_reason(ptemp, wrong, facts.auth_type);
    }
    sk_doctor_warn(ptemp, s, server->settings, &facts);
    *asks_for_more |= facts.asks_for_more;
    return NULL;
}

static bool is_same(const char *one, const char *other)
{
    return strcmp(one, other) == 0;
}

/* What one of them brings about, such as failures by a wrong secret, is true of the other. */
static bool is_same_client(const sk_settings *one, const sk_settings *other)
{
    return is_same(one->env_url, other->env_url) && is_same(one->client_id, other->client_id)
           && is_same(one->client_secret, other->client_secret)
           && is_same(one->issuer, other->issuer) && is_same(one->audience, other->audience);
}

/* Servers of one environment and client share what is known of how it is. */
static void number_environments(server_rec *main_server)
{
    int next = 0;
    server_rec *s, *earlier;

    for (s = main_server; s; s = s->next) {
        sk_settings *settings = server_of(s)->settings;
        if (!settings) {
            continue;
        }
        settings->number = -1;
        for (earlier = main_server; earlier != s; earlier = earlier->next) {
            const sk_settings *theirs = server_of(earlier)->settings;
            if (theirs && is_same_client(theirs, settings)) {
                settings->number = theirs->number;
            }
        }
        if (settings->number < 0) {
            settings->number = next++;
        }
    }
}

static void hide_secrets(apr_pool_t *pconf, apr_pool_t *ptemp, const server_rec *s)
{
    apr_array_header_t *secrets = apr_array_make(ptemp, 4, sizeof(char *));

    for (; s; s = s->next) {
        const sk_settings *settings = server_of(s)->settings;
        if (settings) {
            APR_ARRAY_PUSH(secrets, const char *) = settings->client_secret;
            apr_array_cat(secrets, settings->secrets);
        }
    }
    sk_variables_hide(pconf, secrets);
}

static int leave_it_to_others(request_rec *r)
{
    (void)r;
    return DECLINED;
}

/*
 * Of a page in a page, and of an internal redirect, httpd takes for granted what it found for the one before, if both are in the same
 * section: unless a module says that it has to be asked for each URI. Basic authentication is then asked again, too, which takes long
 * in listings of directories: only where it is needed.
 */
static void ask_for_each_uri(void)
{
    ap_hook_check_access(leave_it_to_others, NULL, NULL, APR_HOOK_MIDDLE,
                         AP_AUTH_INTERNAL_PER_URI);
}

int sk_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                    server_rec *main_server)
{
    server_rec *s;
    int status = OK;
    bool asks_for_more = false;

    (void)plog;
    for (s = main_server; s; s = s->next) {
        const char *wrong = check_server(pconf, ptemp, s, main_server, &asks_for_more);
        if (wrong) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, s,
                         "mod_auth_scalekit: %s: %s", sk_server_name(ptemp, s), wrong);
            status = HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (asks_for_more) {
        ask_for_each_uri();
    }
    number_environments(main_server);
    hide_secrets(pconf, ptemp, main_server);
    return status;
}
