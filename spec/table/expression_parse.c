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

/* Where nothing is ever computed, what cannot be is any number. */
static int fault_constants(struct expression_parser *parser, int error, struct expression **result)
{
    if (parser->unused)
        return expression_create_number(parser, 0, result);
    if (error == -EDOM)
        return lexer_fault(&parser->lexer, "a division by zero, or a shift by more than the number has bits");
    return lexer_fault(&parser->lexer, "the constants give a number beyond 64 bits");
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
    return status < 0 ? fault_constants(parser, status, result) : expression_create_number(parser, value, result);
}

/* ---- one value ---- */

static int parse_whole(struct expression_parser *parser, struct expression **result);

static int parse_parentheses(struct expression_parser *parser, struct expression **result)
{
    int status = parse_whole(parser, result);

    if (status < 0)
        return status;
    if (!lexer_take(&parser->lexer, ")"))
        return lexer_fault(&parser->lexer, "a ')' was expected");
    return 0;
}

static int parse_nested(struct expression_parser *parser,
                        int (*parse)(struct expression_parser *parser, struct expression **result),
                        struct expression **result)
{
    int status;

    if (parser->nesting == NESTING_MOST)
        return lexer_fault(&parser->lexer, "more than %d levels of parentheses and ?:", NESTING_MOST);
    parser->nesting++;
    status = parse(parser, result);
    parser->nesting--;
    return status;
}

static int parse_value(struct expression_parser *parser, struct expression **result);

/* -x, !x and ~x are 0-x, x==0 and x^-1. */
static int parse_unary(struct expression_parser *parser, enum operation operation, int64_t number,
                       struct expression **result)
{
    struct expression *constant = NULL, *value = NULL;
    int status = expression_create_number(parser, number, &constant);

    if (status == 0)
        status = parse_nested(parser, parse_value, &value);
    if (status < 0)
        return status;
    if (operation == OPERATION_SUBTRACT)
        return create_operation(parser, operation, constant, value, result);
    return create_operation(parser, operation, value, constant, result);
}

static int parse_value(struct expression_parser *parser, struct expression **result)
{
    struct lexer *lexer = &parser->lexer;

    if (lexer_take(lexer, "("))
        return parse_parentheses(parser, result);
    if (lexer_take(lexer, "-"))
        return parse_unary(parser, OPERATION_SUBTRACT, 0, result);
    if (lexer_take(lexer, "!"))
        return parse_unary(parser, OPERATION_EQUAL, 0, result);
    if (lexer_take(lexer, "~"))
        return parse_unary(parser, OPERATION_BITS_XOR, -1, result);
    if (token_is(&lexer->token, "*"))
        return expression_parse_pointee(parser, result);
    if (lexer->token.kind == TOKEN_NUMBER)
        return parse_number(parser, result);
    if (lexer->token.kind == TOKEN_WORD)
        return expression_parse_name(parser, result);
    return lexer_fault(lexer, "a number or a name was expected");
}

/* ---- operators ---- */

struct operator_sign {
    const char *sign;
    enum operation operation;
    unsigned strength; /* the larger binds first */
};

/* From the tightest to the loosest. */
static const struct operator_sign operators[] = {
    {"*", OPERATION_MULTIPLY, 10},    {"/", OPERATION_DIVIDE, 10},        {"%", OPERATION_REMAINDER, 10},
    {"+", OPERATION_ADD, 9},          {"-", OPERATION_SUBTRACT, 9},       {"<<", OPERATION_SHIFT_LEFT, 8},
    {">>", OPERATION_SHIFT_RIGHT, 8}, {"<", OPERATION_LESS, 7},           {"<=", OPERATION_LESS_EQUAL, 7},
    {">", OPERATION_GREATER, 7},      {">=", OPERATION_GREATER_EQUAL, 7}, {"==", OPERATION_EQUAL, 6},
    {"!=", OPERATION_NOT_EQUAL, 6},   {"&", OPERATION_BITS_AND, 5},       {"^", OPERATION_BITS_XOR, 4},
    {"|", OPERATION_BITS_OR, 3},      {"&&", OPERATION_AND, 2},           {"||", OPERATION_OR, 1},
};

static const struct operator_sign *take_operator(struct lexer *lexer, unsigned strength)
{
    for (size_t i = 0; i < COUNT_OF(operators) && operators[i].strength >= strength; i++)
        if (lexer_take(lexer, operators[i].sign))
            return &operators[i];
    return NULL;
}

static int parse_operations(struct expression_parser *parser, unsigned strength, struct expression **result);

