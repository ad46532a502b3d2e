/* SPDX-License-Identifier: Apache-2.0 */
#include "config/expression.h"

#include <http_log.h>
#include <ap_expr.h>

APLOG_USE_MODULE(auth_scalekit);

struct sk_expression {
    const char *text; /* NULL: an expression */
    const ap_expr_info_t *parsed;
};

static bool is_in_htaccess(cmd_parms *cmd)
{
    return cmd->pool == cmd->temp_pool || ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
}

const sk_expression *sk_expression_parse(cmd_parms *cmd, const char *text, const char **wrong)
{
    sk_expression *expression = apr_pcalloc(cmd->pool, sizeof(*expression));
    unsigned int flags = AP_EXPR_FLAG_STRING_RESULT;

    *wrong = NULL;
    if (!strstr(text, "%{")) {
        expression->text = text;
        return expression;
    }
    if (is_in_htaccess(cmd)) {
        flags |= AP_EXPR_FLAG_RESTRICTED;
#ifdef AP_EXPR_FLAG_RESTRICTED_FILE_FUNC
        flags |= AP_EXPR_FLAG_RESTRICTED_FILE_FUNC;
#endif
    }
    expression->parsed = ap_expr_parse_cmd(cmd, text, flags, wrong, NULL);
    return *wrong ? NULL : expression;
}

const char *sk_expression_literal(const sk_expression *expression)
{
    return expression->text;
}

const char *sk_expression_value(request_rec *r, const sk_expression *expression,
                                const char **failure)
{
    const char *text = expression->text;

    *failure = NULL;
    if (!text) {
        text = ap_expr_str_exec(r, expression->parsed, failure);
    }
    return !*failure && text && *text ? text : NULL;
}
