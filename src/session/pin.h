/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between us and mod_session. mod_session of httpd 2.4.71 hands out a fresh record at each load once the cookie has expired or
 * cannot be decoded, and writes to the first are lost. So the first load of a request is pinned, made whole, and every
 * later load gets the same record.
 *
 * mod_session may be loaded after us (Debian loads modules in alphabetical order), so its hooks are looked up at run time.
 */
#ifndef SK_SESSION_PIN_H
#define SK_SESSION_PIN_H

#include <stdbool.h>
#include <httpd.h>
#include <mod_session.h>

#include "core/memo.h"

/**
 * Hooks into mod_session, if it is there; in pre_config, when all modules are loaded and hooks can still be sorted.
 * @return false if it is there, but does not export what we need
 */
bool sk_pin_hook(void);

/** In each process, after fork. @param memo remembers what mod_session_crypto has opened */
void sk_pin_begin_child(sk_memo *memo);

/** Says which of several session cookies of one name is the one: whoever decides knows what is in it. */
typedef apr_time_t sk_pin_judge(request_rec *r, const char *entry);
void sk_pin_set_judge(sk_pin_judge *judge);

/**
 * Called just before a session is written, whoever wants it written: the last moment for sk_pin_set().
 * @return whether it may be written
 */
typedef bool sk_pin_reviser(request_rec *r, session_rec *z);
void sk_pin_set_reviser(sk_pin_reviser *revise);

/**
 * Loads the request's session.
 * @return NULL with *z set, or what the administrator has to add so that there is one
 */
const char *sk_pin_load(request_rec *r, session_rec **z);

/** Our entry in the session; NULL if there is none. */
const char *sk_pin_get(request_rec *r, session_rec *z);

/** Our entry has turned out to be one that we wrote: this process need not have it decoded once more. */
void sk_pin_prove(request_rec *r);

/** Writes our entry, or with NULL removes it. The session is saved with the response. */
void sk_pin_set(request_rec *r, session_rec *z, const char *entry);

/** Saves the session at once instead. @return false if mod_session could not */
bool sk_pin_save(request_rec *r, session_rec *z);

/** Takes back a save that was not to be: removes its cookies from the response. */
void sk_pin_unsave(request_rec *r, session_rec *z);

#endif