/* The right side of an operator, and both sides joined.  A constant before && or || may have decided already. */
static int parse_right(struct expression_parser *parser, const struct operator_sign *sign, struct expression **result)
{
    struct expression *right = NULL;
    bool is_or = sign->operation == OPERATION_OR, is_decided = false;
    int64_t left;
    int status;

    if ((is_or || sign->operation == OPERATION_AND) && expression_is_constant(*result, &left))
        is_decided = (left != 0) == is_or;
    parser->unused += is_decided;
    status = parse_operations(parser, sign->strength + 1, &right);
    parser->unused -= is_decided;
    if (status < 0)
        return status;
    return is_decided ? expression_create_number(parser, is_or, result)
                      : create_operation(parser, sign->operation, *result, right, result);
}

/* Values joined, from left to right, by operators of at least this strength. */
static int parse_operations(struct expression_parser *parser, unsigned strength, struct expression **result)
{
    const struct operator_sign *sign;
    int status = parse_nested(parser, parse_value, result);

    while (status == 0 && (sign = take_operator(&parser->lexer, strength)) != NULL)
        status = parse_right(parser, sign, result);
    return status;
}

/* ---- ?: ---- */

static int parse_branch(struct expression_parser *parser, bool is_unused, struct expression **result)
{
    int status;

    parser->unused += is_unused;
    status = parse_nested(parser, parse_whole, result);
    parser->unused -= is_unused;
    return status;
}

/* What follows the '?'. */
static int parse_choice(struct expression_parser *parser, struct expression **result)
{
    struct expression *condition = *result, *left = NULL, *right = NULL;
    int64_t value;
    bool is_known = expression_is_constant(condition, &value);
    int status = parse_branch(parser, is_known && !value, &left);

    if (status == 0 && !lexer_take(&parser->lexer, ":"))
        return lexer_fault(&parser->lexer, "a ':' was expected: CONDITION ? SIZE : OTHER_SIZE");
    if (status == 0)
        status = parse_branch(parser, is_known && value, &right);
    if (status < 0)
        return status;
    if (is_known) {
        *result = value ? left : right;
        return 0;
    }
    status = expression_create(parser, OPERATION_CHOOSE, result);
    if (status == 0) {
        (*result)->condition = condition;
        (*result)->left = left;
        (*result)->right = right;
    }
    return status;
}

static int parse_whole(struct expression_parser *parser, struct expression **result)
{
    int status = parse_operations(parser, 1, result);

    if (status == 0 && lexer_take(&parser->lexer, "?"))
        status = parse_choice(parser, result);
    return status;
}

/* ---- from a spec file ---- */

int expression_parse(struct reading *reading, const char *what, const char *text, const struct expression_names *names,
                     struct expression **expression)
{
    static const struct expression_names nothing;
    struct expression_parser parser = {.names = names ? names : &nothing};
    int status;

    lexer_start(&parser.lexer, reading, what, text);
    status = parse_whole(&parser, expression);
    if (status < 0 || *expression == NULL)
        return status;
    if (parser.lexer.token.kind != TOKEN_END)
        return lexer_fault(&parser.lexer, "an operator was expected: + - * / %% << >> < <= > >= == != & ^ | && || ?:");
    (*expression)->text = text;
    return 0;
}

int expression_read(struct reading *reading, const char *what, const cJSON *json, const struct expression_names *names,
                    struct expression **expression)
{
    char number[32];
    char *text;
    int64_t value;
    const cJSON *before = reading_item(reading, json);
    int status;

    if (cJSON_IsString(json)) {
        text = reading_copy(reading, json->valuestring, strlen(json->valuestring));
    } else if (reading_is_integer(json, &value)) {
        snprintf(number, sizeof(number), "%" PRId64, value);
        text = reading_copy(reading, number, strlen(number));
    } else {
        return reading_fault(
            reading, "\"%s\" must be a whole number or an expression in quotes (numbers from 2^53 on too)", what);
    }
    status = text ? expression_parse(reading, what, text, names, expression) : -ENOMEM;
    if (status == 0)
        (void)reading_item(reading, before);
    return status;
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

    if (status == 0) {
        const cJSON *before = reading_item(reading, json);

        status = require_constant(reading, what, expression, value);
        if (status == 0)
            (void)reading_item(reading, before);
    }
    return status;
}

int expression_parse_constant(struct reading *reading, const char *what, const char *text, int64_t *value)
{
    struct expression *expression = NULL;
    int status = expression_parse(reading, what, text, NULL, &expression);

    return status < 0 ? status : require_constant(reading, what, expression, value);
}
