/*
 * The parser of C declarations: a cursor over one text, one word ahead.
 *
 * Whatever C has and the tables do not (callbacks, varargs, unions) is recognised so that the message can
 * say so instead of complaining about a bracket.
 */
#include "spec/table/declaration.h"

#include "spec/table/declaration_base.h"
#include "spec/table/lexer.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <string.h>

enum { PARAMETERS_MOST = TABLE_PARAMETERS_MOST, MEMBERS_MOST = 1024 };

static int parse_pointers(struct lexer *lexer, struct declaration *declaration)
{
    while (lexer_take(lexer, "*")) {
        if (declaration->pointer_count == DECLARATION_POINTERS_MOST)
            return lexer_fault(lexer, "more than %d stars are not there yet", DECLARATION_POINTERS_MOST);
        declaration->pointer_count++;
        for (;;) {
            if (lexer_take(lexer, "const"))
                declaration->pointer_is_const[declaration->pointer_count - 1] = true;
            else if (!declaration_skip_idle(lexer))
                break;
        }
    }
    return 0;
}

static int parse_arrays(struct lexer *lexer, struct declaration *declaration)
{
    while (token_is(&lexer->token, "[")) {
        const char *start = lexer->token.start + 1;
        const char *end = start + strcspn(start, "[]");

        if (*end != ']')
            return lexer_fault(lexer, "a ']' is missing");
        if (declaration->array_count == DECLARATION_ARRAYS_MOST)
            return lexer_fault(lexer, "more than %d dimensions are not there yet", DECLARATION_ARRAYS_MOST);
        start += strspn(start, " \t\r\n");
        declaration->arrays[declaration->array_count] = reading_copy(lexer->reading, start, (size_t)(end - start));
        if (!declaration->arrays[declaration->array_count++])
            return -ENOMEM;
        lexer_jump(lexer, end + 1);
    }
    return 0;
}

/* Stars, a name or none, brackets: what follows the base. */
static int parse_declarator(struct lexer *lexer, struct declaration *declaration)
{
    int status = parse_pointers(lexer, declaration);

    if (status < 0)
        return status;
    if (token_is(&lexer->token, "(") && lexer->token.start[1 + strspn(lexer->token.start + 1, " ")] == '*')
        return lexer_fault(lexer, "callbacks (pointers to functions) are not there yet");
    if (lexer->token.kind == TOKEN_WORD && declaration_is_keyword(&lexer->token))
        return lexer_fault(lexer, "\"%.*s\" cannot stand after \"%s\"; leave out macros such as EXPORT",
                           TOKEN_TEXT(&lexer->token), declaration->type);
    if (lexer->token.kind == TOKEN_WORD) {
        declaration->name = reading_copy(lexer->reading, lexer->token.start, lexer->token.size);
        if (!declaration->name)
            return -ENOMEM;
        lexer_next(lexer);
    }
    if (lexer->token.kind == TOKEN_WORD && declaration->name)
        return lexer_fault(lexer,
                           "two names, \"%s\" and \"%.*s\"; leave out macros such as EXPORT, and separate by ','",
                           declaration->name, TOKEN_TEXT(&lexer->token));
    return parse_arrays(lexer, declaration);
}

static int parse_declaration(struct lexer *lexer, struct declaration *declaration)
{
    int status = declaration_base(lexer, declaration);

    if (status < 0)
        return status;
    return parse_declarator(lexer, declaration);
}

static int parse_end(struct lexer *lexer)
{
    lexer_take(lexer, ";");
    if (lexer->token.kind != TOKEN_END)
        return lexer_fault(lexer, "\"%.*s\" was not expected", TOKEN_TEXT(&lexer->token));
    return 0;
}

static int parse_parameter(struct lexer *lexer, struct declaration *parameter)
{
    int status;

    if (token_is(&lexer->token, "..."))
        return lexer_fault(lexer, "functions with \"...\" are not there yet");
    status = parse_declaration(lexer, parameter);
    if (status < 0)
        return status;
    if (token_is(&lexer->token, "("))
        return lexer_fault(lexer, "callbacks (functions as parameters) are not there yet");
    return 0;
}

static bool is_void(const struct declaration *declaration)
{
    return strcmp(declaration->type, "void") == 0 && !declaration->pointer_count && !declaration->name &&
           !declaration->array_count;
}

