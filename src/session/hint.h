/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ID token of a session that is in a cookie: as large as all else in it, and only the logout needs it, as Scalekit's id_token_hint. So it is
 * in a cookie of its own that browsers send there and nowhere else: named after the session's, with its attributes, for the logout's path.
 * It is sealed together with the session's id, and written with the session's cookie whenever there is a new token.
 */
#ifndef SK_SESSION_HINT_H
#define SK_SESSION_HINT_H

#include <stdbool.h>
#include <httpd.h>
#include <mod_session.h>

#include "core/record.h"

/**
 * What the session's cookie and this one take together at most: httpd refuses a Cookie line of more than 8190 bytes, and logins under way
 * may have 2560 of it (see login_state.h).
 */
#define SK_HINT_BESIDE_MAX 5120

/** Is it one of these cookies? */
bool sk_hint_is_cookie(const char *name);

/** Leaves the ID token with the next save of the session, if it has one that is to be in a cookie of its own. */
void sk_hint_leave(request_rec *r, const sk_record *record);

/** About what it takes: name, '=' and value; 0 if nothing is left. */
size_t sk_hint_size(request_rec *r);

/** After a save of the session: sends what was left, or has the browser drop it if the session ends. */
void sk_hint_send(request_rec *r, const session_rec *z);

/** Forgets what is to be sent: the save was not to be. */
void sk_hint_take_back(request_rec *r);

/** The session's ID token, from the record or from the cookie that came; NULL if there is none. */
const char *sk_hint_of(request_rec *r, const sk_record *record);

#endif
