/* SPDX-License-Identifier: Apache-2.0 */
#include "core/compress.h"

#include <limits.h>
#include <lz4.h>
#include <pthread.h>

#include "core/seal.h"

/* To be raised with every change of the dictionary: what was compressed with another one would come out as something else. */
enum { FORMAT = 1 };

enum { HEAD = 4 };

/* The likeliest comes last. */
static const char dictionary[] =
    ":read:write:create:update:delete:manage,read,write,admin,member,owner,organization:"
    "settings,workspace"
    "\"https://scalekit.com/"
    "\",\"permissions\":[\"roles\":[\"\",\"jti\":\"\",\"nbf\":\"\",\"c_hash\":\"\",\"azp\":\""
    "\",\"picture\":\"https://"
    "\",\"preferred_username\":\"\",\"locale\":\"\",\"updated_at\":\"\",\"auth_time\":17"
    "user:email,offline_access,openid,profileconn_idp_ses_org_usr_"
    "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"snk_{\"alg\":\"RS256\",\"kid\":\"snk_\","
    "\"typ\":\"JWT\"}"
    "{\"iss\":\"https://"
    ".scalekit.com.scalekit.dev\",\"sub\":\"usr_\",\"aud\":[\"skc_\"],\"azp\":\"skc_"
    "\",\"client_id\":\"skc_\",\"iat\":179,\"exp\":179,\"amr\":[\"conn_\"],\"at_hash\":\"\","
    "\"nonce\":\""
    "\",\"email\":\"@gmail.com\",\"email_verified\":true,\"name\":\"\",\"given_name\":\"\","
    "\"family_name\":\""
    "\",\"xoid\":\"\",\"xuid\":\"\",\"oid\":\"org_\",\"sid\":\"ses_";

enum { DICTIONARY = sizeof(dictionary) - 1 };

/* 16 KB, which each thread would keep if it had them for itself. For some microseconds at a login or refresh; no content is in them. */
static LZ4_stream_t shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int compress(sk_span plain, char *out, size_t room)
{
    int length;

    pthread_mutex_lock(&mutex);
    LZ4_initStream(&shared, sizeof(shared));
    LZ4_loadDict(&shared, dictionary, DICTIONARY);
    length =
        LZ4_compress_fast_continue(&shared, plain.bytes, out, (int)plain.length, (int)room, 1);
    pthread_mutex_unlock(&mutex);
    return length;
}

sk_span sk_compress(apr_pool_t *pool, sk_span plain)
{
    sk_span compressed = {NULL, 0};
    size_t room;
    unsigned char *out;
    int length;

    if (plain.length > SK_COMPRESS_MAX) {
        return compressed;
    }
    room = (size_t)LZ4_compressBound((int)plain.length);
    out = apr_palloc(pool, HEAD + room);
    sk_cleanse_bytes_with_pool(pool, out, HEAD + room);
    length = compress(plain, (char *)out + HEAD, room);
    if (length > 0) {
        out[0] = FORMAT;
        out[1] = (unsigned char)(plain.length >> 16);
        out[2] = (unsigned char)(plain.length >> 8);
        out[3] = (unsigned char)plain.length;
        compressed.bytes = out;
        compressed.length = HEAD + (size_t)length;
    }
    return compressed;
}

sk_span sk_decompress(apr_pool_t *pool, sk_span compressed)
{
    const unsigned char *in = compressed.bytes;
    sk_span plain = {NULL, 0};
    unsigned char *out;
    size_t length;

    if (compressed.length < HEAD || compressed.length > INT_MAX || in[0] != FORMAT) {
        return plain;
    }
    length = (size_t)in[1] << 16 | (size_t)in[2] << 8 | in[3];
    if (length > SK_COMPRESS_MAX) {
        return plain;
    }
    out = apr_palloc(pool, length);
    sk_cleanse_bytes_with_pool(pool, out, length);
    if (LZ4_decompress_safe_usingDict((const char *)in + HEAD, (char *)out,
                                      (int)(compressed.length - HEAD), (int)length, dictionary,
                                      DICTIONARY)
        == (int)length) {
        plain.bytes = out;
        plain.length = length;
    }
    return plain;
}
