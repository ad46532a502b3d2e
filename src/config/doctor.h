/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up checks of what stands around our directives: refuse what cannot work, warn about what is weak.
 */
#ifndef SK_CONFIG_DOCTOR_H
#define SK_CONFIG_DOCTOR_H

#include <httpd.h>

#include "config/tree.h"
#include "core/settings.h"

/** Looks at what a configured server needs from httpd. @return NULL, or what cannot work and the remedy */
const char *sk_doctor_check(apr_pool_t *pool, const sk_tree_facts *facts);

/** Warns of what is weak beside the settings. */
void sk_doctor_warn(apr_pool_t *pool, const server_rec *s, const sk_settings *settings,
                    const sk_tree_facts *facts);

#endif
