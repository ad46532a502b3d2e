/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a session still stands, whatever its own times say: it may have been ended by a logout, here or elsewhere.
 */
#ifndef SK_SESSION_STANDING_H
#define SK_SESSION_STANDING_H

#include <stdbool.h>
#include <httpd.h>

#include "core/record.h"
#include "environment/revoked.h"

/** How it stands; SK_STANDING_ENDED where that cannot be known. */
sk_standing sk_standing_of(request_rec *r, const sk_record *record);

/** The same with what was noted when its entry was seen last; see sk_revoked_look(). */
sk_standing sk_standing_again(request_rec *r, const sk_record *record, sk_memo_note *note);

/** Sets when a new session began. */
void sk_standing_begin(request_rec *r, sk_record *record);

/** Ends it for good: no copy of its cookie, and no late answer that sets the cookie again, brings it back. @return whether it stood until now */
bool sk_standing_end(request_rec *r, const sk_record *record);

#endif
