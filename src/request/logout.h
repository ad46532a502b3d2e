/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a session, here and at Scalekit. */
#ifndef SK_REQUEST_LOGOUT_H
#define SK_REQUEST_LOGOUT_H

#include <httpd.h>

/** The handler of the logout path. */
int sk_logout_handle(request_rec *r);

#endif
