/*
 * What an expression is made of, and how it comes to be.
 *
 * A tree of at most EXPRESSION_NODES_MOST nodes, so that walking it by recursion is safe whatever the spec file
 * says.  Parts without variables are folded while parsing: a constant expression is a single number, and a branch that
 * is never taken is not there.  !x is (x==0) and ~x is (x^-1), so neither has an operation of its own.
 */
#ifndef WINAPI_SPEC_TABLE_EXPRESSION_TREE_H
#define WINAPI_SPEC_TABLE_EXPRESSION_TREE_H

#include "spec/base/error.h"
#include "spec/table/expression.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPRESSION_NODES_MOST = 64 };

enum operation {
    OPERATION_NUMBER,
    OPERATION_ARGUMENT, /* the value of a parameter */
    OPERATION_POINTEE,  /* what a pointer parameter points to */
    OPERATION_FIELD,    /* a field of the struct around */
    OPERATION_MEMBER,   /* a field of a parameter that is a struct */
    OPERATION_BEHIND,   /* a field of the struct that a pointer parameter points to */
    OPERATION_RESULT,   /* what the function has returned; the last of those that are variables */
    OPERATION_ADD,
    OPERATION_SUBTRACT,
    OPERATION_MULTIPLY,
    OPERATION_DIVIDE,
    OPERATION_REMAINDER,
    OPERATION_SHIFT_LEFT,
    OPERATION_SHIFT_RIGHT,
    OPERATION_LESS,
    OPERATION_LESS_EQUAL,
    OPERATION_GREATER,
    OPERATION_GREATER_EQUAL,
    OPERATION_EQUAL,
    OPERATION_NOT_EQUAL,
    OPERATION_BITS_AND,
    OPERATION_BITS_XOR,
    OPERATION_BITS_OR,
    OPERATION_AND, /* these three look at one side only when it decides */
    OPERATION_OR,
    OPERATION_CHOOSE, /* condition ? left : right */
};

struct expression {
    enum operation operation;
    const char *text; /* of the whole; only at the root */
    int64_t number;

    /* variables */
    size_t index;  /* of the parameter or field */
    size_t field;  /* OPERATION_MEMBER, OPERATION_BEHIND: index of the field */
    size_t offset; /* of the field, bytes */
    const struct type *type;

    const struct expression *left, *right;
    const struct expression *condition; /* OPERATION_CHOOSE */
};

/* The names that an expression may use besides the table's constants: parameters, or fields, or nothing. */
struct expression_names {
    const struct parameter *result; /* `return`, or NULL */
    const struct parameter *parameters;
    size_t parameter_count;
    const struct field *fields;
    size_t field_count;
};

struct reading;

/*
 * `what` is the key it stands behind ("size"), for messages; `text` must live as long as the table.
 * -EINVAL, with a diagnostic; -ENOMEM.
 */
MUST_CHECK int expression_parse(struct reading *reading, const char *what, const char *text,
                                const struct expression_names *names, struct expression **expression);

/* A string or a whole number.  The same errors. */
MUST_CHECK int expression_read(struct reading *reading, const char *what, const cJSON *json,
                               const struct expression_names *names, struct expression **expression);

/* An expression over constants alone.  The same errors. */
MUST_CHECK int expression_read_constant(struct reading *reading, const char *what, const cJSON *json, int64_t *value);
MUST_CHECK int expression_parse_constant(struct reading *reading, const char *what, const char *text, int64_t *value);

bool expression_is_constant(const struct expression *expression, int64_t *value);

/* Applies one operator with two sides that are both looked at.  -EOVERFLOW; -EDOM. */
MUST_CHECK int expression_apply(enum operation operation, int64_t left, int64_t right, int64_t *value);

#endif
