/* SPDX-License-Identifier: Apache-2.0 */
/* Logins that begin at an identity provider come here with a signed request, and begin anew. */
#ifndef SK_REQUEST_IDP_LOGIN_H
#define SK_REQUEST_IDP_LOGIN_H

#include <httpd.h>

/** The signed request that a GET brings to the login path or the callback; NULL: none. */
const char *sk_idp_login_token(request_rec *r);

/** Answers it: with a login of our own, through the connection that it names, or a page. */
int sk_idp_login_handle(request_rec *r, const char *token);

#endif
