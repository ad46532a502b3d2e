/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our cookies are a matter between the browser and us. The application behind does not see them, for it could use them elsewhere on
 * the site; and it does not set them, for it could put somebody else's session into the browser, or take the visitor's away.
 */
#ifndef SK_REQUEST_PLANTED_H
#define SK_REQUEST_PLANTED_H

#include <httpd.h>

/** Takes what others set out of the answer, when all is said: with mod_headers .htaccess files set cookies as well. */
void sk_planted_take_out(request_rec *r);

void sk_planted_hook(apr_pool_t *pool);

#endif
