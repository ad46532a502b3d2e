/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in directives that may depend on the request: httpd's string expressions, parsed once. A value without "%{" is
 * taken as it is, and costs nothing when a request comes.
 */
#ifndef SK_CONFIG_EXPRESSION_H
#define SK_CONFIG_EXPRESSION_H

#include <stdbool.h>
#include <httpd.h>
#include <http_config.h>

typedef struct sk_expression sk_expression;

/**
 * Parses a value. In .htaccess, whose author must not read files or run functions through us, restricted.
 * @return NULL; then *wrong says why
 */
const sk_expression *sk_expression_parse(cmd_parms *cmd, const char *text, const char **wrong);

/** The text of a value that is no expression; NULL of one that is. */
const char *sk_expression_literal(const sk_expression *expression);

/** The value for a request; NULL if it is empty or fails, and then *failure says why, or is NULL. */
const char *sk_expression_value(request_rec *r, const sk_expression *expression,
                                const char **failure);

#endif
