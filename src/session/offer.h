/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookies of a request as mod_session's providers get to see them while they load.
 */
#ifndef SK_SESSION_OFFER_H
#define SK_SESSION_OFFER_H

#include <stdbool.h>
#include <httpd.h>
#include <apr_tables.h>

#include "core/cookie.h"

/** While a session is loaded. */
typedef struct sk_offer {
    /* sk_cookie: of each name that the configuration has for sessions the last few, the last first */
    const apr_array_header_t *cookies;
    const char *whole;            /* the Cookie header as it came, if it has no others */
    const sk_cookie *alone;       /* of its name only this one; NULL: all of them */
    const char *cookie, *cookie2; /* the headers as they were; NULL: there was none */
    bool is_in_header;
} sk_offer;

/** Hides the headers Cookie and Cookie2, and finds what there is to offer. `offer` is used until sk_offer_end(). */
void sk_offer_begin(request_rec *r, sk_offer *offer);

/** Puts the headers back. Nothing is offered any more. */
void sk_offer_end(request_rec *r);

/** Did this cookie come with two values or more? mod_session takes that for none. */
bool sk_offer_is_repeated(const sk_offer *offer, const char *name);

/** Offers the cookies; if one is given, no other of its name. What a provider has loaded before stays. */
void sk_offer_make(request_rec *r, const sk_cookie *alone);

/** What was loaded from the cookie of this name counts no more. */
void sk_offer_forget(request_rec *r, const char *name);

/** The value of the cookie that is offered, for a provider while it loads; NULL: there is none. */
const char *sk_offer_value(request_rec *r, const char *name);

#endif
