/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we remember while a request is served. Each request_rec has its own; the session belongs to the first, the one that
 * came from the browser, whatever internal redirects and subrequests come after it.
 */
#ifndef SK_SESSION_VISIT_H
#define SK_SESSION_VISIT_H

#include <stdbool.h>
#include <httpd.h>
#include <http_config.h>
#include <mod_session.h>

#include "config/config.h"
#include "core/record.h"
#include "core/settings.h"
#include "environment/call.h"

struct sk_problem;

typedef enum sk_session_status {
    SK_SESSION_UNREAD,
    SK_SESSION_NONE, /* nobody is logged in, or the session has ended */
    SK_SESSION_VALID,
    SK_SESSION_LATER, /* its access token has expired, and Scalekit does not answer just now */
    SK_SESSION_OUTGROWN, /* a refresh made it too large for a cookie; the log says what to do */
    SK_SESSION_UNUSABLE  /* mod_session is not ready here; the log says what to add */
} sk_session_status;

/* Modules whose directory configuration decides which session is meant. */
enum { SK_NAMESPACES = 4 };

typedef struct sk_visit {
    request_rec *first;

    /* Only used in the first request's: session/. */
    /* What providers are offered while the session is loaded; NULL: it is not */
    struct sk_offer *offer;
    bool is_saving;
    bool is_void;  /* the session has ended meanwhile: it is not written again */
    bool is_login; /* a session was begun in this request */
    /* The session was ended in this request: its cookie goes if nothing else is in it */
    bool is_ending;
    session_rec *pinned;
    const void *pinned_for[SK_NAMESPACES];
    const void
        *pinned_in; /* the whole configuration there; NULL: only those modules' are known */
    sk_session_status status;
    /* That the session's cookie held, also if it is over; NULL once it was dropped */
    sk_record *record;
    sk_record *last_record; /* of a session that is valid or has ended by time */
    /* The Cookie header as it came, once ours were taken out of it; "": none */
    const char *cookies;
    const apr_array_header_t *read_cookies; /* sk_cookie: the cookies of that header */
    apr_table_t *outgoing;                  /* Set-Cookie lines of ours; see cookies.h */
    apr_table_t *inner;                     /* and those of subrequests */
    /* The session as the last save had it: mod_session forgets it with the next load */
    const char *saved;
    const char *reference;
    const char *entry;  /* our entry of the session, as we read or wrote it; NULL: none */
    const char *loaded; /* the same, as it came with the request */
    const char *hint;   /* to be sent beside the session's cookie; see hint.h */
    const char *text;   /* that the session was decoded from, if that is worth remembering */
    bool is_behind;     /* the record is newer than the entry: another request writes it */
    const char *passed_token; /* the Authorization header that we gave an application */
    bool session_decided;     /* what the visitor gets depends on the session */

    /* Of this very request: request/. */
    sk_endpoint endpoint;
    bool is_typed;         /* AuthType is ours */
    const void *typed_for; /* in this configuration; NULL: nobody has asked yet */
    /* The configuration by which an application was told who is there; NULL: not yet, or its handler has begun */
    const void *told_for;
    /* apr_table_entry_t: what the last subrequest was told since */
    apr_array_header_t *index_variables, *index_headers;
    bool is_answering; /* its answer has begun: it is too late for another cookie */
    bool is_in_translate_name;
    bool is_in_access_checker;
    bool is_in_auth_checker;
    const char *lacks_organization; /* the one that Require asks for; "": one of several */
    const struct sk_problem *problem;
} sk_visit;

/** What is remembered of this request; made when first asked for. */
sk_visit *sk_visit_of(request_rec *r);

/** What sk_visit_first() does, for requests that are not the first one, or new. */
sk_visit *sk_visit_of_first(request_rec *r);

/** The same of the first request. */
static inline sk_visit *sk_visit_first(request_rec *r)
{
    sk_visit *visit = ap_get_module_config(r->request_config, &auth_scalekit_module);

    return visit && visit->first == r ? visit : sk_visit_of_first(r);
}

/** A session with nothing in it, which lives as long as the first request. */
session_rec *sk_visit_blank(request_rec *r);

/** Does it ask for another protocol (WebSocket)? Its answer cannot carry a cookie. To ask for HTTP/2 or TLS changes nothing. */
bool sk_visit_is_upgrade(const request_rec *r);

/** Does it go to one of our endpoints for scripts, which answer in JSON whoever asks? */
bool sk_visit_is_api(request_rec *r);

/** The text of this request, for the first one to keep: a subrequest's memory is given back, after a look ahead of mod_rewrite's for example. */
const char *sk_visit_keep(request_rec *r, const char *text);

/** A short word that stands in the log line and on the page, so that a visitor can tell which line is theirs. */
const char *sk_visit_reference(request_rec *r);

/**
 * Will what this request answers go to the browser? Not what a page includes while it is written, and no ErrorDocument; but what a
 * RewriteRule in .htaccess, a DirectoryIndex, a FallbackResource, an Action or a CGI script's Location leads to.
 */
bool sk_visit_is_the_answer(request_rec *r);

/** For calls of the environment: memory that lives as long as the first request, lines in the error log, ScalekitTimeout. */
sk_call sk_visit_call(request_rec *r);

#endif
