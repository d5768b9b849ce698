/*
 * Names in expressions.
 *
 * What a name may stand for is decided here, so that a size that cannot be evaluated never gets into a table: whether
 * the parameter is an integer, or a pointer to one that is followed with '*'.
 */
#include "spec/table/declaration.h"
#include "spec/table/expression_parser.h"
#include "spec/table/reading.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int expression_create(struct expression_parser *parser, enum operation operation, struct expression **result)
{
    if (parser->node_count++ == EXPRESSION_NODES_MOST)
        return lexer_fault(&parser->lexer, "more than %d numbers and signs", EXPRESSION_NODES_MOST);
    *result = reading_take(parser->lexer.reading, 1, sizeof(**result));
    if (!*result)
        return -ENOMEM;
    (*result)->operation = operation;
    return 0;
}

int expression_create_number(struct expression_parser *parser, int64_t number, struct expression **result)
{
    int status = expression_create(parser, OPERATION_NUMBER, result);

    if (status == 0)
        (*result)->number = number;
    return status;
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
    if (status != 0)
        return status;
    lexer_jump(lexer, end + 1);
    return expression_create_number(parser, (int64_t)type->size, result);
}

/* Bool, integer or enum, of at most 8 bytes. */
static bool is_countable(const struct type *type)
{
    return type_is_scalar(type) && type->kind != TYPE_FLOATING && type->size <= sizeof(int64_t);
}

static int create_variable(struct expression_parser *parser, enum operation operation, const struct type *type,
                           struct expression **result)
{
    int status = expression_create(parser, operation, result);

    if (status < 0)
        return status;
    (*result)->type = type;
    lexer_next(&parser->lexer);
    return 0;
}

/* What stands behind the "->" or the "." of "message->size"; NULL: neither does. */
static const char *find_member(const struct token *token, bool *is_pointer)
{
    const char *after = token->start + token->size;

    after += strspn(after, " ");
    *is_pointer = strncmp(after, "->", 2) == 0;
    if (*is_pointer || *after == '.')
        return after + 1 + *is_pointer;
    return NULL;
}

static const struct field *find_field_of(const struct type *type, const struct token *token)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (token_is(token, type->fields[i].name))
            return &type->fields[i];
    return NULL;
}

static int fault_no_field(struct expression_parser *parser, const struct type *type)
{
    AUTO_TEXT struct text list = {0};

    for (size_t i = 0; i < type->field_count && i < 12; i++)
        text_format(&list, "%s %.60s", i ? "," : "", type->fields[i].name);
    return lexer_fault(&parser->lexer, "no member of %s is called \"%.*s\"; the members are:%s", type->name,
                       TOKEN_TEXT(&parser->lexer.token), list.data ? list.data : "");
}

/* "message->size", of the parameter with this index; the lexer stands at its name. */
static int parse_member(struct expression_parser *parser, size_t index, const char *member, bool is_pointer,
                        struct expression **result)
{
    const struct parameter *parameter = &parser->names->parameters[index];
    const struct type *type = parameter->type;
    const struct field *field;
    int status;

    if (is_pointer != (type->kind == TYPE_POINTER))
        return lexer_fault(&parser->lexer, "%s is %s pointer; write '%s'", parameter->name, is_pointer ? "no" : "a",
                           is_pointer ? "." : "->");
    if (is_pointer)
        type = type->target;
    if (type->kind != TYPE_STRUCT)
        return lexer_fault(&parser->lexer, "%s is no struct but %s", parameter->name, type->name);
    lexer_jump(&parser->lexer, member);
    field = find_field_of(type, &parser->lexer.token);
    if (!field)
        return fault_no_field(parser, type);
    if (!is_countable(field->type))
        return lexer_fault(&parser->lexer, "%s is not an integer but %s", field->name, field->type->name);
    status = create_variable(parser, is_pointer ? OPERATION_BEHIND : OPERATION_MEMBER, field->type, result);
    if (status < 0)
        return status;
    (*result)->index = index;
    (*result)->field = (size_t)(field - type->fields);
    (*result)->offset = field->offset;
    return 0;
}

