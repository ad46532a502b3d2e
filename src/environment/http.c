/* SPDX-License-Identifier: Apache-2.0 */
#include "environment/http.h"

#include <fcntl.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <curl/curl.h>

#include "core/seal.h"
#include "core/sk_version.h"
#include "core/text.h"

/* More idle connections than this are closed; more calls than this may still run at a time. */
enum { IDLE_MAX = 8 };

typedef struct handle {
    CURL *curl;
    int environment; /* its number: whom the connection leads to */
} handle;

/* Of the whole process: libcurl tells by host, TLS and proxy whether a connection may be used again. */
struct sk_handles {
    apr_thread_mutex_t *mutex; /* guards the idle ones */
    handle idle[IDLE_MAX];
    int idle_count;
};

struct sk_http {
    const sk_settings *settings;
    sk_breaker breaker;
    sk_handles *handles;
};

apr_status_t sk_http_start(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? APR_SUCCESS : APR_EGENERAL;
}

static apr_status_t close_idle(void *baton)
{
    sk_handles *handles = baton;

    while (handles->idle_count > 0) {
        curl_easy_cleanup(handles->idle[--handles->idle_count].curl);
    }
    return APR_SUCCESS;
}

sk_handles *sk_http_handles(apr_pool_t *pool)
{
    sk_handles *handles = apr_pcalloc(pool, sizeof(*handles));

    if (apr_thread_mutex_create(&handles->mutex, APR_THREAD_MUTEX_DEFAULT, pool)
        != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(pool, handles, close_idle, apr_pool_cleanup_null);
    return handles;
}

sk_http *sk_http_create(apr_pool_t *pool, const sk_settings *settings,
                        const sk_breaker *breaker, sk_handles *handles)
{
    sk_http *http = apr_pcalloc(pool, sizeof(*http));

    http->settings = settings;
    http->breaker = *breaker;
    http->handles = handles;
    return http;
}

/* One with a connection to where it shall go, or else any. */
static CURL *borrow(sk_handles *handles, int environment)
{
    CURL *curl = NULL;
    int i;

    apr_thread_mutex_lock(handles->mutex);
    if (handles->idle_count > 0) {
        for (i = --handles->idle_count; i > 0 && handles->idle[i].environment != environment;) {
            i--;
        }
        curl = handles->idle[i].curl;
        handles->idle[i] = handles->idle[handles->idle_count];
    }
    apr_thread_mutex_unlock(handles->mutex);
    return curl ? curl : curl_easy_init();
}

/* Resetting keeps the connection and the TLS session, and forgets everything of this call. */
static void give_back(sk_handles *handles, CURL *curl, int environment)
{
    handle one = {curl, environment};

    curl_easy_reset(curl);
    apr_thread_mutex_lock(handles->mutex);
    if (handles->idle_count < IDLE_MAX) {
        handles->idle[handles->idle_count++] = one;
        curl = NULL;
    }
    apr_thread_mutex_unlock(handles->mutex);
    if (curl) {
        curl_easy_cleanup(curl);
    }
}

typedef struct receiver {
    apr_pool_t *pool;
    char *bytes;
    size_t length, room;
    size_t headers; /* their bytes, those of interim answers included */
} receiver;

/* Headers are not kept, but libcurl would read them for as long as there is time. */
static size_t receive_header(char *data, size_t size, size_t count, void *baton)
{
    receiver *r = baton;
    size_t length = size * count;

    (void)data;
    if (length > SK_HTTP_ANSWER_MAX - r->headers) {
        return 0; /* as below */
    }
    r->headers += length;
    return length;
}

static size_t receive(char *data, size_t size, size_t count, void *baton)
{
    receiver *r = baton;
    size_t length = size * count;

    if (length > SK_HTTP_ANSWER_MAX - r->length) {
        return 0; /* libcurl ends the transfer with CURLE_WRITE_ERROR */
    }
    if (r->length + length + 1 > r->room) {
        size_t room = 2 * (r->length + length + 1);
        char *larger = apr_palloc(r->pool, room);
        sk_cleanse_bytes_with_pool(r->pool, larger, room);
        if (r->length > 0) {
            memcpy(larger, r->bytes, r->length);
        }
        r->bytes = larger;
        r->room = room;
    }
    memcpy(r->bytes + r->length, data, length);
    r->length += length;
    r->bytes[r->length] = '\0';
    return length;
}

static void limit_protocols(CURL *curl, const char *env_url)
{
    bool is_https = strncmp(env_url, "https:", 6) == 0;

#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_https ? "https" : "http");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                     (long)(is_https ? CURLPROTO_HTTPS : CURLPROTO_HTTP));
#endif
}

/* Another bundle replaces the system's: libcurl would still look into the folder that it was built with. */
static void set_trust(CURL *curl, const sk_settings *settings)
{
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (settings->ca_bundle) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_bundle);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
}

