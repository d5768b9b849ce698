/*
 * The parser of C declarations: a cursor over one text, one word ahead.
 *
 * Whatever C has and the tables do not (callbacks, varargs, unions, bit-fields) is recognised so that the message can
 * say so instead of complaining about a bracket.
 */
#include "spec/table/declaration.h"

#include "spec/table/lexer.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <string.h>

enum { PARAMETERS_MOST = TABLE_PARAMETERS_MOST, MEMBERS_MOST = 1024 };

/* The words that make up C's own arithmetic types. */
enum type_word {
    WORD_VOID = 1 << 0,
    WORD_BOOL = 1 << 1,
    WORD_CHAR = 1 << 2,
    WORD_SHORT = 1 << 3,
    WORD_INT = 1 << 4,
    WORD_LONG = 1 << 5,
    WORD_LONG_LONG = 1 << 6,
    WORD_FLOAT = 1 << 7,
    WORD_DOUBLE = 1 << 8,
    WORD_SIGNED = 1 << 9,
    WORD_UNSIGNED = 1 << 10,
};

static const struct {
    const char *name;
    unsigned word;
} type_words[] = {
    {"void", WORD_VOID},     {"_Bool", WORD_BOOL},    {"bool", WORD_BOOL},         {"char", WORD_CHAR},
    {"short", WORD_SHORT},   {"int", WORD_INT},       {"long", WORD_LONG},         {"float", WORD_FLOAT},
    {"double", WORD_DOUBLE}, {"signed", WORD_SIGNED}, {"unsigned", WORD_UNSIGNED},
};

/* Every combination that C accepts, after drop_default_words(). */
static const struct {
    unsigned words;
    const char *name;
} arithmetic_types[] = {
    {WORD_VOID, "void"},
    {WORD_BOOL, "bool"},
    {WORD_CHAR, "char"},
    {WORD_SIGNED | WORD_CHAR, "signed char"},
    {WORD_UNSIGNED | WORD_CHAR, "unsigned char"},
    {WORD_SHORT, "short"},
    {WORD_UNSIGNED | WORD_SHORT, "unsigned short"},
    {WORD_INT, "int"},
    {WORD_UNSIGNED, "unsigned int"},
    {WORD_LONG, "long"},
    {WORD_UNSIGNED | WORD_LONG, "unsigned long"},
    {WORD_LONG_LONG, "long long"},
    {WORD_UNSIGNED | WORD_LONG_LONG, "unsigned long long"},
    {WORD_FLOAT, "float"},
    {WORD_DOUBLE, "double"},
    {WORD_LONG | WORD_DOUBLE, "long double"},
};

static unsigned find_type_word(const struct token *token)
{
    for (size_t i = 0; i < COUNT_OF(type_words); i++) {
        if (token_is(token, type_words[i].name))
            return type_words[i].word;
    }
    return 0;
}

/* "int" beside a length or a sign says nothing, and neither does "signed" beside a length. */
static unsigned drop_default_words(unsigned words)
{
    const unsigned lengths = WORD_SHORT | WORD_LONG | WORD_LONG_LONG;
    unsigned others = words & ~(unsigned)(WORD_INT | WORD_SIGNED);

    if (words & WORD_INT && !(words & ~(lengths | WORD_INT | WORD_SIGNED | WORD_UNSIGNED)))
        words = others || words & WORD_SIGNED ? words & ~(unsigned)WORD_INT : words;
    if (words == WORD_SIGNED)
        return WORD_INT;
    if (words & WORD_SIGNED && others && !(others & ~lengths))
        words &= ~(unsigned)WORD_SIGNED;
    return words;
}

static const char *find_arithmetic_type(unsigned words)
{
    words = drop_default_words(words);
    for (size_t i = 0; i < COUNT_OF(arithmetic_types); i++) {
        if (arithmetic_types[i].words == words)
            return arithmetic_types[i].name;
    }
    return NULL;
}

/* Adds one word to those seen.  False when it stands there twice. */
static bool add_type_word(unsigned *words, unsigned word)
{
    if (word == WORD_LONG && *words & WORD_LONG) {
        *words = (*words & ~(unsigned)WORD_LONG) | WORD_LONG_LONG;
        return true;
    }
    if (*words & word || (word == WORD_LONG && *words & WORD_LONG_LONG))
        return false;
    *words |= word;
    return true;
}

/* Words that say nothing about what travels. */
static bool skip_idle_word(struct lexer *lexer)
{
    static const char *const idle[] = {"volatile", "restrict", "__restrict", "__restrict__", "extern"};

    for (size_t i = 0; i < COUNT_OF(idle); i++) {
        if (lexer_take(lexer, idle[i]))
            return true;
    }
    return false;
}

