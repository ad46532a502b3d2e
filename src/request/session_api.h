/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What scripts in our pages may ask about their session, and have done with it, in JSON. Only pages of the site itself are
 * answered, and no answer holds a token.
 */
#ifndef SK_REQUEST_SESSION_API_H
#define SK_REQUEST_SESSION_API_H

#include <httpd.h>

/** The handlers of ScalekitSessionsPath, and of validate-token and refresh-token below it. */
int sk_session_api_show(request_rec *r);
int sk_session_api_validate(request_rec *r);
int sk_session_api_refresh(request_rec *r);

#endif
