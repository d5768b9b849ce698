/*
 * The words before the first star or name: C's own types, whose words come in any order, and names.
 *
 * C's own are a set of words; a table says which sets it accepts and what each is called.
 */
#include "spec/table/declaration_base.h"

#include "spec/table/declaration.h"
#include "spec/table/lexer.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <string.h>

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

bool declaration_skip_idle(struct lexer *lexer)
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

static int take_type_word(struct lexer *lexer, unsigned word, unsigned *words)
{
    if (!add_type_word(words, word))
        return lexer_fault(lexer, "\"%.*s\" stands here twice", TOKEN_TEXT(&lexer->token));
    lexer_next(lexer);
    return 0;
}

static int take_name(struct lexer *lexer, struct declaration *declaration)
{
    if (token_is(&lexer->token, "union"))
        return lexer_fault(lexer, "unions are not there yet");
    if (token_is(&lexer->token, "struct") || token_is(&lexer->token, "enum"))
        return parse_tagged(lexer, declaration);
    declaration->type = reading_copy(lexer->reading, lexer->token.start, lexer->token.size);
    lexer_next(lexer);
    return declaration->type ? 0 : -ENOMEM;
}

int declaration_base(struct lexer *lexer, struct declaration *declaration)
{
    const char *start = lexer->token.start;
    unsigned words = 0;
    int status = 0;

    while (status == 0) {
        unsigned word = find_type_word(&lexer->token);

        if (lexer_take(lexer, "const"))
            declaration->is_const = true;
        else if (word && !declaration->type)
            status = take_type_word(lexer, word, &words);
        else if (declaration_skip_idle(lexer))
            continue;
        else if (words || declaration->type || lexer->token.kind != TOKEN_WORD)
            return finish_base(lexer, declaration, words, start);
        else
            status = take_name(lexer, declaration);
    }
    return status;
}

bool declaration_is_keyword(const struct token *token)
{
    static const char *const keywords[] = {"const", "struct", "enum", "union", "volatile", "extern"};

    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (token_is(token, keywords[i]))
            return true;
    }
    return find_type_word(token) != 0;
}
