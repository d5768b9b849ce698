/*
 * C declarations as text, taken apart: prototypes, members of structs, types without a name.
 *
 * Only the grammar is looked at here; what a type name stands for is type_names.h's.  A name is a type's when no
 * other type word stands before it, so no list of types is needed to parse.
 */
#ifndef WINAPI_SPEC_TABLE_DECLARATION_H
#define WINAPI_SPEC_TABLE_DECLARATION_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { DECLARATION_POINTERS_MOST = 3, DECLARATION_ARRAYS_MOST = 3 };

struct reading;

struct declaration {
    const char *type; /* "unsigned long", "uLong", "struct foo" */
    bool is_const;    /* const before the first star */
    unsigned pointer_count;
    bool pointer_is_const[DECLARATION_POINTERS_MOST]; /* const after each star */
    const char *name;                                 /* NULL: none */
    unsigned array_count;
    const char *arrays[DECLARATION_ARRAYS_MOST]; /* what stands between the brackets, outermost first */
    const char *bits;                            /* bit-field: what stands behind the colon; else NULL */
};

struct prototype {
    struct declaration result; /* its name is the function's */
    struct declaration *parameters;
    size_t parameter_count;
};

/* "uLong crc32(uLong crc, const Bytef *buf, uInt len)", with or without ';'.  -EINVAL, with a diagnostic; -ENOMEM. */
MUST_CHECK int declaration_prototype(struct reading *reading, const char *text, struct prototype *prototype);

/* "void *data; size_t size; unsigned low : 4, : 0;".  Only bit-fields may be without a name.  The same errors. */
MUST_CHECK int declaration_members(struct reading *reading, const char *text, struct declaration **members,
                                   size_t *count);

/* "const unsigned char *".  The same errors. */
MUST_CHECK int declaration_type(struct reading *reading, const char *text, struct declaration *type);

/* Whether the text is one C identifier. */
bool declaration_is_name(const char *text);

#endif
