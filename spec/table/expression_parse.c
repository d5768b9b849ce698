/*
 * The parser of expressions: C's precedence, by recursion.
 *
 * What a name may stand for is decided here, so that a size that cannot be evaluated never gets into a table: whether
 * the parameter is an integer, or a pointer to one that is followed with '*'.
 */
#include "spec/table/declaration.h"
#include "spec/table/expression_tree.h"
#include "spec/table/lexer.h"
#include "spec/table/reading.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MOST = 32 };

struct expression_parser {
    struct lexer lexer;
    const struct expression_names *names;
    size_t node_count;
    unsigned nesting;
};

static int parse_sum(struct expression_parser *parser, struct expression **result);

static int create_node(struct expression_parser *parser, enum operation operation, struct expression **result)
{
    if (parser->node_count++ == EXPRESSION_NODES_MOST)
        return lexer_fault(&parser->lexer, "more than %d numbers and signs", EXPRESSION_NODES_MOST);
    *result = reading_take(parser->lexer.reading, 1, sizeof(**result));
    if (!*result)
        return -ENOMEM;
    (*result)->operation = operation;
    return 0;
}

static int create_number(struct expression_parser *parser, int64_t number, struct expression **result)
{
    int status = create_node(parser, OPERATION_NUMBER, result);

    if (status == 0)
        (*result)->number = number;
    return status;
}

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
    return create_number(parser, number, result);
}

static int parse_sizeof(struct expression_parser *parser, struct expression **result)
{
    struct lexer *lexer = &parser->lexer;
    struct declaration declaration;
    const struct type *type = NULL;
    const char *start, *end;
    char *text;
    int status;

    lexer_next(lexer);
    if (!token_is(&lexer->token, "("))
        return lexer_fault(lexer, "'(' and a type were expected after sizeof");
    start = lexer->token.start + 1;
    end = start + strcspn(start, "()");
    if (*end != ')')
        return lexer_fault(lexer, "a ')' is missing after the type");
    text = reading_copy(lexer->reading, start, (size_t)(end - start));
    if (!text)
        return -ENOMEM;

    status = declaration_type(lexer->reading, text, &declaration);
    if (status == 0)
        status = types_resolve(lexer->reading, &declaration, TYPE_PLACE_SIZEOF, &type);
    if (status < 0)
        return status;
    lexer_jump(lexer, end + 1);
    return create_number(parser, (int64_t)type->size, result);
}

/* Bool, integer or enum, of at most 8 bytes. */
static bool is_countable(const struct type *type)
{
    return type_is_scalar(type) && type->kind != TYPE_FLOATING && type->size <= sizeof(int64_t);
}

static int create_variable(struct expression_parser *parser, enum operation operation, const struct type *type,
                           struct expression **result)
{
    int status = create_node(parser, operation, result);

    if (status < 0)
        return status;
    (*result)->size = type->size;
    (*result)->is_signed = type_is_signed(type);
    lexer_next(&parser->lexer);
    return 0;
}

/* "message->size", "message.size" */
static bool is_member_access(const struct token *token)
{
    const char *after = token->start + token->size;

    after += strspn(after, " ");
    return *after == '.' || strncmp(after, "->", 2) == 0;
}

static int parse_argument(struct expression_parser *parser, size_t index, struct expression **result)
{
    const struct parameter *parameter = &parser->names->parameters[index];
    int status;

    if (is_member_access(&parser->lexer.token))
        return lexer_fault(&parser->lexer, "members of a parameter cannot be used in a size yet");
    if (parameter->type->kind == TYPE_POINTER && is_countable(parameter->type->target))
        return lexer_fault(&parser->lexer, "%s is a pointer; write *%s for the number behind it", parameter->name,
                           parameter->name);
    if (!is_countable(parameter->type))
        return lexer_fault(&parser->lexer, "%s is not an integer but %s", parameter->name, parameter->type->name);
    status = create_variable(parser, OPERATION_ARGUMENT, parameter->type, result);
    if (status == 0)
        (*result)->index = index;
    return status;
}

static int parse_field(struct expression_parser *parser, size_t index, struct expression **result)
{
    const struct field *field = &parser->names->fields[index];
    int status;

    if (!is_countable(field->type))
        return lexer_fault(&parser->lexer, "%s is not an integer but %s", field->name, field->type->name);
    status = create_variable(parser, OPERATION_FIELD, field->type, result);
    if (status == 0) {
        (*result)->index = index;
        (*result)->offset = field->offset;
    }
    return status;
}

static bool find_parameter(const struct expression_names *names, const struct token *token, size_t *index)
{
    for (*index = 0; *index < names->parameter_count; ++*index) {
        const char *name = names->parameters[*index].name;

        if (name && token_is(token, name))
            return true;
    }
    return false;
}

static bool find_field(const struct expression_names *names, const struct token *token, size_t *index)
{
    for (*index = 0; *index < names->field_count; ++*index) {
        if (names->fields[*index].name && token_is(token, names->fields[*index].name))
            return true;
    }
    return false;
}

