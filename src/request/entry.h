/* SPDX-License-Identifier: Apache-2.0 */
/* The login path: where links, applications and Scalekit itself send people to log in. */
#ifndef SK_REQUEST_ENTRY_H
#define SK_REQUEST_ENTRY_H

#include <httpd.h>

/** The handler of the login path. */
int sk_entry_handle(request_rec *r);

#endif