static int parse_argument(struct expression_parser *parser, size_t index, struct expression **result)
{
    const struct parameter *parameter = &parser->names->parameters[index];
    bool is_pointer;
    const char *member = find_member(&parser->lexer.token, &is_pointer);
    int status;

    if (member)
        return parse_member(parser, index, member, is_pointer, result);
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

/* A size that is known after the call only; row_order.c sees to that. */
static int parse_result(struct expression_parser *parser, struct expression **result)
{
    const struct parameter *returned = parser->names->result;

    if (!returned)
        return lexer_fault(&parser->lexer, "\"return\" can stand in the sizes of a row only");
    if (!is_countable(returned->type))
        return lexer_fault(&parser->lexer, "the function returns no integer but %s", returned->type->name);
    return create_variable(parser, OPERATION_RESULT, returned->type, result);
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

/* In a row the sizes of a struct's members may name both. */
static int fault_ambiguous(struct expression_parser *parser)
{
    return lexer_fault(&parser->lexer,
                       "\"%.*s\" is a member and a parameter as well; give the parameter another name in the prototype",
                       TOKEN_TEXT(&parser->lexer.token));
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
    for (size_t i = 0; i < names->field_count && i < 12; i++)
        text_format(text, "%s %.60s", i ? "," : "; the members are:", names->fields[i].name);
    for (size_t i = 0; i < names->parameter_count && i < 12; i++) {
        const char *name = names->parameters[i].name;

        text_format(text, "%s %.60s", i ? "," : "; the parameters are:", name ? name : "(without a name)");
    }
}

static int fault_unknown(struct expression_parser *parser)
{
    static const char *const kinds[2][2] = {{"constant", "parameter or constant"},
                                            {"member or constant", "member, parameter or constant"}};
    const char *kind = kinds[parser->names->fields != NULL][parser->names->parameters != NULL];
    AUTO_TEXT struct text list = {0};

    list_names(parser->names, &list);
    return lexer_fault(&parser->lexer, "no %s is called \"%.*s\"%s", kind, TOKEN_TEXT(&parser->lexer.token),
                       list.data ? list.data : "");
}

int expression_parse_name(struct expression_parser *parser, struct expression **result)
{
    const struct token *token = &parser->lexer.token;
    bool is_parameter, is_field;
    size_t parameter, field;
    int64_t value;

    if (token_is(token, "sizeof"))
        return parse_sizeof(parser, result);
    if (token_is(token, "return"))
        return parse_result(parser, result);
    is_parameter = find_parameter(parser->names, token, &parameter);
    is_field = find_field(parser->names, token, &field);
    if (is_parameter && is_field)
        return fault_ambiguous(parser);
    if (is_parameter)
        return parse_argument(parser, parameter, result);
    if (is_field)
        return parse_field(parser, field, result);
    if (!find_constant(parser, &value))
        return fault_unknown(parser);
    lexer_next(&parser->lexer);
    return expression_create_number(parser, value, result);
}

/* "*destLen".  Only parameters can be followed: inside a struct every value is beside its size. */
int expression_parse_pointee(struct expression_parser *parser, struct expression **result)
{
    struct lexer *lexer = &parser->lexer;
    const struct parameter *parameter;
    bool is_parameter;
    size_t index, field;
    int status;

    lexer_next(lexer);
    if (lexer->token.kind != TOKEN_WORD)
        return lexer_fault(lexer, "the name of a parameter was expected after '*'");
    is_parameter = find_parameter(parser->names, &lexer->token, &index);
    if (find_field(parser->names, &lexer->token, &field))
        return is_parameter ? fault_ambiguous(parser)
                            : lexer_fault(lexer, "a member that is a pointer cannot be followed in a size; it can be a "
                                                 "parameter");
    if (!is_parameter)
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
