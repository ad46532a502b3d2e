/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Scalekit's tokens say of a user: identity, organization, roles, permissions, scopes, further claims.
 */
#ifndef SK_CORE_CLAIMS_H
#define SK_CORE_CLAIMS_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "core/text.h"

struct json_object;

/*
 * The text claims that have a name of their own everywhere: X(field and claim name, environment variable behind
 * SCALEKIT_, header behind the prefix). The order is that of the packed session record: append only, and raise
 * the record's version.
 */
#define SK_IDENTITY_TEXTS(X)                                                                   \
    X(sub, "SUB", "Sub")                                                                       \
    X(sid, "SID", "Sid")                                                                       \
    X(oid, "OID", "Oid")                                                                       \
    X(xoid, "XOID", "Xoid")                                                                    \
    X(xuid, "XUID", "Xuid")                                                                    \
    X(connection_id, "CONNECTION_ID", "Connection-Id")                                         \
    X(email, "EMAIL", "Email")                                                                 \
    X(name, "NAME", "Name")                                                                    \
    X(given_name, "GIVEN_NAME", "Given-Name")                                                  \
    X(family_name, "FAMILY_NAME", "Family-Name")                                               \
    X(preferred_username, "PREFERRED_USERNAME", "Preferred-Username")                          \
    X(picture, "PICTURE", "Picture")

/** The claims that are lists (see text.h); the same columns. */
#define SK_IDENTITY_LISTS(X)                                                                   \
    X(roles, "ROLES", "Roles")                                                                 \
    X(permissions, "PERMISSIONS", "Permissions")                                               \
    X(scopes, "SCOPES", "Scopes")

typedef enum sk_verified {
    SK_VERIFIED_UNKNOWN, /* the token does not say */
    SK_VERIFIED_NO,
    SK_VERIFIED_YES
} sk_verified;

/** A claim without a field of its own. */
typedef struct sk_extra {
    const char *name;
    const char *value;
    /* Of two items or more; a single one is a text, which may have commas in it */
    bool is_list;
    bool is_of_id; /* the ID token says so, too or alone */
} sk_extra;

/** A user. Texts and lists are NULL where no token said anything; all are clean (sk_text_is_clean). */
typedef struct sk_identity {
#define SK_TEXT(field, variable, header) const char *field;
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    sk_verified email_verified;
    unsigned int
        of_id; /* what of the texts, and email_verified, the ID token says; a bit each */
    sk_extra *extras;
    int extras_count;
} sk_identity;

/** What custom claims may take of a session in all, in bytes; more is left out, whole claims at a time. */
#define SK_CLAIMS_EXTRAS_MAX 1024

/**
 * Collects the identity. The ID token says who, the access token which rights and which organization; where both
 * know a claim, the access token wins for the organization and session ids and the ID token for the rest.
 * Permissions: `permissions`, else `https://scalekit.com/permissions`, else `scalekit:permissions`, an empty list
 * falling through. Values with control characters, list items with commas (they could not be told apart once
 * exported) and oversized values are left out.
 * @param id the ID token's claims, or NULL
 * @param access the access token's claims, or NULL
 * @param old what was collected before, or NULL: without an ID token, what the one of then said still counts; its texts
 * are used on
 */
void sk_claims_collect(apr_pool_t *pool, struct json_object *id, struct json_object *access,
                       const sk_identity *old, sk_identity *identity);

/** The claim email_verified as a text. NULL if no token says it. */
const char *sk_claims_verified(const sk_identity *identity);

/** A text claim by its name, further claims with a single value included. NULL if there is none. */
const char *sk_claims_text(const sk_identity *identity, const char *name);

/** Does a claim, text or list, have this value? */
bool sk_claims_match(const sk_identity *identity, const char *name, const char *value);

#endif