static int parse_tagged(struct lexer *lexer, struct declaration *declaration)
{
    const char *tag = token_is(&lexer->token, "enum") ? "enum" : "struct";
    char *type;

    lexer_next(lexer);
    if (token_is(&lexer->token, "{"))
        return lexer_fault(lexer, "a %s without a name is not there yet; give it an entry in \"types\"", tag);
    if (lexer->token.kind != TOKEN_WORD)
        return lexer_fault(lexer, "the name of the %s is missing", tag);

    type = reading_take(lexer->reading, strlen(tag) + lexer->token.size + 2, 1);
    if (!type)
        return -ENOMEM;
    memcpy(type, tag, strlen(tag));
    type[strlen(tag)] = ' ';
    memcpy(type + strlen(tag) + 1, lexer->token.start, lexer->token.size);
    declaration->type = type;
    lexer_next(lexer);
    return 0;
}

static int finish_base(struct lexer *lexer, struct declaration *declaration, unsigned words, const char *start)
{
    int size = (int)(lexer->previous_end - start);

    if (declaration->type)
        return 0;
    if (!words)
        return lexer_fault(lexer, "a type was expected");
    declaration->type = find_arithmetic_type(words);
    if (!declaration->type)
        return lexer_fault(lexer, "C has no type \"%.*s\"", size, start);
    return 0;
}

/* "const unsigned long", "struct foo const", "uLong": everything before the first star or name. */
static int parse_base(struct lexer *lexer, struct declaration *declaration)
{
    const char *start = lexer->token.start;
    unsigned words = 0;

    for (;;) {
        unsigned word = find_type_word(&lexer->token);

        if (lexer_take(lexer, "const")) {
            declaration->is_const = true;
        } else if (skip_idle_word(lexer)) {
            continue;
        } else if (token_is(&lexer->token, "union")) {
            return lexer_fault(lexer, "unions are not there yet");
        } else if (word && !declaration->type) {
            if (!add_type_word(&words, word))
                return lexer_fault(lexer, "\"%.*s\" stands here twice", TOKEN_TEXT(&lexer->token));
            lexer_next(lexer);
        } else if (words || declaration->type) {
            return finish_base(lexer, declaration, words, start);
        } else if (token_is(&lexer->token, "struct") || token_is(&lexer->token, "enum")) {
            int status = parse_tagged(lexer, declaration);

            if (status < 0)
                return status;
        } else if (lexer->token.kind == TOKEN_WORD) {
            declaration->type = reading_copy(lexer->reading, lexer->token.start, lexer->token.size);
            if (!declaration->type)
                return -ENOMEM;
            lexer_next(lexer);
        } else {
            return finish_base(lexer, declaration, words, start);
        }
    }
}

static int parse_pointers(struct lexer *lexer, struct declaration *declaration)
{
    while (lexer_take(lexer, "*")) {
        if (declaration->pointer_count == DECLARATION_POINTERS_MOST)
            return lexer_fault(lexer, "more than %d stars are not there yet", DECLARATION_POINTERS_MOST);
        declaration->pointer_count++;
        for (;;) {
            if (lexer_take(lexer, "const"))
                declaration->pointer_is_const[declaration->pointer_count - 1] = true;
            else if (!skip_idle_word(lexer))
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

static bool is_type_keyword(const struct token *token)
{
    static const char *const keywords[] = {"const", "struct", "enum", "union", "volatile", "extern"};

    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (token_is(token, keywords[i]))
            return true;
    }
    return find_type_word(token) != 0;
}

/* Stars, a name or none, brackets: what follows the base. */
static int parse_declarator(struct lexer *lexer, struct declaration *declaration)
{
    int status = parse_pointers(lexer, declaration);

    if (status < 0)
        return status;
    if (token_is(&lexer->token, "(") && lexer->token.start[1 + strspn(lexer->token.start + 1, " ")] == '*')
        return lexer_fault(lexer, "callbacks (pointers to functions) are not there yet");
    if (lexer->token.kind == TOKEN_WORD && is_type_keyword(&lexer->token))
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
    int status = parse_base(lexer, declaration);

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
    reading_owner(reading, "function", prototype->result.name);
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

static int parse_member(struct lexer *lexer, struct declaration *member)
{
    int status = parse_declarator(lexer, member);

    if (status < 0)
        return status;
    if (token_is(&lexer->token, ":"))
        return lexer_fault(lexer, "bit-fields are not there yet");
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
        int status = parse_base(&lexer, &base);

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
            return lexer_fault(&lexer, "';' was expected after \"%s\"", list[*count - 1].name);
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
