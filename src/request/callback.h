/* SPDX-License-Identifier: Apache-2.0 */
/* The way back from Scalekit. */
#ifndef SK_REQUEST_CALLBACK_H
#define SK_REQUEST_CALLBACK_H

#include <httpd.h>

/** The handler of the redirect URI. */
int sk_callback_handle(request_rec *r);

#endif
