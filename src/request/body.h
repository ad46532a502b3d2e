/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies that strangers send to our endpoints: read up to a limit and no further, whatever they announce. httpd by itself reads what
 * nobody wants to its end.
 */
#ifndef SK_REQUEST_BODY_H
#define SK_REQUEST_BODY_H

#include <httpd.h>

/**
 * Reads the body of a request.
 * @param most bytes that may be in it
 * @param body where it goes to, with a NUL behind it; NULL to drop it
 * @return OK, 413 if it is larger, or another status if it cannot be read or holds a NUL
 */
int sk_body_read(request_rec *r, apr_off_t most, const char **body);

#endif
