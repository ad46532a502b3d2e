/* SPDX-License-Identifier: Apache-2.0 */
#include "request/organization.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "config/expression.h"
#include "core/oauth.h"
#include "core/url.h"
#include "request/guard.h"
#include "request/login.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

/* To jump into an organization Scalekit wants this prompt beside the organization. */
static const char prompt[] = "select_account";

/* Is there such a rule? The value of "ScalekitOrganization Off" is empty, and no expression. */
static bool is_ruled(request_rec *r)
{
    const sk_expression *expression = sk_policy_of(r)->steering.organization;
    const char *literal = expression ? sk_expression_literal(expression) : "";

    return !literal || *literal;
}

/* The organization of a rule; NULL where its expression gives none, and *why says so. */
static const char *organization_of(request_rec *r, const char **why)
{
    const char *value = sk_expression_value(r, sk_policy_of(r)->steering.organization, why);

    if (value && (strlen(value) > 256 || !sk_text_is_clean(value))) {
        *why = "gives something that is no id";
        return NULL;
    }
    if (!value && !*why) {
        *why = "gives nothing";
    }
    return value;
}

bool sk_organization_wanted(request_rec *r, const char **organization)
{
    const char *why;

    *organization = NULL;
    if (!is_ruled(r) || (*organization = organization_of(r, &why))) {
        return true;
    }
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  "403: ScalekitOrganization names no organization for this request: its "
                  "expression %s (reference %s)",
                  sk_text_printable(r->pool, why, 200), sk_visit_reference(r));
    return false;
}

bool sk_organization_admits(request_rec *r, const sk_identity *identity)
{
    const char *why, *organization;

    return !is_ruled(r)
           || ((organization = organization_of(r, &why))
               && sk_organization_has(identity, organization));
}

int sk_organization_refuse_unknown(request_rec *r)
{
    sk_problem problem = {0};

    problem.status = HTTP_FORBIDDEN;
    problem.title = "This address belongs to no organization";
    problem.error = "organization_unknown";
    problem.detail =
        "Only members of an organization may see it, and it is not known of which.";
    return sk_reply_problem(r, &problem);
}

bool sk_organization_has(const sk_identity *identity, const char *organization)
{
    return sk_text_equal(identity->oid, organization)
           || sk_text_equal(identity->xoid, organization);
}

const char *sk_organization_hint(const char *organization)
{
    return organization && strncmp(organization, "org_", 4) == 0
                   && sk_oauth_is_hint("organization_id", organization)
               ? organization
               : NULL;
}

const char *sk_organization_link(request_rec *r, const char *organization)
{
    const char *target =
        r->method_number == M_GET ? sk_url_local_target(r->pool, sk_site_requested(r)) : NULL;
    const char *link = sk_login_link(r, NULL);

    if (!link) {
        return NULL;
    }
    link =
        sk_url_query_add(r->pool, link, "organization_id", sk_organization_hint(organization));
    link = sk_url_query_add(r->pool, link, "prompt", prompt);
    return sk_url_query_add(r->pool, link, "next", target);
}

static int deny(request_rec *r, const char *organization)
{
    const char *link = sk_organization_link(r, organization);
    sk_problem problem = {0};

    problem.status = HTTP_FORBIDDEN;
    problem.title = "This page is for another organization";
    problem.error = "organization_mismatch";
    problem.detail =
        "You are signed in, but not to the organization that this page belongs to.";
    problem.login_url = link ? apr_pstrcat(r->pool, sk_site_origin(r), link, NULL) : NULL;
    problem.link = link;
    problem.link_text = "Sign in to that organization";
    problem.sign_out = sk_settings_of(r->server)->paths[SK_ENDPOINT_LOGOUT];
    problem.has_no_reference = true;
    return sk_reply_problem(r, &problem);
}

int sk_organization_switch(request_rec *r, const sk_record *record, const char *organization,
                           bool may_log_in)
{
    const char *oid = record->identity.oid;
    sk_login_hints hints = {0};
    bool switches = may_log_in && r->method_number == M_GET && !sk_reply_is_for_script(r)
                    && !sk_guard_was_switched(r, organization, record->id);

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "%s: the session is of organization %s, this page is for %s (reference %s)",
                  switches ? "switching" : "403",
                  oid ? sk_text_printable(r->pool, oid, 80) : "none",
                  sk_text_printable(r->pool, organization, 80), sk_visit_reference(r));
    if (!switches) {
        return deny(r, organization);
    }
    sk_guard_note_switch(r, organization, record->id);
    hints.organization_id = sk_organization_hint(organization);
    hints.prompt = prompt;
    return sk_login_begin(r, sk_site_requested(r), &hints);
}
