/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that were ended before their time: by a logout here, or elsewhere, of which a logout token tells. They are barred by
 * their own id, Scalekit's session id or the user, in shared memory that all processes see; to look takes no lock.
 *
 * The memory is bounded. A bar that has to make room leaves its time behind as the line before which nothing is certain: a
 * session that Scalekit has not confirmed since has to be confirmed before it opens anything again. So a forgotten bar
 * brings no session back that has ended at Scalekit as well; of one that ended here only (the browser never followed the
 * redirect of the logout) Scalekit knows nothing. A server that was stopped and started has forgotten all bars; there,
 * sessions from before are confirmed at their first request, as if their tokens were due.
 */
#ifndef SK_ENVIRONMENT_REVOKED_H
#define SK_ENVIRONMENT_REVOKED_H

#include "core/memo.h"
#include "core/record.h"
#include "core/settings.h"
#include "environment/call.h"
#include "environment/table.h"

/** The words of shared memory that it takes beside the table's marks, all 0 at first. */
#define SK_REVOKED_WORDS 5

typedef struct sk_revoked sk_revoked;

typedef enum sk_revoked_by {
    SK_REVOKED_ID,         /* the record's own id: this session and every copy of it */
    SK_REVOKED_SID,        /* Scalekit's session: none of that sid, whenever it began */
    SK_REVOKED_SUB,        /* the user: what began until then */
    SK_REVOKED_SUB_SIDLESS /* the same, of sessions whose tokens named no sid */
} sk_revoked_by;

typedef enum sk_standing {
    SK_STANDING_GOOD,
    SK_STANDING_UNCONFIRMED, /* from before the start of the server: Scalekit should confirm it soon */
    SK_STANDING_DOUBTFUL, /* bars were forgotten since Scalekit confirmed it last */
    SK_STANDING_ENDED
} sk_standing;

/**
 * What is barred of one environment's client.
 * @param words SK_REVOKED_WORDS of the table, the same for all environments
 * @return NULL if there is no randomness, or OpenSSL fails
 */
sk_revoked *sk_revoked_create(apr_pool_t *pool, sk_table *table, _Atomic uint64_t *words,
                              const sk_settings *settings);

/** Bars what began until that second since the epoch. @return whether that is new */
bool sk_revoked_bar(const sk_call *call, const sk_revoked *revoked, sk_revoked_by by,
                    const char *name, apr_time_t until);

/**
 * How a session stands.
 * @param note unless NULL, a note that goes with the bytes of this very record: how many bars there were when none was found
 * for it, so that it is looked for again only after another one. (A process that is killed within the few instructions from a bar to
 * its count leaves one that is seen with the next.)
 */
sk_standing sk_revoked_look(const sk_revoked *revoked, const sk_record *record,
                            sk_memo_note *note);

/**
 * When a session that begins at that second has to be said to begin, so that a bar of its user from this very second, which
 * was there before, does not hit it.
 */
apr_time_t sk_revoked_beginning(const sk_revoked *revoked, const sk_record *record,
                                apr_time_t second);

#endif
