/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exactly one refresh per expiring session, whoever asks: requests in parallel, processes, generations of httpd. The
 * algorithm is modelled and checked in test/model/refresh.pml.
 *
 * A refresh token works once. Who adds the lease of a token presents it; the result is kept under the same token, so that others,
 * also late ones with an old cookie, follow the chain from token to token to the newest. No lock is held during a call, and
 * a holder who dies loses the lease by time.
 */
#ifndef SK_ENVIRONMENT_REFRESH_H
#define SK_ENVIRONMENT_REFRESH_H

#include "core/record.h"
#include "environment/cache.h"
#include "environment/call.h"
#include "environment/crowd.h"
#include "environment/tokens.h"

/** What a refresh is done with. */
typedef struct sk_refresher {
    const sk_tokens *tokens;
    sk_cache *cache;
    const sk_crowd *crowd;
} sk_refresher;

typedef enum sk_refreshed {
    SK_REFRESHED_NOT,   /* the record is as new as it can be, and its access token is valid */
    SK_REFRESHED_NEWER, /* the record has become newer, and its access token is valid */
    SK_REFRESHED_ELSEWHERE, /* the same, by a request that is under way and writes the session */
    SK_REFRESHED_LATER, /* the access token has expired, and no newer one can be had just now */
    SK_REFRESHED_ENDED  /* Scalekit has ended the session */
} sk_refreshed;

/** Follows the chain to the newest tokens that are known here, without calling anybody. */
sk_refreshed sk_refresh_follow(const sk_call *call, const sk_refresher *refresher,
                               sk_record *record);

typedef enum sk_refresh_when {
    SK_REFRESH_DUE, /* when refresh_at has passed */
    SK_REFRESH_NOW /* whatever refresh_at says, unless the newest tokens are younger than a second */
} sk_refresh_when;

/**
 * Brings a record up to date, waiting for others at most three seconds. With SK_REFRESH_NOW, SK_REFRESHED_NOT means that
 * newer tokens could not be had: what others are at, or did within the last second, counts as SK_REFRESHED_NEWER. It may
 * be newer by its refresh token alone, if the tokens beside that were refused: then it is due at once.
 */
sk_refreshed sk_refresh(const sk_call *call, const sk_refresher *refresher,
                        sk_refresh_when when, sk_record *record);

#endif
