/* SPDX-License-Identifier: Apache-2.0 */
#include "request/session_api.h"

#include <stdbool.h>
#include <http_config.h>
#include <http_log.h>
#include <json-c/json.h>

#include "core/jwt.h"
#include "request/authn.h"
#include "request/reply.h"
#include "request/site.h"
#include "session/session.h"

APLOG_USE_MODULE(auth_scalekit);

/* ---- who may ask ---- */

static int refuse_stranger(request_rec *r)
{
    sk_problem problem = {0};

    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  "403: another site asks for the session (reference %s)",
                  sk_visit_reference(r));
    problem.status = HTTP_FORBIDDEN;
    problem.title = "Not from another site";
    problem.detail = "Only pages of this very site may ask this.";
    return sk_reply_problem(r, &problem);
}

/* OK, or the status of the refusal. */
static int admit(request_rec *r, int method, const char *methods)
{
    if (r->method_number != method) {
        return sk_reply_not_allowed(r, methods);
    }
    return sk_site_is_own_request(r) ? OK : refuse_stranger(r);
}

/* ---- JSON ---- */

static void add_text(json_object *object, const char *name, const char *text)
{
    if (text) {
        json_object_object_add(object, name, json_object_new_string(text));
    }
}

static void add_time(json_object *object, const char *name, apr_time_t seconds)
{
    json_object_object_add(object, name, json_object_new_int64(seconds));
}

static json_object *array_of(const char *list)
{
    json_object *array = json_object_new_array();
    const char *item = list ? list : "";

    while (*item) {
        size_t length = strcspn(item, ",");
        json_object_array_add(array, json_object_new_string_len(item, (int)length));
        item += length + (item[length] ? 1 : 0);
    }
    return array;
}

/* What no token said is left out; lists are there, if need be empty. */
static void add_identity(json_object *object, const sk_identity *identity)
{
#define SK_TEXT(field, variable, header) add_text(object, #field, identity->field);
    SK_IDENTITY_TEXTS(SK_TEXT)
#undef SK_TEXT
    if (identity->email_verified != SK_VERIFIED_UNKNOWN) {
        json_object_object_add(
            object, "email_verified",
            json_object_new_boolean(identity->email_verified == SK_VERIFIED_YES));
    }
#define SK_LIST(field, variable, header)                                                       \
    json_object_object_add(object, #field, array_of(identity->field));
    SK_IDENTITY_LISTS(SK_LIST)
#undef SK_LIST
}

/* The claims of the access token, where the session keeps it: with the types that they had. */
static void add_access_claims(request_rec *r, json_object *object, const sk_record *record)
{
    const char *text = sk_token_text(r->pool, &record->access_token);
    sk_jwt jwt;

    if (!text || sk_jwt_parse(r->pool, text, &jwt)) {
        return;
    }
    json_object_object_foreach(jwt.claims, name, value)
    {
        json_object_object_add(object, name, json_object_get(value));
    }
}

static void add_extras(json_object *object, const sk_identity *identity)
{
    int i;

    for (i = 0; i < identity->extras_count; i++) {
        const sk_extra *extra = &identity->extras[i];
        if (json_object_object_get_ex(object, extra->name, NULL)) {
            continue;
        }
        if (extra->is_list) {
            json_object_object_add(object, extra->name, array_of(extra->value));
        }
        else {
            add_text(object, extra->name, extra->value);
        }
    }
}

static json_object *claims_of(request_rec *r, const sk_record *record)
{
    json_object *claims = json_object_new_object();

    add_access_claims(r, claims, record);
    add_identity(claims, &record->identity);
    add_extras(claims, &record->identity);
    return claims;
}

/* Sends the object, and lets go of it. */
static int answer(request_rec *r, json_object *object)
{
    int status = sk_reply_json(r, object);

    json_object_put(object);
    return status;
}

/* ---- the endpoints ---- */

int sk_session_api_show(request_rec *r)
{
    int refused = admit(r, M_GET, "GET");
    const sk_record *record;
    sk_session_status status;
    json_object *object;

    if (refused) {
        return refused;
    }
    status = sk_session_read(r, &record);
    if (!record) {
        return sk_authn_refuse(r, status);
    }
    sk_session_touch(r);
    object = json_object_new_object();
    json_object_object_add(object, "authenticated", json_object_new_boolean(true));
    add_identity(object, &record->identity);
    add_time(object, "expires_at", record->access_expiry);
    add_time(object, "session_expires_at", sk_session_expiry(r, record));
    return answer(r, object);
}

int sk_session_api_validate(request_rec *r)
{
    int refused = admit(r, M_POST, "POST");
    const sk_record *record;
    sk_session_status status;
    json_object *object;

    if (refused) {
        return refused;
    }
    status = sk_session_read(r, &record);
    if (!record && status != SK_SESSION_NONE) {
        return sk_authn_refuse(r, status);
    }
    object = json_object_new_object();
    json_object_object_add(object, "valid", json_object_new_boolean(record != NULL));
    if (record) {
        sk_session_touch(r);
        json_object_object_add(object, "claims", claims_of(r, record));
        add_text(object, "sub", record->identity.sub);
        add_text(object, "email", record->identity.email);
        add_text(object, "name", record->identity.name);
        add_time(object, "expires_at", record->access_expiry);
    }
    else {
        add_text(object, "error", "Authentication required");
    }
    return answer(r, object);
}

static int refuse_without_token(request_rec *r)
{
    sk_problem problem = {0};

    problem.status = HTTP_CONFLICT;
    problem.title = "This session cannot be refreshed";
    problem.detail = "It came without a refresh token: it lasts as it is until it ends.";
    return sk_reply_problem(r, &problem);
}

int sk_session_api_refresh(request_rec *r)
{
    int refused = admit(r, M_POST, "POST");
    const sk_record *record;
    sk_session_status status;
    bool is_fresh;
    json_object *object;

    if (refused) {
        return refused;
    }
    status = sk_session_refresh(r, &record, &is_fresh);
    if (!record) {
        return sk_authn_refuse(r, status);
    }
    if (!is_fresh) {
        return record->refresh_token.bytes ? sk_authn_refuse(r, SK_SESSION_LATER)
                                           : refuse_without_token(r);
    }
    object = json_object_new_object();
    json_object_object_add(object, "success", json_object_new_boolean(true));
    add_time(object, "expires_at", record->access_expiry);
    return answer(r, object);
}
