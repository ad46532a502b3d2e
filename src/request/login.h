/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to Scalekit: a login begins at our login path or where a page needs a user.
 */
#ifndef SK_REQUEST_LOGIN_H
#define SK_REQUEST_LOGIN_H

#include <httpd.h>

#include "core/oauth.h"

/**
 * Sends the browser to Scalekit, or first to the origin that logins take place on, or, if it has been going round in
 * circles, nowhere.
 * @param target where it shall end: a path that is checked here
 * @return a status for httpd
 */
int sk_login_begin(request_rec *r, const char *target, const sk_login_hints *hints);

/**
 * The same for the page that was asked for, steered by what is configured there.
 * @param organization for a hint, or NULL
 */
int sk_login_challenge(request_rec *r, const char *organization);

/** Sends the browser with the same request to the origin that logins take place on, where a login cookie will be seen. */
int sk_login_move(request_rec *r);

/** The login path with this target, for links on our pages; NULL if it is switched off. */
const char *sk_login_link(request_rec *r, const char *target);

#endif
