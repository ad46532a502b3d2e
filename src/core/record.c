/* SPDX-License-Identifier: Apache-2.0 */
#include "core/record.h"

#include <string.h>
#include <apr_strings.h>

#include "core/seal.h"

/* Flags of a packed record. */
enum { SHEDS_ACCESS_TOKEN = 1, SHEDS_ID_TOKEN = 2 };

/* Of a further claim. */
enum { IS_LIST = 1, IS_OF_ID = 2 };

/* Bytes of a packed time. */
enum { TIME = 5 };

/* The first byte of a packed token. */
enum { TOKEN_TEXT = 0, TOKEN_JWT = 1 };

/* ---- writing ---- */

typedef struct writer {
    apr_pool_t *pool;
    unsigned char *bytes;
    size_t length, room;
} writer;

static unsigned char *allocate(apr_pool_t *pool, size_t room)
{
    unsigned char *bytes = apr_palloc(pool, room);

    sk_cleanse_bytes_with_pool(pool, bytes, room);
    return bytes;
}

static void write_bytes(writer *w, const void *bytes, size_t length)
{
    if (length > w->room - w->length) {
        unsigned char *larger = allocate(w->pool, 2 * (w->room + length));
        memcpy(larger, w->bytes, w->length);
        w->bytes = larger;
        w->room = 2 * (w->room + length);
    }
    if (length > 0) {
        memcpy(w->bytes + w->length, bytes, length);
        w->length += length;
    }
}

static writer writer_make(apr_pool_t *pool, size_t room)
{
    writer w = {pool, allocate(pool, room), 0, room};

    return w;
}

static void write_byte(writer *w, int byte)
{
    unsigned char c = (unsigned char)byte;

    write_bytes(w, &c, 1);
}

static void write_number(writer *w, apr_uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        write_byte(w, (int)(value & 0x7f) | 0x80);
    }
    write_byte(w, (int)value);
}

/* Seconds since the epoch; what is later than the year 36,000 is then. */
static void write_time(writer *w, apr_time_t seconds)
{
    apr_time_t latest = (APR_INT64_C(1) << 8 * TIME) - 1;
    unsigned char bytes[TIME];
    int i;

    seconds = seconds < 0 ? 0 : seconds > latest ? latest : seconds;
    for (i = 0; i < TIME; i++) {
        bytes[i] = (unsigned char)(seconds >> 8 * i);
    }
    write_bytes(w, bytes, TIME);
}

/* NULL is length 0; other strings are one longer for their NUL. */
static void write_text(writer *w, const char *text)
{
    size_t length = text ? strlen(text) + 1 : 0;

    write_number(w, length);
    write_bytes(w, text, length);
}

static void write_token(writer *w, const sk_token *token)
{
    size_t length = token->bytes ? token->length : 0;

    write_number(w, length);
    write_bytes(w, token->bytes, length);
}

/* ---- reading: everything fails once the bytes have run out or made no sense ---- */

typedef struct reader {
    apr_pool_t *pool;
    const unsigned char *next, *end;
    bool failed;
    sk_extra *extras; /* where they are to go; NULL: into the pool */
} reader;

static const unsigned char *read_bytes(reader *r, size_t length)
{
    const unsigned char *bytes = r->next;

    if (r->failed || length > (size_t)(r->end - r->next)) {
        r->failed = true;
        return NULL;
    }
    r->next += length;
    return bytes;
}

