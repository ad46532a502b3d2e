/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SK_CORE_SPAN_H
#define SK_CORE_SPAN_H

#include <stddef.h>

/** Some bytes. */
typedef struct sk_span {
    const void *bytes;
    size_t length;
} sk_span;

#endif