static int parse_parameters(struct lexer *lexer, struct prototype *prototype)
{
    if (token_is(&lexer->token, ")"))
        return lexer_fault(lexer, "\"()\" leaves the parameters open; write \"(void)\" when there are none");

    do {
        int status;

        if (prototype->parameter_count == PARAMETERS_MOST)
            return lexer_fault(lexer, "more than %d parameters are not there yet", PARAMETERS_MOST);
        status = parse_parameter(lexer, &prototype->parameters[prototype->parameter_count++]);
        if (status < 0)
            return status;
    } while (lexer_take(lexer, ","));

    if (!token_is(&lexer->token, ")"))
        return lexer_fault(lexer, "',' or ')' was expected");
    lexer_next(lexer);
    if (prototype->parameter_count == 1 && is_void(&prototype->parameters[0]))
        prototype->parameter_count = 0;
    return 0;
}

int declaration_prototype(struct reading *reading, const char *text, struct prototype *prototype)
{
    struct declaration parameters[PARAMETERS_MOST] = {0};
    struct lexer lexer;
    int status;

    *prototype = (struct prototype){.parameters = parameters};
    lexer_start(&lexer, reading, "prototype", text);
    status = parse_declaration(&lexer, &prototype->result);
    if (status < 0)
        return status;
    if (!prototype->result.name)
        return lexer_fault(&lexer, "the name of the function is missing");
    reading_name(reading, "function", prototype->result.name);
    if (prototype->result.array_count || !lexer_take(&lexer, "("))
        return lexer_fault(&lexer, "the parameters of %s are missing: '(' was expected", prototype->result.name);
    status = parse_parameters(&lexer, prototype);
    if (status == 0)
        status = parse_end(&lexer);
    if (status < 0)
        return status;

    prototype->parameters = reading_take(reading, prototype->parameter_count, sizeof(parameters[0]));
    if (!prototype->parameters)
        return -ENOMEM;
    memcpy(prototype->parameters, parameters, prototype->parameter_count * sizeof(parameters[0]));
    return 0;
}

/* At most this many declarators stand in the text: each ends in ',' or ';'. */
static size_t count_ends(const char *text)
{
    size_t count = 1;

    for (; *text; text++)
        count += *text == ',' || *text == ';';
    return count < MEMBERS_MOST ? count : MEMBERS_MOST;
}

static int parse_bits(struct lexer *lexer, struct declaration *member)
{
    const char *start = lexer->token.start + 1;
    const char *end = start + strcspn(start, ",;");

    start += strspn(start, " \t\r\n");
    if (member->pointer_count || member->array_count)
        return lexer_fault(lexer, "a bit-field is a number, neither a pointer nor an array");
    if (start >= end)
        return lexer_fault(lexer, "the number of bits is missing");
    member->bits = reading_copy(lexer->reading, start, (size_t)(end - start));
    if (!member->bits)
        return -ENOMEM;
    lexer_jump(lexer, end);
    return 0;
}

static int parse_member(struct lexer *lexer, struct declaration *member)
{
    int status = parse_declarator(lexer, member);

    if (status < 0)
        return status;
    if (token_is(&lexer->token, ":"))
        return parse_bits(lexer, member);
    if (token_is(&lexer->token, "("))
        return lexer_fault(lexer, "members that are functions are not C");
    if (!member->name)
        return lexer_fault(lexer, "the name of a member is missing");
    return 0;
}

int declaration_members(struct reading *reading, const char *text, struct declaration **members, size_t *count)
{
    size_t most = count_ends(text);
    struct declaration *list = reading_take(reading, most, sizeof(*list));
    struct lexer lexer;

    *count = 0;
    *members = list;
    if (!list)
        return -ENOMEM;

    lexer_start(&lexer, reading, "struct", text);
    while (lexer.token.kind != TOKEN_END) {
        struct declaration base = {0};
        int status = declaration_base(&lexer, &base);

        if (status < 0)
            return status;
        do {
            if (*count == most)
                return lexer_fault(&lexer, "more than %d members are not there yet", MEMBERS_MOST);
            list[*count] = base;
            status = parse_member(&lexer, &list[(*count)++]);
            if (status < 0)
                return status;
        } while (lexer_take(&lexer, ","));
        if (!lexer_take(&lexer, ";"))
            return lexer_fault(&lexer, "';' was expected after \"%s\"",
                               list[*count - 1].name ? list[*count - 1].name : ":");
    }
    return 0;
}

int declaration_type(struct reading *reading, const char *text, struct declaration *type)
{
    struct lexer lexer;
    int status;

    *type = (struct declaration){0};
    lexer_start(&lexer, reading, "type", text);
    status = parse_declaration(&lexer, type);
    if (status < 0)
        return status;
    if (type->name)
        return lexer_fault(&lexer, "\"%s\" was not expected after the type", type->name);
    return parse_end(&lexer);
}
