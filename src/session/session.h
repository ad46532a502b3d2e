/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A visitor's session: our sealed record, as one entry of the session that mod_session keeps. Sealed whatever the
 * provider does, so that a plain cookie is safe and nobody but us can write an identity.
 */
#ifndef SK_SESSION_SESSION_H
#define SK_SESSION_SESSION_H

#include <httpd.h>

#include "core/memo.h"
#include "core/record.h"
#include "session/visit.h"

/** Makes mod_session's sessions ours; in pre_config. @return false if mod_session is there but cannot be hooked into */
bool sk_session_hook(void);

/** In each process, after fork. @param memo of the process; NULL: it has none */
void sk_session_begin_child(sk_memo *memo);

/** Reads the request's session, once per request from the browser. With SK_SESSION_VALID *record is set. */
sk_session_status sk_session_read(request_rec *r, const sk_record **record);

/**
 * Reads the session and refreshes its tokens now, whether they are due or not; what is new goes into the cookie.
 * @param is_fresh whether its tokens are new now; a valid session that could not be refreshed stays valid
 */
sk_session_status sk_session_refresh(request_rec *r, const sk_record **record, bool *is_fresh);

/** When a session ends at the latest, in seconds since the epoch. */
apr_time_t sk_session_expiry(const request_rec *r, const sk_record *record);

/** The record that the request brought even if its time is over, for a logout; NULL if there is none. */
const sk_record *sk_session_last(request_rec *r);

/**
 * Notes that a valid session was used: written back when a tenth of the idle time has passed since it last was, if the answer can
 * carry a cookie.
 */
void sk_session_touch(request_rec *r);

/** How sk_session_start() ended. */
typedef enum sk_session_started {
    SK_SESSION_STARTED,
    SK_SESSION_TOO_LARGE, /* for a cookie, even without the tokens that can be missed; the log says what to do */
    SK_SESSION_NOT_KEPT /* mod_session could not keep it; the log says why */
} sk_session_started;

/** Begins a new session in place of whatever was there, and saves it at once. Sets the record's id and times. */
sk_session_started sk_session_start(request_rec *r, sk_record *record);

/** The answer goes out: takes the session's cookie out of it if the session has ended since it was written. */
void sk_session_review(request_rec *r);

/** Ends the session for good, also for who has a copy of its cookie. */
void sk_session_end(request_rec *r);

#endif
