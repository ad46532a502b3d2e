/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where this site is, as browsers see it. Of the request only the Host header is believed, and only where it is ServerName or
 * an alias; no X-Forwarded-* header decides anything.
 */
#ifndef SK_REQUEST_SITE_H
#define SK_REQUEST_SITE_H

#include <stdbool.h>
#include <httpd.h>

#include "core/settings.h"

/** The origin that logins take place on: scheme://host[:port]. */
const char *sk_site_origin(request_rec *r);

/** Did the request come to that origin? If not, a login cookie set now would not be there at the callback. */
bool sk_site_is_here(request_rec *r);

/**
 * Did a page of the very site send this, by Sec-Fetch-Site, or by Origin where the browser does not send that? A GET may
 * also be somebody's own, typed in.
 */
bool sk_site_is_own_request(request_rec *r);

/** Is that origin on https, so that cookies are Secure? */
bool sk_site_is_secure(request_rec *r);

/** What the browser asked for, as it wrote it: the path and the query, also where it sent an absolute URL. */
const char *sk_site_requested(request_rec *r);

/** The absolute URL of one of our endpoints; NULL if it is switched off. */
const char *sk_site_endpoint_url(request_rec *r, sk_endpoint endpoint);

#endif
