/* From a row to an ffi_cif.  Structs become libffi types with their members spelled out, arrays too. */
#include "spec/call/plan.h"
#include "spec/call/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_WORST = 16 };

/* libffi's types for one plan, in one block: counted first, then filled. */
struct type_maker {
    ffi_type *structs;
    ffi_type **elements;
    size_t struct_count, element_count;
};

static ffi_type *integer_type(size_t size, bool is_signed)
{
    switch (size) {
    case 1:
        return is_signed ? &ffi_type_sint8 : &ffi_type_uint8;
    case 2:
        return is_signed ? &ffi_type_sint16 : &ffi_type_uint16;
    case 4:
        return is_signed ? &ffi_type_sint32 : &ffi_type_uint32;
    default:
        return is_signed ? &ffi_type_sint64 : &ffi_type_uint64;
    }
}

static ffi_type *floating_type(size_t size)
{
    if (size == sizeof(float))
        return &ffi_type_float;
    return size == sizeof(double) ? &ffi_type_double : &ffi_type_longdouble;
}

static void count_type(struct type_maker *maker, const struct type *type)
{
    if (type->kind == TYPE_ARRAY) {
        maker->struct_count++;
        maker->element_count += type->count + 1;
        count_type(maker, type->target);
    }
    if (type->kind != TYPE_STRUCT)
        return;
    maker->struct_count++;
    maker->element_count += type->field_count + 1;
    for (size_t i = 0; i < type->field_count; i++)
        count_type(maker, type->fields[i].type);
}

static ffi_type *make_type(struct type_maker *maker, const struct type *type);

/* An array inside a struct is passed as that many members: libffi has no arrays. */
static ffi_type *make_aggregate(struct type_maker *maker, const struct type *type)
{
    size_t count = type->kind == TYPE_ARRAY ? type->count : type->field_count;
    ffi_type *made = &maker->structs[maker->struct_count++];
    ffi_type **elements = &maker->elements[maker->element_count];
    ffi_type *element = NULL;

    maker->element_count += count + 1;
    *made = (ffi_type){.size = 0, .alignment = 0, .type = FFI_TYPE_STRUCT, .elements = elements};
    if (type->kind == TYPE_ARRAY)
        element = make_type(maker, type->target);
    for (size_t i = 0; i < count; i++)
        elements[i] = element ? element : make_type(maker, type->fields[i].type);
    elements[count] = NULL;
    return made;
}

/*
 * The long double that is all a struct holds, or NULL.  The ABIs pass and return such a struct as its member (on
 * x86-64 in st(0)), and libffi does not know that.
 */
static const struct type *sole_long_double(const struct type *type)
{
    while ((type->kind == TYPE_STRUCT && type->field_count == 1) || (type->kind == TYPE_ARRAY && type->count == 1))
        type = type->kind == TYPE_STRUCT ? type->fields[0].type : type->target;
    return value_is_wide(type) ? type : NULL;
}

static ffi_type *make_type(struct type_maker *maker, const struct type *type)
{
    if (sole_long_double(type))
        return &ffi_type_longdouble;
    switch (type->kind) {
    case TYPE_VOID:
        return &ffi_type_void;
    case TYPE_BOOL:
    case TYPE_UNSIGNED:
        return integer_type(type->size, false);
    case TYPE_SIGNED:
        return integer_type(type->size, true);
    case TYPE_ENUM:
        return integer_type(type->size, type_is_signed(type));
    case TYPE_FLOATING:
        return floating_type(type->size);
    case TYPE_STRUCT:
    case TYPE_ARRAY:
        return make_aggregate(maker, type);
    case TYPE_HANDLE:
    case TYPE_POINTER:
    case TYPE_OPAQUE:
        break;
    }
    return &ffi_type_pointer;
}

static int prepare_cif(struct plan *plan)
{
    const struct row *row = plan->row;
    struct type_maker maker = {0};
    ffi_type **arguments;
    ffi_type *result;

    for (size_t i = 0; i < row->parameter_count; i++)
        count_type(&maker, row->parameters[i].type);
    count_type(&maker, row->result.type);
    plan->memory = malloc((row->parameter_count + maker.element_count + 1) * sizeof(ffi_type *) +
                          maker.struct_count * sizeof(ffi_type));
    if (!plan->memory)
        return -ENOMEM;

    arguments = (ffi_type **)((ffi_type *)plan->memory + maker.struct_count);
    maker = (struct type_maker){.structs = plan->memory, .elements = arguments + row->parameter_count + 1};
    for (size_t i = 0; i < row->parameter_count; i++)
        arguments[i] = make_type(&maker, row->parameters[i].type);
    result = make_type(&maker, row->result.type);
    if (ffi_prep_cif(&plan->cif, FFI_DEFAULT_ABI, (unsigned)row->parameter_count, result, arguments) != FFI_OK)
        return -ENOTSUP;
    plan->result_size = row->result.type->size > sizeof(ffi_arg) ? row->result.type->size : sizeof(ffi_arg);
    return 0;
}

static void prepare_placement(struct plan *plan)
{
#if PLAN_HAS_PLACEMENT
    plan->placement = ffi_call_plan_alloc(&plan->cif); /* without memory for it calls are slower */
#else
    (void)plan;
#endif
}

static void free_placement(struct plan *plan)
{
#if PLAN_HAS_PLACEMENT
    ffi_call_plan_free(plan->placement);
#else
    (void)plan;
#endif
}

uint64_t plan_worst_value(const struct type *type)
{
    uint64_t worst = 0;

    if (type->kind == TYPE_ARRAY && !type_is_plain(type))
        return type->count * plan_worst_value(type->target);
    if (type->kind == TYPE_ARRAY)
        return type->size;
    if (type->kind != TYPE_STRUCT)
        return VALUE_WORST;
    for (size_t i = 0; i < type->field_count; i++)
        worst += plan_worst_value(type->fields[i].type);
    return worst;
}

static void measure_room(struct plan *plan)
{
    const struct row *row = plan->row;

    plan->reply_room = row->result.passing.is_static_string ? PLAN_STRING_ROOM : plan_worst_value(row->result.type);
    plan->arguments_size =
        (row->parameter_count * sizeof(void *) + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
    for (size_t i = 0; i < row->parameter_count; i++)
        plan->arguments_size += plan_argument_size(row->parameters[i].type);
}

static void sort_parameters(struct plan *plan)
{
    const struct row *row = plan->row;

    for (size_t i = 0; i < row->parameter_count; i++) {
        if (row->parameters[i].type->kind != TYPE_POINTER)
            plan->values[plan->value_count++] = (uint8_t)i;
        plan->has_closes |= row->parameters[i].passing.closes;
    }
    for (size_t i = 0; i < row->parameter_count; i++)
        if (row->parameters[row->order[i]].type->kind == TYPE_POINTER)
            plan->pointers[plan->pointer_count++] = row->order[i];
}

int plan_create(struct plan **plan, const struct row *row)
{
    struct plan *made = calloc(1, sizeof(*made));
    int error;

    if (!made)
        return -ENOMEM;
    made->row = row;
    error = prepare_cif(made);
    if (error) {
        plan_destroy(made);
        return error;
    }
    prepare_placement(made);
    sort_parameters(made);
    measure_room(made);
    quick_prepare(&made->quick, row, made->values, made->value_count, made->pointers, made->pointer_count);
    *plan = made;
    return 0;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    free_placement(plan);
    free(plan->memory);
    free(plan);
}
