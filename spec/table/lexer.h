/* Words, numbers and signs of C text, one at a time.  Comments are skipped. */
#ifndef WINAPI_SPEC_TABLE_LEXER_H
#define WINAPI_SPEC_TABLE_LEXER_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct reading;

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    const char *start; /* in the text */
    size_t size;
};

struct lexer {
    struct reading *reading;
    const char *what; /* "prototype", for messages */
    const char *text;
    struct token token;       /* the one to look at */
    const char *previous_end; /* where the one before it ended */
};

/* For "%.*s". */
#define TOKEN_TEXT(token) (int)(token)->size, (token)->start

void lexer_start(struct lexer *lexer, struct reading *reading, const char *what, const char *text);
void lexer_next(struct lexer *lexer);

/* Goes on at a place further on in the same text. */
void lexer_jump(struct lexer *lexer, const char *at);

/* Whether the token reads like this. */
bool token_is(const struct token *token, const char *text);

/* Steps over the token if it reads like this. */
bool lexer_take(struct lexer *lexer, const char *text);

/* Turns comments into spaces. */
void lexer_blank_comments(char *text);

/* A fault with the text and the position of the token.  Always -EINVAL. */
int lexer_fault(struct lexer *lexer, const char *format, ...) FORMAT_LIKE(2, 3);

#endif
