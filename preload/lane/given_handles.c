/* A walk over values in the program's memory, where both a native function and a decoded answer leave them. */
#include "preload/lane/given_handles.h"

#include "spec/call/value.h"
#include "spec/table/expression.h"

#include <string.h>

/* ---- what a row says ---- */

/* Whether a value of the type has a handle in it; pointers are not followed. */
static bool has_handle(const struct type *type)
{
    while (type->kind == TYPE_ARRAY)
        type = type->target;
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++)
        if (has_handle(type->fields[i].type))
            return true;
    return type->kind == TYPE_HANDLE;
}

static bool gives_behind(const struct type *type, const struct passing *passing)
{
    return type->kind == TYPE_POINTER && passing->direction & DIRECTION_OUT && has_handle(type->target);
}

/* Whether a pointer inside a struct leads to handles that come out. */
static bool gives_inside(const struct type *type)
{
    while (type->kind == TYPE_ARRAY || type->kind == TYPE_POINTER)
        type = type->target;
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];

        if (gives_behind(field->type, &field->passing) || gives_inside(field->type))
            return true;
    }
    return false;
}

enum given_handles given_handles_of(const struct row *row)
{
    enum given_handles gives = has_handle(row->result.type) ? GIVES_SEEN : GIVES_NONE;

    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];

        if (gives_inside(parameter->type))
            return GIVES_UNSEEN;
        if (gives_behind(parameter->type, &parameter->passing))
            gives = GIVES_SEEN;
    }
    return gives;
}

/* ---- a call ---- */

static uint64_t count_elements(const struct parameter *pointer, const struct expression *expression,
                               void *const *arguments)
{
    struct scope scope = {.arguments = arguments};
    uint64_t units;

    if (pointer->passing.extent == EXTENT_ONE)
        return 1;
    if (!expression || expression_evaluate(expression, &scope, &units) ||
        __builtin_mul_overflow(units, pointer->passing.unit, &units))
        return 0;
    return units / pointer->type->target->size;
}

void given_handles_prepare(const struct row *row, void *const *arguments, struct given_room *room)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];
        const struct passing *passing = &parameter->passing;

        if (gives_behind(parameter->type, passing))
            room->counts[i] = count_elements(parameter, passing_room(passing), arguments);
    }
}

struct visitor {
    void (*visit)(void *context, const char *class, uint64_t handle);
    void *context;
};

static void visit_value(const struct visitor *visitor, const struct type *type, const char *address)
{
    uint64_t handle;

    if (type->kind == TYPE_HANDLE) {
        handle = value_load(type, address);
        if (handle)
            visitor->visit(visitor->context, type->handle, handle);
    }
    for (size_t i = 0; type->kind == TYPE_ARRAY && has_handle(type) && i < type->count; i++)
        visit_value(visitor, type->target, address + i * type->target->size);
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++)
        visit_value(visitor, type->fields[i].type, address + type->fields[i].offset);
}

static void visit_behind(const struct visitor *visitor, const struct parameter *pointer, void *const *arguments,
                         const char *address, uint64_t room)
{
    uint64_t count = address ? count_elements(pointer, passing_returned(&pointer->passing), arguments) : 0;

    for (uint64_t i = 0; i < count && i < room; i++)
        visit_value(visitor, pointer->type->target, address + i * pointer->type->target->size);
}

static bool has_failed(const struct row *row, const void *result)
{
    const struct type *type = row->result.type;

    return row->failure.is_given && (type_is_scalar(type) || type->kind == TYPE_HANDLE) &&
           type->kind != TYPE_FLOATING && (int64_t)value_load(type, result) == row->failure.value.integer;
}

void given_handles_each(const struct row *row, void *const *arguments, const void *result,
                        const struct given_room *room, void (*visit)(void *context, const char *class, uint64_t handle),
                        void *context)
{
    struct visitor visitor = {visit, context};

    if (has_failed(row, result))
        return;
    if (row->result.type->kind != TYPE_VOID)
        visit_value(&visitor, row->result.type, result);
    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];

        if (gives_behind(parameter->type, &parameter->passing))
            visit_behind(&visitor, parameter, arguments, *(const char *const *)arguments[i], room->counts[i]);
    }
}
