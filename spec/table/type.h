/*
 * C types as a spec file names them, resolved down to what travels.
 *
 * Typedef names are gone from a resolved type, but for the name kept for messages.  Layout (size, alignment,
 * offsets) is that of this process; what goes over the wire does not depend on it (docs/protocol.md, "Values").
 */
#ifndef WINAPI_SPEC_TABLE_TYPE_H
#define WINAPI_SPEC_TABLE_TYPE_H

#include "spec/base/error.h"
#include "spec/table/expression.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type_kind {
    TYPE_VOID,
    TYPE_BOOL,
    TYPE_SIGNED,   /* char, short, int, long, long long and their fixed-width names */
    TYPE_UNSIGNED, /* the same, unsigned; size_t, uintptr_t */
    TYPE_FLOATING, /* float, double, long double */
    TYPE_ENUM,     /* an int or unsigned int whose values have names */
    TYPE_HANDLE,   /* a pointer-sized value that only the host can look behind */
    TYPE_POINTER,
    TYPE_ARRAY, /* inside structs only */
    TYPE_STRUCT,
    TYPE_OPAQUE, /* an incomplete type; a pointer to it resolves to TYPE_HANDLE */
};

/* Which way the bytes behind a pointer go.  IN: caller to function. */
enum direction { DIRECTION_NONE = 0, DIRECTION_IN = 1, DIRECTION_OUT = 2, DIRECTION_INOUT = 3 };

enum extent {
    EXTENT_ONE,   /* exactly one element */
    EXTENT_COUNT, /* as many as `length` says, in units of `unit` bytes */
    EXTENT_ENDED, /* up to and with the first element that is `end`: a string, if that is 0; or such a list */
};

/* What a table says about one pointer; for values that are not pointers only `closes` and the marks count. */
struct passing {
    enum direction direction;
    enum extent extent;
    struct expression *length;   /* EXTENT_COUNT: how many units travel; for outs evaluated after the call */
    struct expression *capacity; /* outs: room in units, evaluated before the call; NULL: what comes back says it */
    struct expression *returned; /* INOUT: how many units come back, `length` then says only how many go in; or NULL */
    int64_t end;                 /* EXTENT_ENDED: the last element, as a value of its type */
    size_t unit;                 /* bytes in one unit of length and capacity: 1 for "size", the element for "count" */
    bool nullable;               /* NULL may be passed and arrives as NULL */
    bool closes;                 /* a handle that is gone once the function has returned */
    bool is_list;                /* EXTENT_ENDED: strings one behind the other, up to and with an empty one */
    bool is_static_string;       /* a returned string that lives as long as the process */
    uint8_t into;                /* a returned pointer: into what this parameter points to, plus one; 0: not so */

    /* marks for compare mode */
    bool is_volatile; /* may differ from run to run */
    double tolerance; /* floating values may differ by this much, relative to the larger one */
};

/* How many units come back, evaluated after the call. */
static inline const struct expression *passing_returned(const struct passing *passing)
{
    return passing->returned ? passing->returned : passing->length;
}

/* How many units there is room for on the way back, evaluated before the call. */
static inline const struct expression *passing_room(const struct passing *passing)
{
    return passing->capacity ? passing->capacity : passing_returned(passing);
}

struct field {
    const char *name;
    const struct type *type;
    size_t offset; /* bytes, in this process */
    struct passing passing;
};

struct enumerator {
    const char *name;
    int64_t value;
};

struct type {
    enum type_kind kind;
    const char *name; /* as the table spells it: "uLong", "const Bytef *" */
    size_t size;      /* bytes in this process; 0 for void and opaque */
    size_t alignment;

    const struct type *target; /* pointer: what it points to; array: its element; enum: int or unsigned int */
    bool target_is_const;      /* pointer to const */
    bool is_only_behind;       /* struct: libffi cannot pass it, so only pointers to it can be passed */
    uint8_t bit_count;         /* bit-field: its bits; else 0 */
    uint8_t bit_shift;         /* bit-field: bits below it where it begins */
    size_t count;              /* array: elements */

    const struct field *fields; /* struct */
    size_t field_count;
    const struct enumerator *enumerators; /* enum */
    size_t enumerator_count;

    const char *handle; /* handle: the name of its class; two handles are of one type when the names are equal */
};

/* Whether a value of this type is a number: bool, integer, floating or enum. */
static inline bool type_is_scalar(const struct type *type)
{
    return (type->kind >= TYPE_BOOL && type->kind <= TYPE_FLOATING) || type->kind == TYPE_ENUM;
}

/* The elements of an array of arrays; any other type itself. */
static inline const struct type *type_innermost(const struct type *type)
{
    while (type->kind == TYPE_ARRAY)
        type = type->target;
    return type;
}

/* Whether the bytes of a value can be copied as they are: a scalar other than a handle, or an array of such. */
static inline bool type_is_plain(const struct type *type)
{
    return type_is_scalar(type_innermost(type));
}

/* Whether an integer or enum can be negative. */
static inline bool type_is_signed(const struct type *type)
{
    return (type->kind == TYPE_ENUM ? type->target : type)->kind == TYPE_SIGNED;
}

/* Whether a value of the type is a pointer, or has one inside, whose bytes travel with it.  Handles are none. */
bool type_has_pointers(const struct type *type);

/* Whether something comes back through a pointer inside a value of the type. */
bool type_brings_back(const struct type *type);

#endif
