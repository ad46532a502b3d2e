/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookies that mod_session's providers put into an answer when a session is saved. Until they are released (see cookies.h) they
 * are withheld, and they have the attributes that the server's configuration gives them.
 */
#ifndef SK_SESSION_SENT_H
#define SK_SESSION_SENT_H

#include <stddef.h>
#include <httpd.h>
#include <mod_session.h>

/** Before a save: what has the name of a session's cookie by then is the application's, and goes. */
void sk_sent_prepare(request_rec *r);

/** After a save: takes its cookies out of the answer. mod_session_dbd puts each into it twice. */
void sk_sent_withhold(request_rec *r, const session_rec *z);

/** The size of the cookie that holds the session itself (name, '=' and value, as browsers count); 0 if none does. */
size_t sk_sent_size(request_rec *r, const session_rec *z);

/** The line by which the session's cookie goes out, or by which the browser drops it; NULL: there is none. */
const char *sk_sent_line(request_rec *r, const session_rec *z);

/** The attributes of such a line but for Max-Age. */
const char *sk_sent_attributes(const char *line);

/** Forgets them: the save was not to be. */
void sk_sent_take_back(request_rec *r, const session_rec *z);

/** Has the browser drop them: after a logout mod_session_dbd sends an id that leads nowhere. */
void sk_sent_drop(request_rec *r, const session_rec *z);

#endif
