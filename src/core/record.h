/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session record and its packed form: what we keep of a login between two requests.
 *
 * Packed: a version byte, flags, then times as five bytes, other numbers as base-128 varints and strings as varint length,
 * bytes, NUL, in the order of the structures here. Unpacking copies nothing: strings point into the packed bytes. Another
 * version is no record; nobody is asked to read an old one, they log in anew.
 */
#ifndef SK_CORE_RECORD_H
#define SK_CORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>
#include <apr_time.h>

#include "core/claims.h"
#include "core/span.h"

#define SK_RECORD_VERSION 5

/** A token as it is packed: a JWT as the bytes of its three parts, a quarter shorter than its text. */
typedef struct sk_token {
    const unsigned char *bytes; /* NULL: there is none */
    size_t length;
} sk_token;

typedef struct sk_record {
    const char *id; /* random, made at login, kept through refreshes */
    sk_identity identity;
    /* All six in whole seconds since the epoch, not in apr_time_t's microseconds */
    apr_time_t login;
    apr_time_t confirmed; /* when Scalekit last issued tokens for it */
    apr_time_t last_use;
    apr_time_t access_expiry;
    apr_time_t refresh_at; /* when the tokens are due to be refreshed; before access_expiry */
    apr_time_t absolute_end;
    sk_token refresh_token;
    sk_token id_token;
    sk_token access_token;
    /* There was no room for it once, so it is not kept for the rest of the session */
    bool sheds_access_token;
    bool sheds_id_token;
    /* Seconds that our clock is ahead of Scalekit's, where these tokens have just come; not packed */
    apr_time_t clock_ahead;
} sk_record;

/** Packs a token. NULL or "" gives none. */
sk_token sk_token_pack(apr_pool_t *pool, const char *text);

/** The token's text, as it came; NULL if there is none. */
const char *sk_token_text(apr_pool_t *pool, const sk_token *token);

/** Packs a record, without the tokens that it sheds. */
const unsigned char *sk_record_pack(apr_pool_t *pool, const sk_record *record, size_t *length);

/**
 * Unpacks a record, which points into the bytes from then on; arrays come from the pool.
 * @return false if the bytes are not a record of this version, whole and nothing more
 */
bool sk_record_unpack(apr_pool_t *pool, const unsigned char *bytes, size_t length,
                      sk_record *record);

/**
 * How much sk_record_lay_out() takes.
 * @param unpacked what came out of the packed bytes
 */
size_t sk_record_room(const sk_record *unpacked, sk_span packed);

/** Unpacks it once more: into the room, which has to be aligned, with all that it points to behind it. */
void sk_record_lay_out(void *room, const sk_record *unpacked, sk_span packed);

#endif
