/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we answer ourselves: redirects, HTML pages for people, problem documents (RFC 9457) for scripts. An error is
 * returned to httpd as a status; its page is put in by a filter, and only where the administrator has no ErrorDocument.
 */
#ifndef SK_REQUEST_REPLY_H
#define SK_REQUEST_REPLY_H

#include <stdbool.h>
#include <httpd.h>

struct json_object;

/** Texts are plain: they are escaped where they are shown. */
typedef struct sk_problem {
    int status;
    const char *title;
    const char *detail;
    const char *error;     /* for scripts: the word in `error`; NULL: the title */
    const char *login_url; /* for scripts; NULL: none */
    const char *link; /* for people: where to go on, and what that is called; NULL: nowhere */
    const char *link_text;
    bool link_in_new_tab;
    bool is_form;         /* the link is a button that posts to it */
    const char *sign_out; /* for people: the logout path, as a second way on; NULL: none */
    /* On the page: nothing went wrong that a person would look for in a log */
    bool has_no_reference;
} sk_problem;

/** Answers with an error. @return the status, for httpd */
int sk_reply_problem(request_rec *r, const sk_problem *problem);

/** Answers with a page that is no error, from a handler. @return OK */
int sk_reply_page(request_rec *r, const sk_problem *page);

/** Answers a script, from a handler. @return OK */
int sk_reply_json(request_rec *r, struct json_object *object);

/** Sends the browser to an absolute URL. @return the status, for httpd */
int sk_reply_redirect(request_rec *r, const char *url);

/** Only these methods are for this endpoint ("GET, POST"). @return 405, for httpd */
int sk_reply_not_allowed(request_rec *r, const char *methods);

/** Does a browser fetch this because its user might go there next? Then nothing may come of it yet. */
bool sk_reply_is_for_later(const request_rec *r);

/** Is this a request of a script (a program, a fetch), and not of somebody who looks at a page? */
bool sk_reply_is_for_script(request_rec *r);

/** Registers the filter, and its insertion into error answers. */
void sk_reply_hook(apr_pool_t *pool);

#endif
