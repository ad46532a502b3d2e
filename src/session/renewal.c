/* SPDX-License-Identifier: Apache-2.0 */
#include "session/renewal.h"

#include <http_request.h>
#include <apr_strings.h>

#include "config/config.h"
#include "environment/environment.h"
#include "session/visit.h"

/* 101 carries no Set-Cookie, and a subrequest or an ErrorDocument may come too late for one. */
bool sk_renewal_may_write(request_rec *r)
{
    return sk_visit_is_the_answer(r) && r->method_number != M_CONNECT
           && !sk_visit_is_upgrade(r);
}

/* Who logs in or out has no use for fresh tokens, and who asks for them outright gets them by sk_renewal_now(). */
static bool may_call(request_rec *r)
{
    switch (sk_visit_of(r)->endpoint) {
    case SK_ENDPOINT_NONE:
    case SK_ENDPOINT_SESSIONS:
    case SK_ENDPOINT_VALIDATE_TOKEN:
        return sk_renewal_may_write(r);
    default:
        return false;
    }
}

bool sk_renewal_is_due(const request_rec *r, const sk_record *record)
{
    return record->refresh_token.bytes && apr_time_sec(r->request_time) >= record->refresh_at;
}

sk_refreshed sk_renewal_do(request_rec *r, sk_record *record)
{
    sk_call call = sk_visit_call(r);
    sk_environment *environment = sk_environment_of(r->server);
    sk_refreshed outcome;

    if (!environment) {
        return SK_REFRESHED_LATER;
    }
    if (may_call(r)) {
        return sk_environment_refresh(&call, environment, SK_REFRESH_DUE, record);
    }
    outcome = sk_environment_follow(&call, environment, record);
    if (outcome == SK_REFRESHED_LATER && sk_visit_of(r)->endpoint == SK_ENDPOINT_NONE) {
        sk_call_log(&call, SK_LEVEL_INFO,
                    "the tokens of %s have expired, and this request cannot carry new ones: an "
                    "upgrade, a subrequest or an error page",
                    record->identity.sub);
    }
    return outcome;
}

sk_refreshed sk_renewal_now(request_rec *r, sk_record *record, bool *is_fresh)
{
    sk_call call = sk_visit_call(r);
    sk_environment *environment = sk_environment_of(r->server);
    sk_refreshed before, outcome;

    *is_fresh = false;
    if (!environment) {
        return SK_REFRESHED_LATER;
    }
    /* What is known already is no answer: only what becomes newer from here on is. */
    before = sk_environment_follow(&call, environment, record);
    if (before == SK_REFRESHED_ENDED || !sk_renewal_may_write(r)) {
        return before;
    }
    outcome = sk_environment_refresh(&call, environment, SK_REFRESH_NOW, record);
    *is_fresh = outcome == SK_REFRESHED_NEWER && !sk_renewal_is_due(r, record);
    return outcome == SK_REFRESHED_NOT ? before : outcome;
}

sk_refreshed sk_renewal_follow(request_rec *r, sk_record *record)
{
    sk_call call = sk_visit_call(r);
    sk_environment *environment = sk_environment_of(r->server);

    return environment && record->refresh_token.bytes
               ? sk_environment_follow(&call, environment, record)
               : SK_REFRESHED_NOT;
}
