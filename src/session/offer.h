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

/** The cookies (sk_cookie) of sessions: of each name that the configuration has for them the last few, the last first. */
const apr_array_header_t *sk_offer_candidates(request_rec *r);

/** Did this cookie come with two values or more? mod_session takes that for none. */
bool sk_offer_is_repeated(const apr_array_header_t *cookies, const char *name);

/** Offers these candidates; if one is given, no other of its name. What a provider has loaded before stays. */
void sk_offer(request_rec *r, const apr_array_header_t *cookies, const sk_cookie *one);

/**
 * Offers them in the Cookie header as well, for who looks into it again: mod_session_cookie with SessionCookieRemove does.
 * @return false if they were there already, or nobody would look
 */
bool sk_offer_in_header(request_rec *r);

/** The value of the cookie that is offered; NULL: there is none. */
const char *sk_offer_value(request_rec *r, const char *name);

/** What was loaded from the cookie of this name counts no more. */
void sk_offer_forget(request_rec *r, const char *name);

/** Puts back the headers Cookie and Cookie2; NULL: there was none. */
void sk_offer_end(request_rec *r, const char *cookie, const char *cookie2);

#endif
