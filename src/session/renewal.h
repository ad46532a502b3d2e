/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping a session's tokens fresh, as far as the request at hand may: who cannot carry a new cookie back must not use up
 * a refresh token.
 */
#ifndef SK_SESSION_RENEWAL_H
#define SK_SESSION_RENEWAL_H

#include <stdbool.h>
#include <httpd.h>

#include "core/record.h"
#include "environment/refresh.h"

/** Is it time to refresh the record's tokens? */
bool sk_renewal_is_due(const request_rec *r, const sk_record *record);

/** Brings a record that is due up to date. Its texts then live as long as the request from the browser. */
sk_refreshed sk_renewal_do(request_rec *r, sk_record *record);

/**
 * Brings a record that has a refresh token up to date although it may not be due: see SK_REFRESH_NOW.
 * @param is_fresh whether its tokens are new now; if not, the result says what the record is
 */
sk_refreshed sk_renewal_now(request_rec *r, sk_record *record, bool *is_fresh);

/** Can the answer to this request carry a new cookie? */
bool sk_renewal_may_write(request_rec *r);

/** Takes over what others have refreshed, before a record is written back. Asks nobody. */
sk_refreshed sk_renewal_follow(request_rec *r, sk_record *record);

#endif
