/* SPDX-License-Identifier: Apache-2.0 */
/* The way back from Scalekit. */
#ifndef SK_REQUEST_CALLBACK_H
#define SK_REQUEST_CALLBACK_H

#include <httpd.h>

/** The handler of the redirect URI. */
int sk_callback_handle(request_rec *r);

/** Answers an error for which there is no login of ours: one that began at an identity provider ends so at the login path. */
int sk_callback_refuse(request_rec *r);

#endif
