/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against endless redirects: a short-lived cookie counts the steps of logins that lead nowhere, because the browser does not
 * bring the session back or because the site is not where its configuration says.
 */
#ifndef SK_REQUEST_GUARD_H
#define SK_REQUEST_GUARD_H

#include <stdbool.h>
#include <httpd.h>

/** Counts one step. */
void sk_guard_step(request_rec *r);

/** Were there so many steps in the last half minute that the next would be one of a loop? */
bool sk_guard_is_loop(request_rec *r);

/** Starts counting anew. */
void sk_guard_clear(request_rec *r);

/** Is this the name of the cookie? */
bool sk_guard_is_cookie(const char *name);

#endif
