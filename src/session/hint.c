/* SPDX-License-Identifier: Apache-2.0 */
#include "session/hint.h"

#include <apr_strings.h>

#include "config/config.h"
#include "core/compress.h"
#include "core/text.h"
#include "session/cookies.h"
#include "session/sent.h"
#include "session/visit.h"

#define PREFIX "sk_logout_"

bool sk_hint_is_cookie(const char *name)
{
    return strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;
}

/* Where there is no logout, nobody needs it. */
static bool is_used(request_rec *r)
{
    const sk_settings *settings = sk_settings_of(r->server);

    return settings->sessions_in_cookies && settings->paths[SK_ENDPOINT_LOGOUT];
}

/* ---- sealed: a record of nothing but the session's id and the token ---- */

static const char *seal(request_rec *r, const sk_record *record)
{
    sk_record hint = {0};
    sk_span bytes;

    hint.id = record->id;
    hint.identity.sub = "";
    hint.id_token = record->id_token;
    bytes.bytes = sk_record_pack(r->pool, &hint, &bytes.length);
    bytes = sk_compress(r->pool, bytes);
    return bytes.bytes
               ? sk_seal(sk_visit_first(r)->first->pool, sk_settings_of(r->server)->hint_sealer,
                         bytes.bytes, bytes.length)
               : NULL;
}

static const char *open_hint(request_rec *r, const char *sealed, const char *session)
{
    sk_record hint;
    sk_span bytes;

    bytes.bytes =
        sk_unseal(r->pool, sk_settings_of(r->server)->hint_sealer, sealed, &bytes.length);
    bytes = bytes.bytes ? sk_decompress(r->pool, bytes) : bytes;
    return bytes.bytes && sk_record_unpack(r->pool, bytes.bytes, bytes.length, &hint)
                   && sk_text_equal(hint.id, session)
               ? sk_token_text(r->pool, &hint.id_token)
               : NULL;
}

/* ---- sent ---- */

void sk_hint_leave(request_rec *r, const sk_record *record)
{
    sk_visit_first(r)->hint = is_used(r) && record->id_token.bytes && !record->sheds_id_token
                                  ? seal(r, record)
                                  : NULL;
}

size_t sk_hint_size(request_rec *r)
{
    const char *hint = sk_visit_first(r)->hint;

    return hint ? strlen(PREFIX) + strlen(hint) : 0;
}

static bool is_other(void *baton, const apr_table_entry_t *line)
{
    (void)baton;
    return !sk_hint_is_cookie(line->val);
}

void sk_hint_take_back(request_rec *r)
{
    sk_cookies_sift(r->pool, sk_cookies_outgoing(r), is_other, NULL);
}

/* It goes when the browser is closed, if the session's does; else when no such session can be any more, however often it is renewed. */
static const char *life(request_rec *r, const char *session_line, const char *value)
{
    static const char max_age[] = ";Max-Age=";
    const char *theirs = session_line + strcspn(session_line, ";");
    apr_time_t most = apr_time_sec(sk_settings_of(r->server)->session_max_age);

    if (!*value) {
        return ";Max-Age=0";
    }
    return strncmp(theirs, max_age, strlen(max_age)) == 0
               ? apr_psprintf(r->pool, "%s%" APR_TIME_T_FMT, max_age,
                              (apr_time_t)apr_atoi64(theirs + strlen(max_age)) + most)
               : "";
}

/* The session's attributes, but for the logout's path. */
static const char *attributes_like(request_rec *r, const char *session_line)
{
    const char *rest = sk_sent_attributes(session_line), *all = "";

    while (*rest) {
        const char *one = ap_getword(r->pool, &rest, ';');
        if (strncasecmp(one + strspn(one, " \t"), "path=", 5) != 0) {
            all = apr_pstrcat(r->pool, all, ";", one, NULL);
        }
    }
    return apr_pstrcat(r->pool, all,
                       ";Path=", sk_settings_of(r->server)->paths[SK_ENDPOINT_LOGOUT], NULL);
}

static void send_beside(request_rec *r, const char *session_line, const char *value)
{
    const char *name =
        apr_psprintf(r->pool, PREFIX "%.*s", (int)strcspn(session_line, "="), session_line);

    if (strcspn(session_line, ";") + strlen(value) <= SK_HINT_BESIDE_MAX) {
        sk_cookies_replace(sk_visit_first(r)->first, name,
                           apr_pstrcat(r->pool, value, life(r, session_line, value),
                                       attributes_like(r, session_line), NULL));
    }
}

void sk_hint_send(request_rec *r, const session_rec *z)
{
    const sk_visit *visit = sk_visit_first(r);
    const char *value = visit->entry ? visit->hint : visit->is_ending ? "" : NULL;
    const char *line = value && is_used(r) ? sk_sent_line(r, z) : NULL;

    if (line) {
        send_beside(r, line, value);
    }
}

/* ---- what came ---- */

const char *sk_hint_of(request_rec *r, const sk_record *record)
{
    const char *token = sk_token_text(r->pool, &record->id_token);
    const apr_array_header_t *cookies = sk_cookies_read(r);
    int i;

    for (i = 0; i < cookies->nelts && !token; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        if (sk_hint_is_cookie(cookie->name)) {
            token = open_hint(r, cookie->value, record->id);
        }
    }
    return token;
}
