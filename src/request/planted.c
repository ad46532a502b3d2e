/* SPDX-License-Identifier: Apache-2.0 */
#include "request/planted.h"

#include <httpd.h>
#include <http_config.h>
#include <http_request.h>

#include "config/config.h"
#include "request/guard.h"
#include "session/cookies.h"
#include "session/login_state.h"

static bool is_ours(const char *name, const void *r)
{
    return sk_attempt_is_cookie(name) || sk_guard_is_cookie(name)
           || sk_cookies_is_session(r, name, strlen(name));
}

/*
 * Before .htaccess files are read: neither must their authors get at the visitors' sessions, which they could use elsewhere on the
 * site. mod_session sees the cookies while it loads.
 */
static int map_to_storage(request_rec *r)
{
    if (sk_settings_of(r->server)) {
        sk_cookies_strip(r, is_ours);
    }
    return DECLINED;
}

void sk_planted_take_out(request_rec *r)
{
    sk_cookies_take_out(r, is_ours);
}

void sk_planted_hook(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_map_to_storage(map_to_storage, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
