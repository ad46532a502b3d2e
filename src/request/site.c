/* SPDX-License-Identifier: Apache-2.0 */
#include "request/site.h"

#include <http_core.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "config/config.h"
#include "session/visit.h"

static const char *origin_of(request_rec *r, const char *host, apr_port_t port)
{
    const char *scheme = ap_http_scheme(r);
    bool is_v6 = strchr(host, ':') != NULL;
    char *c =
        apr_pstrcat(r->pool, scheme, "://", is_v6 ? "[" : "", host, is_v6 ? "]" : "", NULL);

    ap_str_tolower(c);
    return port == 0 || port == apr_uri_port_of_scheme(scheme)
               ? c
               : apr_psprintf(r->pool, "%s:%u", c, port);
}

/* A browser leaves the port out exactly when it is the scheme's default, whatever port a balancer has us listen on. */
static const char *request_origin(request_rec *r)
{
    const request_rec *first = sk_visit_first(r)->first; /* subrequests have no port */

    return first->hostname ? origin_of(r, first->hostname,
                                       first->parsed_uri.port_str ? first->parsed_uri.port : 0)
                           : NULL;
}

static const char *canonical_origin(request_rec *r)
{
    apr_port_t port = r->server->port;

    if (port == 0 && !r->server->server_scheme) {
        port = r->connection->local_addr->port;
    }
    return origin_of(r, r->server->server_hostname, port);
}

static bool is_alias(const char *host, const apr_array_header_t *aliases, bool wild)
{
    int i;

    for (i = 0; aliases && i < aliases->nelts; i++) {
        const char *alias = APR_ARRAY_IDX(aliases, i, const char *);
        if (alias
            && (wild ? ap_strcasecmp_match(host, alias) == 0 : strcasecmp(host, alias) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_our_host(const request_rec *r)
{
    const server_rec *s = r->server;

    return r->hostname
           && (strcasecmp(r->hostname, s->server_hostname) == 0
               || is_alias(r->hostname, s->names, false)
               || is_alias(r->hostname, s->wild_names, true));
}

const char *sk_site_origin(request_rec *r)
{
    const sk_settings *settings = sk_settings_of(r->server);
    const char *here;

    if (settings->base_origin) {
        return settings->base_origin;
    }
    if (settings->redirect_origin) {
        return settings->redirect_origin;
    }
    here = is_our_host(r) ? request_origin(r) : NULL;
    return here ? here : canonical_origin(r);
}

/* httpd leaves out the dot at the end of a name, but to browsers it is another host, with cookies of its own. */
static bool ends_with_dot(request_rec *r)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    size_t length = host ? strcspn(host, ":") : 0;

    return length > 0 && host[length - 1] == '.';
}

bool sk_site_is_here(request_rec *r)
{
    const char *here = request_origin(r);

    return sk_settings_of(r->server)->base_origin
           || (here && strcmp(here, sk_site_origin(r)) == 0 && !ends_with_dot(r));
}

bool sk_site_is_own_request(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");
    bool is_get = r->method_number == M_GET;

    if (site) {
        return strcasecmp(site, "same-origin") == 0
               || (is_get && strcasecmp(site, "none") == 0);
    }
    return origin ? strcmp(origin, sk_site_origin(r)) == 0 : is_get;
}

bool sk_site_is_secure(request_rec *r)
{
    return strncmp(sk_site_origin(r), "https:", 6) == 0;
}

const char *sk_site_requested(request_rec *r)
{
    const char *uri = sk_visit_first(r)->first->unparsed_uri, *authority;

    if (*uri == '/') {
        return uri;
    }
    /* In absolute form (RFC 9112 section 3.2.2). Not from parsed_uri, whose path httpd has decoded by now. */
    authority = strstr(uri, "://");
    uri = authority ? authority + 3 + strcspn(authority + 3, "/?") : "";
    return *uri == '/' ? uri : apr_pstrcat(r->pool, "/", uri, NULL);
}

const char *sk_site_endpoint_url(request_rec *r, sk_endpoint endpoint)
{
    const char *path = sk_settings_of(r->server)->paths[endpoint];

    return path ? apr_pstrcat(r->pool, sk_site_origin(r), path, NULL) : NULL;
}
