/*
 * Where the structs of a table have pointers: all that writing them down needs to know.
 *
 * A struct that has changed its size is an error here: if the new member is a pointer, or has one, it is to be named
 * below.  Other members travel as they are.
 */
#include "spec/base/hash.h"
#include "spec/table/compiled.h"
#include "spec/table/compiled_layout.h"
#include "spec/table/expression_tree.h"
#include "spec/table/table.h"
#include "spec/table/type_names.h"

#include <compiled_build.h>

#if __SIZEOF_POINTER__ == 8
_Static_assert(sizeof(struct table) == 64, "name its pointers below");
_Static_assert(sizeof(struct row) == 208, "name its pointers below");
_Static_assert(sizeof(struct parameter) == 80, "name its pointers below");
_Static_assert(sizeof(struct passing) == 64, "name its pointers below");
_Static_assert(sizeof(struct type) == 96, "name its pointers below");
_Static_assert(sizeof(struct field) == 88, "name its pointers below");
_Static_assert(sizeof(struct enumerator) == 16, "name its pointers below");
_Static_assert(sizeof(struct expression) == 80, "name its pointers below");
#endif

#define TO_ONE(owner, member, shape)               \
    {                                              \
        offsetof(struct owner, member), shape, ONE \
    }
#define TO_MANY(owner, member, shape, count)                                 \
    {                                                                        \
        offsetof(struct owner, member), shape, offsetof(struct owner, count) \
    }

/* Its rows and their order: compiled_make.c. */
static const struct shape_pointer in_table[] = {
    TO_ONE(table, name, SHAPE_STRING),
    TO_ONE(table, path, SHAPE_STRING),
    TO_ONE(table, library, SHAPE_STRING),
};

static const struct shape_pointer in_row[] = {
    TO_ONE(row, table, SHAPE_TABLE),
    TO_ONE(row, name, SHAPE_STRING),
    TO_ONE(row, prototype, SHAPE_STRING),
    TO_MANY(row, parameters, SHAPE_PARAMETER, parameter_count),
    TO_ONE(row, result.name, SHAPE_STRING),
    TO_ONE(row, result.type, SHAPE_TYPE),
    TO_ONE(row, result.passing.length, SHAPE_EXPRESSION),
    TO_ONE(row, result.passing.capacity, SHAPE_EXPRESSION),
    TO_ONE(row, result.passing.returned, SHAPE_EXPRESSION),
    TO_MANY(row, order, SHAPE_BYTES, parameter_count),
    TO_ONE(row, library, SHAPE_STRING),
    TO_ONE(row, symbol, SHAPE_STRING),
};

static const struct shape_pointer in_parameter[] = {
    TO_ONE(parameter, name, SHAPE_STRING),
    TO_ONE(parameter, type, SHAPE_TYPE),
    TO_ONE(parameter, passing.length, SHAPE_EXPRESSION),
    TO_ONE(parameter, passing.capacity, SHAPE_EXPRESSION),
    TO_ONE(parameter, passing.returned, SHAPE_EXPRESSION),
};

static const struct shape_pointer in_type[] = {
    TO_ONE(type, name, SHAPE_STRING),
    TO_ONE(type, target, SHAPE_TYPE),
    TO_MANY(type, fields, SHAPE_FIELD, field_count),
    TO_MANY(type, enumerators, SHAPE_ENUMERATOR, enumerator_count),
    TO_ONE(type, handle, SHAPE_STRING),
};

static const struct shape_pointer in_field[] = {
    TO_ONE(field, name, SHAPE_STRING),
    TO_ONE(field, type, SHAPE_TYPE),
    TO_ONE(field, passing.length, SHAPE_EXPRESSION),
    TO_ONE(field, passing.capacity, SHAPE_EXPRESSION),
    TO_ONE(field, passing.returned, SHAPE_EXPRESSION),
};

static const struct shape_pointer in_enumerator[] = {
    TO_ONE(enumerator, name, SHAPE_STRING),
};

static const struct shape_pointer in_expression[] = {
    TO_ONE(expression, text, SHAPE_STRING),          TO_ONE(expression, type, SHAPE_TYPE),
    TO_ONE(expression, left, SHAPE_EXPRESSION),      TO_ONE(expression, right, SHAPE_EXPRESSION),
    TO_ONE(expression, condition, SHAPE_EXPRESSION),
};

#define SHAPE_OF(name)                                      \
    {                                                       \
        sizeof(struct name), in_##name, COUNT_OF(in_##name) \
    }

const struct shape_of compiled_shapes[SHAPES] = {
    [SHAPE_BYTES] = {1, NULL, 0},
    [SHAPE_TABLE] = SHAPE_OF(table),
    [SHAPE_ROW] = SHAPE_OF(row),
    [SHAPE_PARAMETER] = SHAPE_OF(parameter),
    [SHAPE_TYPE] = SHAPE_OF(type),
    [SHAPE_FIELD] = SHAPE_OF(field),
    [SHAPE_ENUMERATOR] = SHAPE_OF(enumerator),
    [SHAPE_EXPRESSION] = SHAPE_OF(expression),
};

/* The sources say what a spec file means, and the sizes of C's types what the libc was that they were compiled for. */
uint64_t compiled_build(void)
{
    static const char sources[] = COMPILED_BUILD;
    uint64_t sum = hash_bytes(sources, sizeof(sources), type_built_in_layout());

    for (size_t i = 0; i < SHAPES; i++)
        for (size_t j = 0; j < compiled_shapes[i].pointer_count; j++)
            sum = hash_bytes(&compiled_shapes[i].pointers[j].offset, sizeof(size_t), sum + compiled_shapes[i].size);
    return sum;
}
