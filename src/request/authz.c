/* SPDX-License-Identifier: Apache-2.0 */
#include "request/authz.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_request.h>
#include <ap_provider.h>
#include <mod_auth.h>
#include <apr_strings.h>

#include "config/config.h"
#include "config/expression.h"
#include "request/authn.h"
#include "request/organization.h"
#include "request/reply.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

/* ---- the words behind Require, taken apart when the configuration is read ---- */

static const char *parse_require(cmd_parms *cmd, const char *line, const void **parsed)
{
    apr_array_header_t *words = apr_array_make(cmd->pool, 4, sizeof(sk_expression *));

    while (*line) {
        const char *text = ap_getword_conf(cmd->pool, &line), *wrong = "it is empty";
        if (*text) {
            APR_ARRAY_PUSH(words, const sk_expression *) =
                sk_expression_parse(cmd, text, &wrong);
        }
        if (wrong) {
            return apr_psprintf(cmd->pool, "Require: cannot understand \"%s\": %s", text,
                                wrong);
        }
    }
    *parsed = words;
    return words->nelts > 0 ? NULL : "Require scalekit-...: name at least one value behind it";
}

static const char *parse_require_claim(cmd_parms *cmd, const char *line, const void **parsed)
{
    const char *wrong = parse_require(cmd, line, parsed);

    if (wrong || ((const apr_array_header_t *)*parsed)->nelts >= 2) {
        return wrong;
    }
    return "Require scalekit-claim: write the name of the claim and at least one value";
}

/* The word's text; NULL where an expression fails, which grants nothing. */
static const char *text_of(request_rec *r, const apr_array_header_t *words, int i)
{
    const char *failure;
    const char *text =
        sk_expression_value(r, APR_ARRAY_IDX(words, i, const sk_expression *), &failure);

    if (failure) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "an expression of a Require line fails: %s",
                      failure);
    }
    return text;
}

/* ---- the checks ---- */

typedef bool is_granted(const sk_identity *identity, const char *value);

static authz_status check_words(request_rec *r, const void *parsed, is_granted *granted)
{
    const apr_array_header_t *words = parsed;
    const sk_record *record = r->user ? sk_authn_record(r) : NULL;
    int i;

    if (!r->user) {
        return AUTHZ_DENIED_NO_USER;
    }
    for (i = 0; record && i < words->nelts; i++) {
        const char *text = text_of(r, words, i);
        if (text && granted(&record->identity, text)) {
            return AUTHZ_GRANTED;
        }
    }
    return AUTHZ_DENIED;
}

static bool has_permission(const sk_identity *identity, const char *value)
{
    return sk_list_has(identity->permissions, value);
}

static bool has_role(const sk_identity *identity, const char *value)
{
    return sk_list_has(identity->roles, value);
}

static bool has_scope(const sk_identity *identity, const char *value)
{
    return sk_list_has(identity->scopes, value);
}

static authz_status check_permission(request_rec *r, const char *line, const void *parsed)
{
    (void)line;
    return check_words(r, parsed, has_permission);
}

static authz_status check_role(request_rec *r, const char *line, const void *parsed)
{
    (void)line;
    return check_words(r, parsed, has_role);
}

static authz_status check_scope(request_rec *r, const char *line, const void *parsed)
{
    (void)line;
    return check_words(r, parsed, has_scope);
}

/* Where one organization would do, the page for the denied leads there. */
static void note_organizations(request_rec *r, const apr_array_header_t *words)
{
    sk_visit *visit = sk_visit_of(r);
    const char *text = words->nelts == 1 ? text_of(r, words, 0) : NULL;

    if (visit->lacks_organization && !sk_text_equal(visit->lacks_organization, text)) {
        text = NULL;
    }
    visit->lacks_organization = text ? text : "";
}

static authz_status check_organization(request_rec *r, const char *line, const void *parsed)
{
    authz_status status = check_words(r, parsed, sk_organization_has);

    (void)line;
    if (status == AUTHZ_DENIED) {
        note_organizations(r, parsed);
    }
    return status;
}

static authz_status check_claim(request_rec *r, const char *line, const void *parsed)
{
    const apr_array_header_t *words = parsed;
    const sk_record *record = r->user ? sk_authn_record(r) : NULL;
    const char *name = text_of(r, words, 0);
    int i;

    (void)line;
    if (!r->user) {
        return AUTHZ_DENIED_NO_USER;
    }
    for (i = 1; record && name && i < words->nelts; i++) {
        const char *value = text_of(r, words, i);
        if (value && sk_claims_match(&record->identity, name, value)) {
            return AUTHZ_GRANTED;
        }
    }
    return AUTHZ_DENIED;
}

/* ---- 403 for a known user ---- */

static int explain_denial(request_rec *r)
{
    const char *organization = sk_visit_of(r)->lacks_organization;
    sk_problem problem = {0};

    problem.status = HTTP_FORBIDDEN;
    problem.title = "You do not have access to this page";
    problem.error = "Forbidden";
    problem.detail =
        "You are signed in, but your account does not have the rights that this page asks for.";
    problem.sign_out = sk_settings_of(r->server)->paths[SK_ENDPOINT_LOGOUT];
    if (organization && *organization) {
        problem.link = sk_organization_link(r, organization);
        problem.link_text = "Sign in to another organization";
    }
    problem.has_no_reference = true;
    return sk_reply_problem(r, &problem);
}

/* mod_authz_core answers 401 to a denied user, from which browsers make nothing: who is known is forbidden. */
static int check_authz(request_rec *r)
{
    sk_visit *visit;
    int verdict;

    if (!sk_authn_is_ours(r) || !sk_settings_of(r->server)) {
        return DECLINED;
    }
    visit = sk_visit_of(r);
    if (visit->is_in_auth_checker) {
        return DECLINED;
    }
    visit->is_in_auth_checker = true;
    verdict = ap_run_auth_checker(r);
    visit->is_in_auth_checker = false;
    if (r->user && (verdict == HTTP_UNAUTHORIZED || verdict == HTTP_FORBIDDEN)) {
        return explain_denial(r);
    }
    return verdict;
}

/* ---- registration ---- */

void sk_authz_hook(apr_pool_t *pool)
{
    static const authz_provider permission = {check_permission, parse_require};
    static const authz_provider role = {check_role, parse_require};
    static const authz_provider scope = {check_scope, parse_require};
    static const authz_provider organization = {check_organization, parse_require};
    static const authz_provider claim = {check_claim, parse_require_claim};
    static const struct {
        const char *name;
        const authz_provider *provider;
    } all[] = {{"scalekit-permission", &permission},
               {"scalekit-role", &role},
               {"scalekit-scope", &scope},
               {"scalekit-organization", &organization},
               {"scalekit-claim", &claim}};
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, all[i].name,
                                  AUTHZ_PROVIDER_VERSION, all[i].provider,
                                  AP_AUTH_INTERNAL_PER_CONF);
    }
    ap_hook_check_authz(check_authz, NULL, NULL, APR_HOOK_REALLY_FIRST,
                        AP_AUTH_INTERNAL_PER_CONF);
}
