/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed text (core/seal). The input is the text, and bytes to be sealed at the same time.
 *
 * Nothing opens but what was sealed, in its one spelling, for its own purpose and context.
 */
#include "core/seal.h"
#include "fuzz.h"

/* "the content", sealed once. */
#define GENUINE "AdqzUF4M3zQOqDBOh60N8fCsz-e2Y-fNRuGE1arsTitPKzqLgg5noyPYls0"

static const sk_sealer *make(const char *purpose, const char *context)
{
    apr_pool_t *pool = fuzz_lasting_pool();
    apr_array_header_t *secrets = apr_array_make(pool, 1, sizeof(char *));

    APR_ARRAY_PUSH(secrets, const char *) = "a secret of the fuzz targets";
    return sk_sealer_create(pool, secrets, purpose, context);
}

static void expect_only_genuine(apr_pool_t *pool, const sk_sealer *sealer, const char *text)
{
    size_t length;
    const unsigned char *opened = sk_unseal(pool, sealer, text, &length);

    HOLDS((opened != NULL) == (strcmp(text, GENUINE) == 0));
    HOLDS(!opened || (length == 11 && memcmp(opened, "the content", 12) == 0));
}

static void expect_round_trip(apr_pool_t *pool, const sk_sealer *sealer, const uint8_t *bytes,
                              size_t length)
{
    char *text = apr_pstrdup(pool, sk_seal(pool, sealer, bytes, length));
    size_t size = 0, at = length > 0 ? bytes[0] * length / 256 : 0;
    const unsigned char *opened = sk_unseal(pool, sealer, text, &size);

    HOLDS(opened && size == length && opened[size] == '\0');
    HOLDS(length == 0 || memcmp(opened, bytes, length) == 0);
    text[at] = text[at] == 'A' ? 'B' : 'A';
    HOLDS(!sk_unseal(pool, sealer, text, &size));
    text[at] = '\0';
    HOLDS(!sk_unseal(pool, sealer, text, &size));
}

void fuzz_one(apr_pool_t *pool, const uint8_t *bytes, size_t length)
{
    static const sk_sealer *session, *login, *other;
    const char *text = fuzz_text(pool, bytes, length), *sealed;
    size_t size;

    if (!session) {
        session = make("session", "site.example");
        login = make("login", "site.example");
        other = make("session", "other.example");
    }
    expect_only_genuine(pool, session, text);
    expect_round_trip(pool, session, bytes, length);
    sealed = sk_seal(pool, session, bytes, length);
    HOLDS(!sk_unseal(pool, login, sealed, &size));
    HOLDS(!sk_unseal(pool, other, sealed, &size));
}