/* Plain http carries the secret to this machine or the insecure host, and not to a proxy that only httpd's environment names. */
static void set_proxy(CURL *curl, const sk_settings *settings)
{
    if (settings->proxy) {
        curl_easy_setopt(curl, CURLOPT_PROXY, settings->proxy);
    }
    else if (strncmp(settings->env_url, "http:", 5) == 0) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
}

/* Programs that httpd starts must not have it. */
static int close_on_exec(void *baton, curl_socket_t socket, curlsocktype purpose)
{
    (void)baton;
    (void)purpose;
    return fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

static void set_options(CURL *curl, const sk_settings *settings, apr_time_t limit, receiver *r)
{
    limit_protocols(curl, settings->env_url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* When the time is over libcurl would wait for a name server nevertheless; its thread ends by itself. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, close_on_exec);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)apr_time_as_msec(settings->connect_timeout));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(limit));
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mod_auth_scalekit/" SK_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, r);
    /* The defaults are for files. What a thread has taken once its arena keeps (glibc), and there are many threads. */
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 4096L);
#if LIBCURL_VERSION_NUM >= 0x073e00
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 16384L); /* the least */
#endif
    /* A handle makes one call at a time, and a call that must be made on a new connection leaves its own. */
    curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    set_trust(curl, settings);
    set_proxy(curl, settings);
}

/* In libcurl's own words, which may repeat a piece of what came. */
static const char *failure_of(apr_pool_t *pool, CURLcode result, const char *details)
{
    return result == CURLE_WRITE_ERROR ? "the answer is larger than 256 KB"
           : *details                  ? sk_text_printable(pool, details, 200)
                                       : curl_easy_strerror(result);
}

/* How long the answer asks to be left alone, an hour at most. */
static apr_time_t retry_after(CURL *curl, long status)
{
    curl_off_t wait = 0;

    if (status != 429 && status != 503) {
        return 0;
    }
#if LIBCURL_VERSION_NUM >= 0x074200
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait);
#else
    (void)curl;
#endif
    return wait > 0 ? apr_time_from_sec(wait < 3600 ? wait : 3600) : 0;
}

static sk_http_answer perform(const sk_call *call, sk_http *http, CURL *curl, const char *path,
                              const char *form)
{
    sk_http_answer answer = {0, "", 0, NULL, false, SK_BREAKER_PASS, 0};
    receiver r = {call->pool, NULL, 0, 0, 0};
    char details[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    CURLcode result;
    long status = 0;

    set_options(curl, http->settings, sk_call_time_left(call), &r);
    curl_easy_setopt(curl, CURLOPT_URL,
                     apr_pstrcat(call->pool, http->settings->env_url, path, NULL));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, call->never_twice ? 1L : 0L);
    if (form) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    }
    result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer.retry_after = retry_after(curl, status);
    if (result == CURLE_OK) {
        answer.status = (int)status;
        answer.body = r.bytes ? r.bytes : "";
        answer.length = r.length;
    }
    else {
        answer.failure = failure_of(call->pool, result, details);
        answer.is_too_large = result == CURLE_WRITE_ERROR && status == 200;
    }
    curl_slist_free_all(headers);
    return answer;
}

const char sk_http_resting[] =
    "Scalekit failed several times in a row and is left alone for a moment";

sk_http_answer sk_http_ask(const sk_call *call, sk_http *http, const char *path,
                           const char *form)
{
    sk_http_answer answer = {0, "", 0, NULL, false, SK_BREAKER_STOP, 0};
    sk_breaker_pass pass =
        call->is_let_through ? SK_BREAKER_PASS : sk_breaker_ask(&http->breaker, apr_time_now());
    CURL *curl;

    if (pass == SK_BREAKER_STOP) {
        answer.failure = sk_http_resting;
        return answer;
    }
    curl = borrow(http->handles, http->settings->number);
    if (!curl) {
        answer.failure = "libcurl has no memory";
        return answer;
    }
    answer = perform(call, http, curl, path, form);
    answer.pass = pass;
    give_back(http->handles, curl, http->settings->number);
    return answer;
}

void sk_http_judge(const sk_call *call, sk_http *http, const sk_http_answer *answer,
                   bool is_useful)
{
    apr_time_t pause;

    if (answer->pass == SK_BREAKER_STOP) {
        return;
    }
    pause = sk_breaker_note(&http->breaker, answer->pass, is_useful, answer->retry_after,
                            apr_time_now());
    if (pause > 0) {
        sk_call_log(call, SK_LEVEL_ERROR,
                    "Scalekit at %s does not answer as it should: nobody asks it for %d s",
                    http->settings->env_url, (int)apr_time_sec(pause));
    }
}
