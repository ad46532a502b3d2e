/* SPDX-License-Identifier: Apache-2.0 */
#include "config/doctor.h"

#include <http_config.h>
#include <http_log.h>
#include <apr_strings.h>

#include "core/text.h"

APLOG_USE_MODULE(auth_scalekit);

/* An attribute of a cookie directive, such as "SameSite" or "SameSite=Strict", whatever its case and spaces. */
static bool has_attribute(apr_pool_t *pool, const char *args, const char *attribute)
{
    char *rest = NULL, *part;

    for (part = apr_strtok(apr_pstrdup(pool, args), "; \t\"", &rest); part;
         part = apr_strtok(NULL, "; \t\"", &rest)) {
        size_t length = strlen(attribute);
        if (strncasecmp(part, attribute, length) == 0
            && (!part[length] || part[length] == '=')) {
            return true;
        }
    }
    return false;
}

static const char *check_cookie(apr_pool_t *pool, const server_rec *s, const char *name,
                                const sk_tree_line *line)
{
    static const char *const wanted[] = {"path", "HttpOnly", "Secure", NULL};
    static const char *const reasons[] = {
        "the login at the callback is not seen elsewhere",
        "scripts in pages can read the session",
        "the session also travels over plain http (fine only where there is no https)"};
    int i;

    if (has_attribute(pool, line->args, "SameSite=Strict")) {
        return apr_psprintf(
            pool,
            "%s (%s:%d) has SameSite=Strict, with which every login fails, because Scalekit's "
            "callback comes from another site: write SameSite=Lax",
            line->directive, line->file, line->line);
    }
    for (i = 0; wanted[i]; i++) {
        if (!has_attribute(pool, line->args, wanted[i])) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s: %s (%s:%d) has no %s: %s", name,
                         line->directive, line->file, line->line, i == 0 ? "path=/" : wanted[i],
                         reasons[i]);
        }
    }
    return NULL;
}

const char *sk_doctor_check(apr_pool_t *pool, const server_rec *s, const char *name,
                            const sk_tree_facts *facts)
{
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
    for (i = 0; i < facts->cookies->nelts; i++) {
        const char *wrong =
            check_cookie(pool, s, name, &APR_ARRAY_IDX(facts->cookies, i, sk_tree_line));
        if (wrong) {
            return wrong;
        }
    }
    return NULL;
}
