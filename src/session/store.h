/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions on the server: with "ScalekitSessionStore cache" we are mod_session's provider, and keep sessions in the memory that
 * all processes share. The browser gets a random id of 128 bits, in the cookie that SessionCookieName describes; the
 * store knows its hash only. A login gets a new id, whatever the browser brought, and a logout deletes.
 */
#ifndef SK_SESSION_STORE_H
#define SK_SESSION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <httpd.h>

/** Registers with mod_session, if that is there, ahead of its other providers; in pre_config. */
void sk_store_hook(void);

/** Are this server's sessions kept here? */
bool sk_store_is_used(const request_rec *r);

/** The longest entry that can be kept, as text. */
extern const size_t sk_store_entry_max;

#endif
