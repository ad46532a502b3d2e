/* SPDX-License-Identifier: Apache-2.0 */
#include "request/guard.h"

#include <stdlib.h>
#include <apr_strings.h>
#include <openssl/evp.h>

#include "config/config.h"
#include "core/seal.h"
#include "core/text.h"
#include "session/cookies.h"
#include "session/login_state.h"

/* Not Secure and without __Host-: it must also count where https and http are mixed up. */
static const char steps_cookie[] = "sk_steps", switch_cookie[] = "sk_switch";

enum { LIFE = 30, MANY = 4 };

bool sk_guard_is_cookie(const char *name)
{
    return strcmp(name, steps_cookie) == 0 || strcmp(name, switch_cookie) == 0;
}

/*
 * Another host of the domain can set these cookies too, and would keep the visitor from logging in: what they say is sealed, and
 * counts for as long as the browser would keep it. The name is sealed as well, so that one is not taken for the other.
 */
static void give(request_rec *r, const char *name, const char *value, int life)
{
    const char *text = apr_psprintf(r->pool, "%" APR_TIME_T_FMT " %s %s",
                                    apr_time_sec(r->request_time) + life, name, value);
    const char *sealed =
        sk_seal(r->pool, sk_settings_of(r->server)->guard_sealer, text, strlen(text));

    if (sealed) {
        sk_cookies_send(r, name, sealed, life, false);
    }
}

static const char *open_value(request_rec *r, const char *name, const char *sealed)
{
    size_t length, size = strlen(name);
    const char *text = (const char *)sk_unseal(r->pool, sk_settings_of(r->server)->guard_sealer,
                                               sealed, &length);
    char *rest = NULL;

    return text && apr_strtoi64(text, &rest, 10) > apr_time_sec(r->request_time) && *rest == ' '
                   && strncmp(rest + 1, name, size) == 0 && rest[1 + size] == ' '
               ? rest + 2 + size
               : NULL;
}

/* Of several cookies of the name, the first that says anything. */
static const char *value_of(request_rec *r, const char *name)
{
    const apr_array_header_t *cookies = sk_cookies_read(r);
    const char *value = NULL;
    int i;

    for (i = 0; i < cookies->nelts && !value; i++) {
        const sk_cookie *cookie = &APR_ARRAY_IDX(cookies, i, sk_cookie);
        if (strcmp(cookie->name, name) == 0) {
            value = open_value(r, name, cookie->value);
        }
    }
    return value;
}

/* ---- logins that lead nowhere ---- */

static int steps(request_rec *r)
{
    const char *value = value_of(r, steps_cookie);

    return value ? (int)strtol(value, NULL, 10) : 0;
}

void sk_guard_step(request_rec *r)
{
    give(r, steps_cookie, apr_itoa(r->pool, steps(r) + 1), LIFE);
}

bool sk_guard_is_loop(request_rec *r)
{
    return steps(r) >= MANY;
}

void sk_guard_clear(request_rec *r)
{
    if (steps(r) > 0) {
        sk_cookies_send(r, steps_cookie, "", 0, false);
    }
}

/* ---- switches that lead nowhere ---- */

/* The organization may come from the address, which a stranger wrote. */
static const char *fingerprint(request_rec *r, const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned int length = 0;

    EVP_Digest(text, strlen(text), digest, &length, EVP_sha256(), NULL);
    return sk_text_hex(r->pool, digest, 8);
}

void sk_guard_note_switch(request_rec *r, const char *organization, const char *session)
{
    give(r, switch_cookie,
         apr_pstrcat(r->pool, fingerprint(r, organization), ".", fingerprint(r, session), NULL),
         SK_ATTEMPT_LIFE);
}

/* While it is the same session, the login was given up and may begin again. */
bool sk_guard_was_switched(request_rec *r, const char *organization, const char *session)
{
    const char *value = value_of(r, switch_cookie);
    const char *dot = value ? strchr(value, '.') : NULL;

    return dot
           && sk_text_equal(apr_pstrmemdup(r->pool, value, (apr_size_t)(dot - value)),
                            fingerprint(r, organization))
           && !sk_text_equal(dot + 1, fingerprint(r, session));
}

void sk_guard_forget_switch(request_rec *r)
{
    if (value_of(r, switch_cookie)) {
        sk_cookies_send(r, switch_cookie, "", 0, false);
    }
}
