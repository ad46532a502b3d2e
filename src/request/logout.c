/* SPDX-License-Identifier: Apache-2.0 */
#include "request/logout.h"

#include <http_log.h>
#include <apr_strings.h>

#include "config/config.h"
#include "core/oauth.h"
#include "request/guard.h"
#include "request/login.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/hint.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

/* Another site must not log our visitors out: a link from there is asked about, a form from there as well. */
static bool comes_from_another_site(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");

    if (site) {
        return strcasecmp(site, "cross-site") == 0;
    }
    return r->method_number == M_POST && origin && strcmp(origin, sk_site_origin(r)) != 0;
}

static int ask(request_rec *r)
{
    sk_problem page = {0};

    page.status = HTTP_OK;
    page.title = "Do you want to sign out?";
    page.detail = "A link on another site brought you here.";
    page.link = sk_settings_of(r->server)->paths[SK_ENDPOINT_LOGOUT];
    page.link_text = "Sign out";
    page.is_form = true;
    page.has_no_reference = true;
    return sk_reply_page(r, &page);
}

static int say_signed_out(request_rec *r)
{
    sk_problem page = {0};

    page.status = HTTP_OK;
    page.title = "You are signed out";
    page.detail = "There is no session of yours on this site.";
    page.link = sk_login_link(r, NULL);
    page.link_text = "Sign in";
    page.has_no_reference = true;
    return sk_reply_page(r, &page);
}

static const char *after_logout(request_rec *r)
{
    const char *url = sk_settings_of(r->server)->after_logout;

    return *url == '/' ? apr_pstrcat(r->pool, sk_site_origin(r), url, NULL) : url;
}

int sk_logout_handle(request_rec *r)
{
    const sk_record *record;
    const char *id_token;

    if ((r->method_number != M_GET || r->header_only) && r->method_number != M_POST) {
        return sk_reply_not_allowed(r, "GET, POST");
    }
    if (sk_reply_is_for_later(r)) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    record = sk_session_last(r);
    sk_guard_clear(r);
    /* With a form of another site browsers send no cookie of ours: whether there is a session is not known. */
    if (comes_from_another_site(r) && (record || r->method_number == M_POST)) {
        return ask(r);
    }
    if (!record) {
        return say_signed_out(r);
    }
    id_token = sk_hint_of(r, record);
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "user %s logs out%s", record->identity.sub,
                  id_token ? ""
                           : ", without the ID token: there was no room for it, or the browser "
                             "went to another path than ScalekitLogoutPath");
    sk_session_end(r);
    return sk_reply_redirect(
        r, sk_oauth_logout_url(r->pool, sk_settings_of(r->server), id_token, after_logout(r)));
}
