/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose page is this? ScalekitOrganization, as a rule: a session of another organization is switched once, by a login, or
 * does not get in.
 */
#ifndef SK_REQUEST_ORGANIZATION_H
#define SK_REQUEST_ORGANIZATION_H

#include <stdbool.h>
#include <httpd.h>

#include "core/record.h"

/**
 * The organization that ScalekitOrganization names for this request: by Scalekit's id, or by the id that the application
 * gave it; NULL where there is no such rule.
 * @return false if its expression fails or is empty: then nobody gets in
 */
bool sk_organization_wanted(request_rec *r, const char **organization);

/** Answers a request for which sk_organization_wanted() found none. @return a status for httpd */
int sk_organization_refuse_unknown(request_rec *r);

/** Is this a user of the organization? */
bool sk_organization_has(const sk_identity *identity, const char *organization);

/** Is there no such rule for this request, or is this a user of the organization that it names? */
bool sk_organization_admits(request_rec *r, const sk_identity *identity);

/** What Scalekit can be told of it: its own ids, not those of the application. */
const char *sk_organization_hint(const char *organization);

/**
 * Answers a request whose session is of another organization: with a login, but not twice, or a denial.
 * @param may_log_in whether a login may begin at all
 * @return a status for httpd
 */
int sk_organization_switch(request_rec *r, const sk_record *record, const char *organization,
                           bool may_log_in);

/** The link on our pages that switches to the organization and leads back here; NULL if there is no login path. */
const char *sk_organization_link(request_rec *r, const char *organization);

#endif
