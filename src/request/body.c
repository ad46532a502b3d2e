/* SPDX-License-Identifier: Apache-2.0 */
#include "request/body.h"

#include <http_protocol.h>
#include <apr_buckets.h>
#include <apr_strings.h>

int sk_body_read(request_rec *r, apr_off_t most, const char **body)
{
    char block[1024], *text = NULL;
    apr_off_t total = 0;
    long size;
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);

    if (body) {
        *body = text = apr_pcalloc(r->pool, (apr_size_t)most + 1);
    }
    if (status != OK || !ap_should_client_block(r)) {
        return status;
    }
    if (r->remaining > most) {
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    }
    while ((size = ap_get_client_block(r, block, sizeof(block))) > 0) {
        if (total + size > most) {
            return HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
        if (text) {
            memcpy(text + total, block, (apr_size_t)size);
        }
        total += size;
    }
    return size < 0 || (text && strlen(text) != (apr_size_t)total) ? HTTP_BAD_REQUEST : OK;
}
