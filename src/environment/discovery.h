/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the environment says of itself (OpenID Connect Discovery 1.0), compared with what is configured. Nothing is taken from it:
 * all that follows is a warning, so that an administrator does not learn of a mistake from a visitor.
 */
#ifndef SK_ENVIRONMENT_DISCOVERY_H
#define SK_ENVIRONMENT_DISCOVERY_H

#include "environment/call.h"
#include "environment/http.h"

/** Asks, and says in the log what contradicts the settings, or that there is no answer. */
void sk_discovery_compare(const sk_call *call, const sk_settings *settings, sk_http *http);

#endif
