/*
 * The parser of expressions: C's precedence, by recursion that is bounded.
 */
#include "spec/table/expression_parser.h"
#include "spec/table/lexer.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MOST = 32 };

static int parse_sum(struct expression_parser *parser, struct expression **result);

/* Decimal or 0x; a leading 0 would be octal in C and something else to most readers. */
static int parse_number(struct expression_parser *parser, struct expression **result)
{
    const struct token *token = &parser->lexer.token;
    bool is_hex = token->size > 2 && token->start[0] == '0' && (token->start[1] | 0x20) == 'x';
    long long number;
    char *end;

    if (token->size > 1 && token->start[0] == '0' && !is_hex)
        return lexer_fault(&parser->lexer, "\"%.*s\" is no number: write it in decimal or with 0x", TOKEN_TEXT(token));
    errno = 0;
    number = strtoll(token->start, &end, is_hex ? 16 : 10);
    if (errno)
        return lexer_fault(&parser->lexer, "%.*s is larger than 2^63 - 1", TOKEN_TEXT(token));
    if (end != token->start + token->size)
        return lexer_fault(&parser->lexer, "\"%.*s\" is no number: write it in decimal or with 0x", TOKEN_TEXT(token));
    lexer_next(&parser->lexer);
    return expression_create_number(parser, number, result);
}

static int create_operation(struct expression_parser *parser, enum operation operation, struct expression *left,
                            struct expression *right, struct expression **result)
{
    int64_t a, b, value;
    int status;

    if (!expression_is_constant(left, &a) || !expression_is_constant(right, &b)) {
        status = expression_create(parser, operation, result);
        if (status == 0) {
            (*result)->left = left;
            (*result)->right = right;
        }
        return status;
    }

    status = expression_apply(operation, a, b, &value);
    if (status == -EDOM)
        return lexer_fault(&parser->lexer, "a division by zero, or a shift by more than the number has bits");
    if (status < 0)
        return lexer_fault(&parser->lexer, "the constants give a number beyond 64 bits");
    return expression_create_number(parser, value, result);
}

static int parse_parentheses(struct expression_parser *parser, struct expression **result)
{
    int status = parse_sum(parser, result);

    if (status < 0)
        return status;
    if (!lexer_take(&parser->lexer, ")"))
        return lexer_fault(&parser->lexer, "a ')' was expected");
    return 0;
}

static int parse_negative(struct expression_parser *parser, struct expression **result);

static int parse_value(struct expression_parser *parser, struct expression **result)
{
    struct lexer *lexer = &parser->lexer;

    if (lexer_take(lexer, "("))
        return parse_parentheses(parser, result);
    if (lexer_take(lexer, "-"))
        return parse_negative(parser, result);
    if (token_is(&lexer->token, "*"))
        return expression_parse_pointee(parser, result);
    if (lexer->token.kind == TOKEN_NUMBER)
        return parse_number(parser, result);
    if (lexer->token.kind == TOKEN_WORD)
        return expression_parse_name(parser, result);
    return lexer_fault(lexer, "a number or a name was expected");
}

static int parse_nested_value(struct expression_parser *parser, struct expression **result)
{
    int status;

    if (parser->nesting == NESTING_MOST)
        return lexer_fault(&parser->lexer, "more than %d levels of parentheses", NESTING_MOST);
    parser->nesting++;
    status = parse_value(parser, result);
    parser->nesting--;
    return status;
}

static int parse_negative(struct expression_parser *parser, struct expression **result)
{
    struct expression *zero = NULL, *value = NULL;
    int status = expression_create_number(parser, 0, &zero);

    if (status == 0)
        status = parse_nested_value(parser, &value);
    if (status < 0)
        return status;
    return create_operation(parser, OPERATION_SUBTRACT, zero, value, result);
}

struct operator_sign {
    const char *sign;
    enum operation operation;
};

/* From the tightest to the loosest. */
static const struct operator_sign operators[][3] = {
    {{"*", OPERATION_MULTIPLY}, {"/", OPERATION_DIVIDE}, {"%", OPERATION_REMAINDER}},
    {{"+", OPERATION_ADD}, {"-", OPERATION_SUBTRACT}},
    {{"<<", OPERATION_SHIFT_LEFT}, {">>", OPERATION_SHIFT_RIGHT}},
};

static const struct operator_sign *take_operator(struct lexer *lexer, size_t level)
{
    for (size_t i = 0; i < COUNT_OF(operators[level]); i++) {
        const struct operator_sign *candidate = &operators[level][i];

        if (candidate->sign && lexer_take(lexer, candidate->sign))
            return candidate;
    }
    return NULL;
}

/* One level of precedence: values of the tighter level, joined from left to right. */
static int parse_level(struct expression_parser *parser, size_t level, struct expression **result)
{
    const struct operator_sign *sign;
    struct expression *right;
    int status;

    if (level == 0)
        status = parse_nested_value(parser, result);
    else
        status = parse_level(parser, level - 1, result);

    while (status == 0 && (sign = take_operator(&parser->lexer, level)) != NULL) {
        if (level == 0)
            status = parse_nested_value(parser, &right);
        else
            status = parse_level(parser, level - 1, &right);
        if (status == 0)
            status = create_operation(parser, sign->operation, *result, right, result);
    }
    return status;
}

static int parse_sum(struct expression_parser *parser, struct expression **result)
{
    return parse_level(parser, COUNT_OF(operators) - 1, result);
}

int expression_parse(struct reading *reading, const char *what, const char *text, const struct expression_names *names,
                     struct expression **expression)
{
    static const struct expression_names nothing;
    struct expression_parser parser = {.names = names ? names : &nothing};
    int status;

    lexer_start(&parser.lexer, reading, what, text);
    status = parse_sum(&parser, expression);
    if (status < 0)
        return status;
    if (parser.lexer.token.kind != TOKEN_END)
        return lexer_fault(&parser.lexer, "an operator was expected: + - * / %% << >>");
    (*expression)->text = text;
    return 0;
}

int expression_read(struct reading *reading, const char *what, const cJSON *json, const struct expression_names *names,
                    struct expression **expression)
{
    char number[32];
    char *text;
    int64_t value;

    if (cJSON_IsString(json)) {
        text = reading_copy(reading, json->valuestring, strlen(json->valuestring));
    } else if (reading_is_integer(json, &value)) {
        snprintf(number, sizeof(number), "%" PRId64, value);
        text = reading_copy(reading, number, strlen(number));
    } else {
        return reading_fault(
            reading, "\"%s\" must be a whole number or an expression in quotes (numbers from 2^53 on too)", what);
    }
    return text ? expression_parse(reading, what, text, names, expression) : -ENOMEM;
}

static int require_constant(struct reading *reading, const char *what, const struct expression *expression,
                            int64_t *value)
{
    if (!expression_is_constant(expression, value))
        return reading_fault(reading, "\"%s\" must be a constant", what);
    return 0;
}

int expression_read_constant(struct reading *reading, const char *what, const cJSON *json, int64_t *value)
{
    struct expression *expression = NULL;
    int status = expression_read(reading, what, json, NULL, &expression);

    return status < 0 ? status : require_constant(reading, what, expression, value);
}

int expression_parse_constant(struct reading *reading, const char *what, const char *text, int64_t *value)
{
    struct expression *expression = NULL;
    int status = expression_parse(reading, what, text, NULL, &expression);

    return status < 0 ? status : require_constant(reading, what, expression, value);
}
