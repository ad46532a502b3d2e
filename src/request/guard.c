/* SPDX-License-Identifier: Apache-2.0 */
#include "request/guard.h"

#include <stdlib.h>
#include <apr_strings.h>

#include "session/cookies.h"

/* Not Secure and without __Host-: it must also count where https and http are mixed up. */
static const char cookie[] = "sk_steps";

enum { LIFE = 30, MANY = 4 };

bool sk_guard_is_cookie(const char *name)
{
    return strcmp(name, cookie) == 0;
}

static int steps(request_rec *r)
{
    const apr_array_header_t *cookies = sk_cookies_read(r);
    int i;

    for (i = 0; i < cookies->nelts; i++) {
        if (sk_guard_is_cookie(APR_ARRAY_IDX(cookies, i, sk_cookie).name)) {
            int count = atoi(APR_ARRAY_IDX(cookies, i, sk_cookie).value);
            return count > 0 && count < 100 ? count : 0;
        }
    }
    return 0;
}

void sk_guard_step(request_rec *r)
{
    sk_cookies_send(r, cookie, apr_itoa(r->pool, steps(r) + 1), LIFE, false);
}

bool sk_guard_is_loop(request_rec *r)
{
    return steps(r) >= MANY;
}

void sk_guard_clear(request_rec *r)
{
    if (steps(r) > 0) {
        sk_cookies_send(r, cookie, "", 0, false);
    }
}
