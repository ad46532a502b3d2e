/* SPDX-License-Identifier: Apache-2.0 */
#include "session/hint.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/compress.h"
#include "core/text.h"
#include "session/cookies.h"
#include "session/sent.h"
#include "session/visit.h"

APLOG_USE_MODULE(auth_scalekit);

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

/* "value;Max-Age=1": for as long as there can be such a session. */
static const char *with_life(request_rec *r, const char *value, apr_time_t seconds)
{
    return apr_psprintf(sk_visit_first(r)->first->pool, "%s;Max-Age=%" APR_TIME_T_FMT, value,
                        seconds);
}

void sk_hint_leave(request_rec *r, const sk_record *record)
{
    const char *sealed = is_used(r) && record->id_token.bytes ? seal(r, record) : NULL;

    sk_visit_first(r)->hint =
        sealed ? with_life(r, sealed, record->absolute_end - apr_time_sec(r->request_time))
               : NULL;
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

/* The session's attributes, but for the logout's path. */
static const char *attributes_like(request_rec *r, const char *session_line)
{
    const char *rest = sk_sent_attributes(session_line), *all = "";
    const char *path = sk_settings_of(r->server)->paths[SK_ENDPOINT_LOGOUT];
    int length = (int)strlen(path);

    while (*rest) {
        const char *one = ap_getword(r->pool, &rest, ';');
        if (strncasecmp(one + strspn(one, " \t"), "path=", 5) != 0) {
            all = apr_pstrcat(r->pool, all, ";", one, NULL);
        }
    }
    /* With a slash at its end it is an endpoint's path as well: the one without covers both. */
    return apr_psprintf(r->pool, "%s;Path=%.*s", all, length - (path[length - 1] == '/'), path);
}

static void send_beside(request_rec *r, const char *session_line, const char *value)
{
    const char *name =
        apr_psprintf(r->pool, PREFIX "%.*s", (int)strcspn(session_line, "="), session_line);

    if (strlen(name) + 1 + strcspn(value, ";") > SK_COOKIE_MAX) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      "the ID token is too large for a cookie: the logout goes without it "
                      "(reference %s)",
                      sk_visit_reference(r));
        return;
    }
    sk_cookies_replace(sk_visit_first(r)->first, name,
                       apr_pstrcat(r->pool, value, attributes_like(r, session_line), NULL));
}

void sk_hint_send(request_rec *r)
{
    const sk_visit *visit = sk_visit_first(r);
    const char *value = visit->entry       ? visit->hint
                        : visit->is_ending ? with_life(r, "", 0)
                                           : NULL;
    const char *line = value && is_used(r) ? sk_sent_line(r) : NULL;

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
