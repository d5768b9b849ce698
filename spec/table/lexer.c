/* The lexer: where a word of C begins and ends, independent of the locale. */
#include "spec/table/lexer.h"

#include "spec/table/declaration.h"
#include "spec/table/reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE        " \t\r\n\f\v"
#define DIGITS       "0123456789"
#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define WORD_LETTERS LETTERS DIGITS

bool declaration_is_name(const char *text)
{
    size_t size = strspn(text, WORD_LETTERS);

    return size && !text[size] && !strchr(DIGITS, text[0]);
}

/* Where the next token begins.  A comment without an end reaches to the end of the text. */
static const char *skip_space(const char *at)
{
    for (;;) {
        at += strspn(at, SPACE);
        if (strncmp(at, "/*", 2) == 0) {
            const char *end = strstr(at + 2, "*/");

            at = end ? end + 2 : at + strlen(at);
        } else if (strncmp(at, "//", 2) == 0) {
            at += strcspn(at, "\n");
        } else {
            return at;
        }
    }
}

static size_t sign_size(const char *at)
{
    static const char *const long_signs[] = {"...", "<<", ">>", "->", "<=", ">=", "==", "!=", "&&", "||"};

    for (size_t i = 0; i < COUNT_OF(long_signs); i++) {
        if (strncmp(at, long_signs[i], strlen(long_signs[i])) == 0)
            return strlen(long_signs[i]);
    }
    return 1;
}

void lexer_jump(struct lexer *lexer, const char *at)
{
    struct token *token = &lexer->token;

    lexer->previous_end = at;
    token->start = skip_space(at);
    token->size = strspn(token->start, WORD_LETTERS);
    if (!*token->start) {
        token->kind = TOKEN_END;
    } else if (!token->size) {
        token->kind = TOKEN_SIGN;
        token->size = sign_size(token->start);
    } else {
        token->kind = strchr(DIGITS, *token->start) ? TOKEN_NUMBER : TOKEN_WORD;
    }
}

void lexer_start(struct lexer *lexer, struct reading *reading, const char *what, const char *text)
{
    *lexer = (struct lexer){.reading = reading, .what = what, .text = text};
    lexer_jump(lexer, text);
}

void lexer_next(struct lexer *lexer)
{
    lexer_jump(lexer, lexer->token.start + lexer->token.size);
}

bool token_is(const struct token *token, const char *text)
{
    return token->size == strlen(text) && memcmp(token->start, text, token->size) == 0;
}

bool lexer_take(struct lexer *lexer, const char *text)
{
    if (!token_is(&lexer->token, text))
        return false;
    lexer_next(lexer);
    return true;
}

int lexer_fault(struct lexer *lexer, const char *format, ...)
{
    AUTO_TEXT struct text what = {0};
    char *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    va_end(arguments);

    text_format(&what, "%s: %s", lexer->what, message ? message : "out of memory");
    free(message);
    return reading_fault_in(lexer->reading, lexer->text, (size_t)(lexer->token.start - lexer->text), what.data);
}

void lexer_blank_comments(char *text)
{
    while (*text) {
        char *next = text + (skip_space(text) - text);

        if (next == text) {
            text++;
            continue;
        }
        memset(text, ' ', (size_t)(next - text));
        text = next;
    }
}