static bool find_constant(const struct expression_parser *parser, int64_t *value)
{
    const struct token *token = &parser->lexer.token;
    char *name = strndup(token->start, token->size);
    bool found = name && types_find_constant(parser->lexer.reading->types, name, value);

    free(name);
    return found;
}

/* "the parameters are: dest, destLen"; at most a dozen are named. */
static void list_names(const struct expression_names *names, struct text *text)
{
    size_t count = names->parameter_count + names->field_count;

    if (!count)
        return;
    text_format(text, "; the %s are:", names->fields ? "members" : "parameters");
    for (size_t i = 0; i < count && i < 12; i++) {
        const char *name = names->fields ? names->fields[i].name : names->parameters[i].name;

        text_format(text, "%s %.60s", i ? "," : "", name ? name : "(without a name)");
    }
}

static int fault_unknown(struct expression_parser *parser)
{
    const char *kind = parser->names->fields ? "member or constant" : "parameter or constant";
    AUTO_TEXT struct text list = {0};

    if (!parser->names->fields && !parser->names->parameters)
        kind = "constant";
    list_names(parser->names, &list);
    return lexer_fault(&parser->lexer, "no %s is called \"%.*s\"%s", kind, TOKEN_TEXT(&parser->lexer.token),
                       list.data ? list.data : "");
}

static int parse_name(struct expression_parser *parser, struct expression **result)
{
    const struct token *token = &parser->lexer.token;
    int64_t value;
    size_t index;

    if (token_is(token, "sizeof"))
        return parse_sizeof(parser, result);
    if (find_parameter(parser->names, token, &index))
        return parse_argument(parser, index, result);
    if (find_field(parser->names, token, &index))
        return parse_field(parser, index, result);
    if (!find_constant(parser, &value))
        return fault_unknown(parser);
    lexer_next(&parser->lexer);
    return create_number(parser, value, result);
}

/* "*destLen".  Only parameters can be followed: inside a struct every value is beside its size. */
static int parse_pointee(struct expression_parser *parser, struct expression **result)
{
    struct lexer *lexer = &parser->lexer;
    const struct parameter *parameter;
    size_t index;
    int status;

    lexer_next(lexer);
    if (lexer->token.kind != TOKEN_WORD)
        return lexer_fault(lexer, "the name of a parameter was expected after '*'");
    if (find_field(parser->names, &lexer->token, &index))
        return lexer_fault(lexer, "a member that is a pointer cannot be followed in a size; it can be a parameter");
    if (!find_parameter(parser->names, &lexer->token, &index))
        return fault_unknown(parser);

    parameter = &parser->names->parameters[index];
    if (parameter->type->kind != TYPE_POINTER)
        return lexer_fault(lexer, "%s is no pointer; write %s without '*'", parameter->name, parameter->name);
    if (!is_countable(parameter->type->target))
        return lexer_fault(lexer, "*%s is not an integer but %s", parameter->name, parameter->type->target->name);
    status = create_variable(parser, OPERATION_POINTEE, parameter->type->target, result);
    if (status == 0)
        (*result)->index = index;
    return status;
}

static int create_operation(struct expression_parser *parser, enum operation operation, struct expression *left,
                            struct expression *right, struct expression **result)
{
    int64_t a, b, value;
    int status;

    if (!expression_is_constant(left, &a) || !expression_is_constant(right, &b)) {
        status = create_node(parser, operation, result);
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
    return create_number(parser, value, result);
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
        return parse_pointee(parser, result);
    if (lexer->token.kind == TOKEN_NUMBER)
        return parse_number(parser, result);
    if (lexer->token.kind == TOKEN_WORD)
        return parse_name(parser, result);
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
    int status = create_number(parser, 0, &zero);

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
        const struct operator_sign *operator= & operators[level][i];

        if (operator->sign && lexer_take(lexer, operator->sign))
            return operator;
    }
    return NULL;
}

/* One level of precedence: values of the tighter level, joined from left to right. */
static int parse_level(struct expression_parser *parser, size_t level, struct expression **result)
{
    const struct operator_sign *operator;
    struct expression *right;
    int status;

    if (level == 0)
        status = parse_nested_value(parser, result);
    else
        status = parse_level(parser, level - 1, result);

    while (status == 0 && (operator= take_operator(&parser->lexer, level)) != NULL) {
        if (level == 0)
            status = parse_nested_value(parser, &right);
        else
            status = parse_level(parser, level - 1, &right);
        if (status == 0)
            status = create_operation(parser, operator->operation, *result, right, result);
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
    struct expression *expression;
    int status = expression_read(reading, what, json, NULL, &expression);

    return status < 0 ? status : require_constant(reading, what, expression, value);
}

int expression_parse_constant(struct reading *reading, const char *what, const char *text, int64_t *value)
{
    struct expression *expression;
    int status = expression_parse(reading, what, text, NULL, &expression);

    return status < 0 ? status : require_constant(reading, what, expression, value);
}
