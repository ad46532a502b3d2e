/* SPDX-License-Identifier: Apache-2.0 */
/* Back-channel logout: Scalekit says, from server to server, that sessions have ended. */
#ifndef SK_REQUEST_BACKCHANNEL_H
#define SK_REQUEST_BACKCHANNEL_H

#include <httpd.h>

/** The handler of its path. Reads the request's body itself. */
int sk_backchannel_handle(request_rec *r);

#endif
