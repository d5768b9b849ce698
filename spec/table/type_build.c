/*
 * Types around a base type, from the inside: a pointer for each star, then an array for each pair of brackets.
 *
 * What cannot travel is refused here, where the place is known: a parameter, a result, a member.
 */
#include "spec/table/type_build.h"

#include "spec/base/text.h"
#include "spec/table/declaration.h"
#include "spec/table/expression_tree.h"
#include "spec/table/reading.h"

#include <errno.h>
#include <string.h>

struct type *type_create(struct reading *reading, enum type_kind kind, const char *name)
{
    struct type *type = reading_take(reading, 1, sizeof(*type));

    if (type)
        *type = (struct type){.kind = kind, .name = name};
    return type;
}

struct type *type_create_handle(struct reading *reading, const char *name, const char *class)
{
    struct type *type = type_create(reading, TYPE_HANDLE, name);

    if (type) {
        type->handle = class;
        type->size = sizeof(void *);
        type->alignment = _Alignof(void *);
    }
    return type;
}

/* The name of a type with one sign more, as C would spell it: "const Bytef *". */
static const char *spell_pointer(struct reading *reading, const struct type *target, bool target_is_const)
{
    bool after_star = target->name[strlen(target->name) - 1] == '*';
    AUTO_TEXT struct text name = {0};

    text_format(&name, "%s%s%s*", target_is_const && !after_star ? "const " : "", target->name, after_star ? "" : " ");
    if (!name.data || name.failed) {
        reading->out_of_memory = true;
        return NULL;
    }
    return reading_copy(reading, name.data, name.size);
}

static int make_pointer(struct reading *reading, const struct type **type, bool target_is_const)
{
    const char *name = spell_pointer(reading, *type, target_is_const);
    struct type *pointer;

    if (!name)
        return -ENOMEM;
    if ((*type)->kind == TYPE_OPAQUE) {
        *type = type_create_handle(reading, name, (*type)->handle);
        return *type ? 0 : -ENOMEM;
    }
    pointer = type_create(reading, TYPE_POINTER, name);
    if (!pointer)
        return -ENOMEM;
    pointer->size = sizeof(void *);
    pointer->alignment = _Alignof(void *);
    pointer->target = *type;
    pointer->target_is_const = target_is_const;
    *type = pointer;
    return 0;
}

static int make_array(struct reading *reading, const struct type **type, const char *length)
{
    struct type *array;
    int64_t count;
    size_t size;
    int status;

    if (!*length)
        return reading_fault(reading, "members without a length ([]) are not there yet");
    status = expression_parse_constant(reading, "array length", length, &count);
    if (status < 0)
        return status;
    if (count <= 0)
        return reading_fault(reading, "an array of %lld elements: there must be at least one", (long long)count);
    if (__builtin_mul_overflow((size_t)count, (*type)->size, &size) || size > STRUCT_SIZE_MOST)
        return reading_fault(reading, "an array of more than %d bytes; use a pointer with a size", STRUCT_SIZE_MOST);

    array = type_create(reading, TYPE_ARRAY, (*type)->name);
    if (!array)
        return -ENOMEM;
    array->size = size;
    array->alignment = (*type)->alignment;
    array->target = *type;
    array->count = (size_t)count;
    *type = array;
    return 0;
}

static int check_pointer(struct reading *reading, const struct type *type)
{
    if (type->kind != TYPE_POINTER || type->target->kind != TYPE_POINTER)
        return 0;
    return reading_fault(reading,
                         "%s: pointers to pointers are not there yet, but for those to handles; what is behind it can "
                         "be declared \"opaque\" when only the library looks at it",
                         type->name);
}

/* What has no bytes of its own cannot be passed, returned or contained. */
static int check_complete(struct reading *reading, const struct type *type, enum type_place place)
{
    if (type->kind == TYPE_OPAQUE && place != TYPE_PLACE_NAME)
        return reading_fault(reading, "%s is opaque, so only a pointer to it can stand here", type->name);
    if (type->is_only_behind && (place == TYPE_PLACE_PARAMETER || place == TYPE_PLACE_RESULT))
        return reading_fault(reading,
                             "%s is packed, aligned or has bit-fields, so only a pointer to it can be passed: libffi "
                             "knows no such structs",
                             type->name);
    if (type->kind == TYPE_VOID && place != TYPE_PLACE_RESULT && place != TYPE_PLACE_NAME)
        return reading_fault(reading, "void has no value; a pointer may be meant");
    return 0;
}

static int add_pointers(struct reading *reading, const struct declaration *declaration, const struct type **type,
                        bool is_const)
{
    for (unsigned i = 0; i < declaration->pointer_count; i++) {
        int status = make_pointer(reading, type, is_const);

        if (status < 0)
            return status;
        is_const = declaration->pointer_is_const[i];
    }
    return 0;
}

/* A parameter's first pair of brackets is a star to C; members have real arrays. */
static int add_arrays(struct reading *reading, const struct declaration *declaration, enum type_place place,
                      const struct type **type, bool is_const)
{
    if (!declaration->array_count)
        return 0;
    if ((*type)->kind == TYPE_VOID || (*type)->kind == TYPE_OPAQUE)
        return reading_fault(reading, "C has no array of %s", (*type)->name);
    if ((*type)->kind == TYPE_POINTER)
        return reading_fault(reading, "arrays of pointers are not there yet");
    if (place == TYPE_PLACE_PARAMETER && declaration->array_count == 1)
        return make_pointer(reading, type, is_const);
    if (place != TYPE_PLACE_MEMBER && place != TYPE_PLACE_SIZEOF)
        return reading_fault(reading, "arrays are there inside structs only, so far");

    for (unsigned i = declaration->array_count; i > 0; i--) {
        int status = make_array(reading, type, declaration->arrays[i - 1]);

        if (status < 0)
            return status;
    }
    return 0;
}

int type_build(struct reading *reading, const struct declaration *declaration, enum type_place place, bool is_const,
               const struct type **type)
{
    int status = add_pointers(reading, declaration, type, is_const);

    if (declaration->pointer_count)
        is_const = declaration->pointer_is_const[declaration->pointer_count - 1];
    if (status == 0)
        status = add_arrays(reading, declaration, place, type, is_const);
    if (status == 0)
        status = check_pointer(reading, *type);
    return status < 0 ? status : check_complete(reading, *type, place);
}