static apr_uint64_t read_number(reader *r)
{
    apr_uint64_t value = 0;
    unsigned int shift;

    for (shift = 0; shift < 63 && r->next < r->end; shift += 7) {
        unsigned char byte = *r->next++;
        value |= (apr_uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    r->failed = true;
    return 0;
}

static apr_time_t read_time(reader *r)
{
    const unsigned char *b = read_bytes(r, TIME);

    return b ? (apr_time_t)(b[0] | (apr_uint32_t)b[1] << 8 | (apr_uint32_t)b[2] << 16
                            | (apr_uint32_t)b[3] << 24 | (apr_uint64_t)b[4] << 32)
             : 0;
}

static int read_byte(reader *r, int highest)
{
    const unsigned char *byte = read_bytes(r, 1);

    if (!byte || *byte > highest) {
        r->failed = true;
        return 0;
    }
    return *byte;
}

static const char *read_text(reader *r)
{
    size_t length = (size_t)read_number(r);
    const unsigned char *text = length > 0 ? read_bytes(r, length) : NULL;

    /* Where it ends, not whether it ends before: who opens a seal finds what we wrote. */
    if (text && text[length - 1] != '\0') {
        r->failed = true;
        text = NULL;
    }
    return (const char *)text;
}

static sk_token read_token(reader *r)
{
    sk_token token = {NULL, (size_t)read_number(r)};

    token.bytes = token.length > 0 ? read_bytes(r, token.length) : NULL;
    return token;
}

/* ---- tokens ---- */

/* TOKEN_JWT, then each of the three parts as its length and its bytes; false if the text is no JWT. */
static bool write_jwt(writer *w, const char *text)
{
    int part;

    write_byte(w, TOKEN_JWT);
    for (part = 0; part < 3; part++) {
        size_t text_length = strcspn(text, "."), length = 0;
        unsigned char *decoded = sk_text_base64url_decode(w->pool, text, text_length, &length);
        if (!decoded || text[text_length] != (part < 2 ? '.' : '\0')) {
            return false;
        }
        sk_cleanse_bytes_with_pool(w->pool, decoded, length);
        write_number(w, length);
        write_bytes(w, decoded, length);
        text += text_length + 1;
    }
    return true;
}

sk_token sk_token_pack(apr_pool_t *pool, const char *text)
{
    sk_token token = {NULL, 0};
    writer w;

    if (!text || !*text) {
        return token;
    }
    w = writer_make(pool, strlen(text) + 16);
    if (!write_jwt(&w, text)) {
        w.length = 0;
        write_byte(&w, TOKEN_TEXT);
        write_bytes(&w, text, strlen(text));
    }
    token.bytes = w.bytes;
    token.length = w.length;
    return token;
}

static char *text_of(apr_pool_t *pool, const sk_token *token)
{
    const char *parts[3];
    reader r = {pool, NULL, NULL, false, NULL};
    int part;

    if (!token->bytes || token->length == 0) {
        return NULL;
    }
    r.next = token->bytes + 1;
    r.end = token->bytes + token->length;
    if (*token->bytes == TOKEN_TEXT) {
        return apr_pstrmemdup(pool, (const char *)r.next, (size_t)(r.end - r.next));
    }
    for (part = 0; part < 3; part++) {
        size_t length = (size_t)read_number(&r);
        const unsigned char *bytes = read_bytes(&r, length);
        if (!bytes) {
            return NULL;
        }
        parts[part] = sk_text_base64url(pool, bytes, length);
        sk_cleanse_with_pool(pool, (char *)(size_t)parts[part]);
    }
    return apr_pstrcat(pool, parts[0], ".", parts[1], ".", parts[2], NULL);
}

const char *sk_token_text(apr_pool_t *pool, const sk_token *token)
{
    char *text = text_of(pool, token);

    if (text) {
        sk_cleanse_with_pool(pool, text);
    }
    return text;
}

/* ---- the record ---- */

static void write_extras(writer *w, const sk_identity *identity)
{
    int i;

    write_number(w, (apr_uint64_t)identity->extras_count);
    for (i = 0; i < identity->extras_count; i++) {
        write_text(w, identity->extras[i].name);
        write_text(w, identity->extras[i].value);
        write_byte(w, (identity->extras[i].is_list ? IS_LIST : 0)
                          | (identity->extras[i].is_of_id ? IS_OF_ID : 0));
    }
}

static void read_extras(reader *r, sk_identity *identity)
{
    size_t count = (size_t)read_number(r), i;

    /* Each takes five bytes at least, so that a forged count cannot make us allocate. */
    if (count > (size_t)(r->end - r->next) / 5) {
        r->failed = true;
        return;
    }
    identity->extras = r->extras ? r->extras : apr_palloc(r->pool, sizeof(sk_extra) * count);
    for (i = 0; i < count && !r->failed; i++) {
        sk_extra *extra = &identity->extras[i];
        int kind;
        extra->name = read_text(r);
        extra->value = read_text(r);
        kind = read_byte(r, IS_LIST | IS_OF_ID);
        extra->is_list = kind & IS_LIST;
        extra->is_of_id = kind & IS_OF_ID;
        if (!extra->name || !extra->value) {
            r->failed = true;
        }
    }
    identity->extras_count = r->failed ? 0 : (int)count;
}

static void write_identity(writer *w, const sk_identity *identity)
{
#define SK_TEXT(field, variable, header) write_text(w, identity->field);
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    write_byte(w, (int)identity->email_verified);
    write_number(w, identity->of_id);
    write_extras(w, identity);
}

static void read_identity(reader *r, sk_identity *identity)
{
#define SK_TEXT(field, variable, header) identity->field = read_text(r);
    SK_IDENTITY_TEXTS(SK_TEXT)
    SK_IDENTITY_LISTS(SK_TEXT)
#undef SK_TEXT
    identity->email_verified = (sk_verified)read_byte(r, SK_VERIFIED_YES);
    identity->of_id = (unsigned int)read_number(r);
    read_extras(r, identity);
}

const unsigned char *sk_record_pack(apr_pool_t *pool, const sk_record *record, size_t *length)
{
    static const sk_token none = {NULL, 0};
    writer w = writer_make(pool, 2048);

    write_byte(&w, SK_RECORD_VERSION);
    write_byte(&w, (record->sheds_access_token ? SHEDS_ACCESS_TOKEN : 0)
                       | (record->sheds_id_token ? SHEDS_ID_TOKEN : 0));
    write_text(&w, record->id);
    write_identity(&w, &record->identity);
    write_time(&w, record->login);
    write_time(&w, record->confirmed);
    write_time(&w, record->last_use);
    write_time(&w, record->access_expiry);
    write_time(&w, record->refresh_at);
    write_time(&w, record->absolute_end);
    write_token(&w, &record->refresh_token);
    write_token(&w, record->sheds_id_token ? &none : &record->id_token);
    write_token(&w, record->sheds_access_token ? &none : &record->access_token);
    *length = w.length;
    return w.bytes;
}

static bool read_record(reader *r, sk_record *record)
{
    const unsigned char *head = read_bytes(r, 2);

    if (!head || head[0] != SK_RECORD_VERSION) {
        return false;
    }
    memset(record, 0, sizeof(*record));
    record->sheds_access_token = head[1] & SHEDS_ACCESS_TOKEN;
    record->sheds_id_token = head[1] & SHEDS_ID_TOKEN;
    record->id = read_text(r);
    read_identity(r, &record->identity);
    record->login = read_time(r);
    record->confirmed = read_time(r);
    record->last_use = read_time(r);
    record->access_expiry = read_time(r);
    record->refresh_at = read_time(r);
    record->absolute_end = read_time(r);
    record->refresh_token = read_token(r);
    record->id_token = read_token(r);
    record->access_token = read_token(r);
    return !r->failed && r->next == r->end && record->id && record->identity.sub;
}

bool sk_record_unpack(apr_pool_t *pool, const unsigned char *bytes, size_t length,
                      sk_record *record)
{
    reader r = {pool, bytes, bytes + length, false, NULL};

    return read_record(&r, record);
}

/* ---- a record with all that it points to: itself, the extras, the bytes ---- */

static size_t head_of(int extras_count)
{
    return sizeof(sk_record) + sizeof(sk_extra) * (size_t)extras_count;
}

size_t sk_record_room(const sk_record *unpacked, sk_span packed)
{
    return head_of(unpacked->identity.extras_count) + packed.length;
}

void sk_record_lay_out(void *room, const sk_record *unpacked, sk_span packed)
{
    sk_record *record = room;
    unsigned char *bytes = (unsigned char *)room + head_of(unpacked->identity.extras_count);
    reader r = {NULL, bytes, bytes + packed.length, false, (sk_extra *)(record + 1)};

    memcpy(bytes, packed.bytes, packed.length);
    read_record(&r, record);
}
