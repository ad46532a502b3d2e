/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/discovery.h"

#include <string.h>
#include <apr_strings.h>

#include "core/json.h"
#include "core/text.h"
#include "core/url.h"

static const char path[] = "/.well-known/openid-configuration";

static const char *member(const sk_call *call, struct json_object *document, const char *name)
{
    const char *text = sk_json_text(sk_json_member(document, name));

    return text ? sk_text_printable(call->pool, text, 200) : NULL;
}

static void compare_issuer(const sk_call *call, const sk_settings *settings,
                           struct json_object *document)
{
    const char *issuer = member(call, document, "issuer");

    if (!issuer) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "%s: what Scalekit at %s says of itself names no issuer: is ScalekitEnvURL "
                    "that of a Scalekit environment?",
                    settings->name, settings->env_url);
    }
    else if (strcmp(issuer, settings->issuer) != 0) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "%s: Scalekit at %s says that it issues tokens as %s, but only those of %s "
                    "are accepted: set ScalekitIssuer to %s, or mend ScalekitEnvURL",
                    settings->name, settings->env_url, issuer, settings->issuer, issuer);
    }
}

/* Paths may be others than ours and work nevertheless; another host is another environment, or a custom domain. */
static void compare_hosts(const sk_call *call, const sk_settings *settings,
                          struct json_object *document)
{
    static const char *const names[] = {"authorization_endpoint", "token_endpoint", "jwks_uri",
                                        NULL};
    const char *const *name;
    sk_url url;

    for (name = names; *name; name++) {
        const char *text = member(call, document, *name);
        if (text
            && (sk_url_parse(call->pool, text, &url)
                || strcmp(url.origin, settings->env_url) != 0)) {
            sk_call_log(
                call, SK_LEVEL_WARNING,
                "%s: Scalekit at %s says that its %s is %s, on another host: if that is "
                "its custom domain, write that in ScalekitEnvURL",
                settings->name, settings->env_url, *name, text);
            return;
        }
    }
}

void sk_discovery_compare(const sk_call *call, const sk_settings *settings, sk_http *http)
{
    /* Not judged: whether Scalekit is well is seen where it is needed. */
    sk_http_answer answer = sk_http_ask(call, http, path, NULL);
    struct json_object *document;

    if (answer.failure) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "%s: Scalekit at %s is not to be reached: %s. Until it is, nobody can log "
                    "in: mind name resolution, firewall, ScalekitProxy and ScalekitCABundle",
                    settings->name, settings->env_url, answer.failure);
        return;
    }
    document =
        answer.status == 200 ? sk_json_parse(call->pool, answer.body, answer.length) : NULL;
    if (!document) {
        sk_call_log(call, SK_LEVEL_WARNING,
                    "%s: %s answered %d to %s, with nothing that one could read: is "
                    "ScalekitEnvURL that of a Scalekit environment?",
                    settings->name, settings->env_url, answer.status, path);
        return;
    }
    compare_issuer(call, settings, document);
    compare_hosts(call, settings, document);
}
