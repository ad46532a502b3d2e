/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against endless redirects: a short-lived cookie counts the steps of logins that lead nowhere, because the browser does not
 * bring the session back or because the site is not where its configuration says. Another remembers to which organization a
 * session was to be switched, for the case that it is of the same as before when it comes back.
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

/** Notes that a login begins that is to replace the session of this id by one of the organization. */
void sk_guard_note_switch(request_rec *r, const char *organization, const char *session);

/** Did such a login begin a short time ago, and lead to the session of this id? */
bool sk_guard_was_switched(request_rec *r, const char *organization, const char *session);

/** The session is of the organization that it has to be: the next switch is a new one. */
void sk_guard_forget_switch(request_rec *r);

/** Is this the name of one of the cookies? */
bool sk_guard_is_cookie(const char *name);

#endif
