/*
 * Sizes as arithmetic over the call's own values: "len", "*destLen", "count * 4 + 1", "mode == WRITE ? len : 0".
 *
 * C's integer operators but for those that assign, with C's precedence, decimal and 0x literals, constants of the
 * table, sizeof(TYPE), parameter names, `*name` for what a pointer parameter points to, `name->field` and `name.field`
 * for structs, names of sibling fields inside a struct, and `return` for what the function has returned.  Every value
 * is a signed number of 64 bits, whatever its C type, and every overflow is checked. What C leaves alone is left alone:
 * the other side of && and ||, the branch of ?: that is not taken.  Evaluated on either end, over arguments in local
 * memory.
 */
#ifndef WINAPI_SPEC_TABLE_EXPRESSION_H
#define WINAPI_SPEC_TABLE_EXPRESSION_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct expression;
struct text;

/* Where the values come from. */
struct scope {
    void *const *arguments; /* as libffi has them: arguments[i] points to the i-th parameter's value */
    const void *object;     /* inside a struct: the struct itself, for the names of its fields */
    const void *result;     /* after the call, as libffi has it; NULL: not known */
};

/*
 * Errors: -EFAULT a pointer that is needed is NULL, or there is no result; -EOVERFLOW; -EDOM division by zero or shift
 * out of range; -ERANGE the result is negative.  Any thread.
 */
MUST_CHECK int expression_evaluate(const struct expression *expression, const struct scope *scope, uint64_t *value);

/* The text that stands in the spec file, for messages. */
const char *expression_text(const struct expression *expression);

/* Adds the meaning without names, "p2" for the third parameter and "*p1": equal on both ends when they mean the same.
 */
void expression_describe(const struct expression *expression, struct text *text);

/* What most sizes are: a number, an integer parameter, or the integer behind a pointer parameter. */
struct expression_leaf {
    enum { LEAF_NUMBER, LEAF_ARGUMENT, LEAF_POINTEE } kind;
    int64_t number;
    size_t index; /* of the parameter */
    size_t size;  /* bytes of the integer */
    bool is_signed;
};

/* false: it is no such expression. */
bool expression_leaf(const struct expression *expression, struct expression_leaf *leaf);

/* Whether the expression follows the pointer parameter with this index, or takes the value of the one with it. */
bool expression_follows(const struct expression *expression, size_t parameter);
bool expression_takes(const struct expression *expression, size_t parameter);

/* Whether it needs what the function returns. */
bool expression_needs_result(const struct expression *expression);

#endif
