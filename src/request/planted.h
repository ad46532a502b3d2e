/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our cookies are a matter between the browser and us. The application behind does not see them, for it could use them elsewhere on
 * the site; and it does not set them, for it could put somebody else's session into the browser, or take the visitor's away.
 */
#ifndef SK_REQUEST_PLANTED_H
#define SK_REQUEST_PLANTED_H

#include <httpd.h>

/**
 * When all is said (with mod_headers .htaccess files set cookies as well): takes out of the answer what others set under our names, and
 * has ours put in as the last thing before its headers go out.
 */
void sk_planted_settle(request_rec *r);

void sk_planted_hook(apr_pool_t *pool);

#endif
