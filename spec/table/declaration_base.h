/* The first part of a declaration: "const unsigned long", "struct foo", "uLong". */
#ifndef WINAPI_SPEC_TABLE_DECLARATION_BASE_H
#define WINAPI_SPEC_TABLE_DECLARATION_BASE_H

#include "spec/base/error.h"

#include <stdbool.h>

struct declaration;
struct lexer;
struct token;

/* Sets type and is_const.  -EINVAL, with a diagnostic; -ENOMEM. */
MUST_CHECK int declaration_base(struct lexer *lexer, struct declaration *declaration);

/* Steps over a word that says nothing about what travels: volatile, restrict, extern.  False: there is none. */
bool declaration_skip_idle(struct lexer *lexer);

/* Whether C keeps this word for itself, as far as types have words. */
bool declaration_is_keyword(const struct token *token);

#endif
