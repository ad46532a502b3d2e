/* SPDX-License-Identifier: Apache-2.0 */
#include "session/standing.h"

#include "config/config.h"
#include "environment/environment.h"
#include "session/visit.h"

sk_standing sk_standing_again(request_rec *r, const sk_record *record, sk_memo_note *note)
{
    const sk_environment *environment = sk_environment_of(r->server);

    return environment ? sk_revoked_look(sk_environment_revoked(environment), record, note)
                       : SK_STANDING_ENDED;
}

sk_standing sk_standing_of(request_rec *r, const sk_record *record)
{
    return sk_standing_again(r, record, NULL);
}

void sk_standing_begin(request_rec *r, sk_record *record)
{
    const sk_environment *environment = sk_environment_of(r->server);
    apr_time_t now = apr_time_sec(r->request_time);

    record->login = environment
                        ? sk_revoked_beginning(sk_environment_revoked(environment), record, now)
                        : now;
    record->confirmed = record->login;
}

bool sk_standing_end(request_rec *r, const sk_record *record)
{
    const sk_environment *environment = sk_environment_of(r->server);
    sk_call call = sk_visit_call(r);

    return environment
           && sk_revoked_bar(&call, sk_environment_revoked(environment), SK_REVOKED_ID,
                             record->id, apr_time_sec(apr_time_now()));
}
