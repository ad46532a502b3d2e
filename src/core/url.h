/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs: percent-encoding, query strings both ways, origins, and the question whether a return target is ours.
 */
#ifndef SK_CORE_URL_H
#define SK_CORE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>

/** The longest return target that we keep, in bytes; a longer one would crowd the login cookies. */
#define SK_URL_TARGET_MAX 512

/** Percent-encodes everything but the unreserved characters of RFC 3986 section 2.3. */
const char *sk_url_encode(apr_pool_t *pool, const char *text);

/** Appends name=value, encoded, to a URL. A NULL or empty value adds nothing. */
const char *sk_url_query_add(apr_pool_t *pool, const char *url, const char *name,
                             const char *value);

/** The same for an application/x-www-form-urlencoded body, which has no '?' in front; "" is an empty one. */
const char *sk_url_form_add(apr_pool_t *pool, const char *body, const char *name,
                            const char *value);

/**
 * The decoded value of a parameter of a query string or form body.
 * @return NULL if it is not there, there more than once (RFC 6749 section 3.1: must not be), badly encoded, or
 *         holds a NUL
 */
const char *sk_url_query_get(apr_pool_t *pool, const char *query, const char *name);

/** Is the parameter there at all, whatever its value is worth and however often? */
bool sk_url_query_has(const char *query, const char *name);

/** What sk_url_parse() took apart. */
typedef struct sk_url {
    const char *scheme; /* "http" or "https" */
    const char *host;   /* lower case; an IPv6 address without its brackets */
    int port;           /* the scheme's default filled in */
    /* scheme://host[:port], the default port left out; what browsers compare */
    const char *origin;
    const char *path; /* "" or "/...", with the query and fragment, if any */
} sk_url;

/**
 * Takes an absolute http or https URL apart.
 * @return NULL, or what is wrong with it, in words for the administrator
 */
const char *sk_url_parse(apr_pool_t *pool, const char *text, sk_url *url);

/** Does the host name this very machine: localhost, a name below it, 127.0.0.0/8 or ::1? */
bool sk_url_is_loopback(const char *host);

/**
 * Is this return target a path on our own host? By parsing it as a browser would, not by pattern: `//evil`,
 * `/\evil`, control characters (in the path also encoded ones), a path that begins with an encoded slash: not ours.
 * The query and fragment are carried and not judged, but for raw control characters and backslashes never leave
 * the host, because we always send it behind our own origin.
 * @return the target, with bytes beyond ASCII and the characters that may not stand in a URL percent-encoded,
 *         all else byte for byte; NULL if it is not ours or longer than SK_URL_TARGET_MAX
 */
const char *sk_url_local_target(apr_pool_t *pool, const char *target);

#endif
