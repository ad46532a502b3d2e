/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is this? The session's record becomes the user of the request, or the visitor is challenged.
 */
#ifndef SK_REQUEST_AUTHN_H
#define SK_REQUEST_AUTHN_H

#include <stdbool.h>
#include <httpd.h>

#include "core/record.h"
#include "session/visit.h"

/** Is `AuthType Scalekit` in force for this request? */
bool sk_authn_is_ours(request_rec *r);

/** The record of the user whom we authenticated for this request; NULL if we did not. Never reads a session. */
const sk_record *sk_authn_record(request_rec *r);

/** Makes the user whom we authenticated here the request's (r->user), and nobody else, where httpd led to this place on the way. */
void sk_authn_name_user(request_rec *r);

/**
 * Answers a request whose session is not valid, without a login: 401, or 503 while Scalekit does not answer, or 500 where
 * no sessions can be.
 * @return the status, for httpd
 */
int sk_authn_refuse(request_rec *r, sk_session_status status);

void sk_authn_hook(apr_pool_t *pool);

#endif
