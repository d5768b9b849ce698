/*
 * Which parameter's bytes must be there before another's size can be known.
 *
 * "*destLen" can be evaluated only when what destLen points to is there.  The order puts destLen first, and a circle
 * is refused.  Before the call an out pointer has nothing behind it, so only sizes of outs that have a capacity of
 * their own may follow one.
 */
#include "spec/table/table_parts.h"

#include "spec/table/expression_tree.h"

#include <errno.h>

static bool passing_follows(const struct passing *passing, size_t parameter)
{
    const struct expression *const sizes[] = {passing->length, passing->capacity, passing->returned};

    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (sizes[i] && expression_follows(sizes[i], parameter))
            return true;
    return false;
}

static const struct type *struct_of(const struct type *type)
{
    return type->kind == TYPE_POINTER ? type->target : type;
}

/* The sizes of a parameter are its own, and those that its row gives the members of its struct. */
static bool follows(const struct type *type, const struct passing *passing, size_t parameter)
{
    const struct type *inside = struct_of(type);

    if (passing_follows(passing, parameter))
        return true;
    for (size_t i = 0; inside->kind == TYPE_STRUCT && i < inside->field_count; i++)
        if (follows(inside->fields[i].type, &inside->fields[i].passing, parameter))
            return true;
    return false;
}

static bool parameter_follows(const struct parameter *parameter, size_t other)
{
    return follows(parameter->type, &parameter->passing, other);
}

/* Only one element is sure to be there: an array may be empty. */
static int check_one(struct reading *reading, const struct row *row, const struct expression *size,
                     const struct parameter *followed)
{
    size_t index = (size_t)(followed - row->parameters);

    if (!expression_follows(size, index) || followed->passing.extent == EXTENT_ONE)
        return 0;
    return reading_fault(reading,
                         "\"%s\" follows %s, which has more than one element or none; only a pointer to one "
                         "(\"in\", \"out\", \"inout\" alone) can be followed",
                         expression_text(size), followed->name);
}

/* `size` is needed before the call. */
static int check_early(struct reading *reading, const struct row *row, const struct expression *size,
                       const struct parameter *followed)
{
    size_t index = (size_t)(followed - row->parameters);

    if (!expression_follows(size, index) || followed->passing.direction != DIRECTION_OUT)
        return 0;
    return reading_fault(reading,
                         "\"%s\" is needed before the call, when *%s has no value yet (it is \"out\"); write \"inout\" "
                         "for %s, or a \"capacity\" that is known before",
                         expression_text(size), followed->name, followed->name);
}

/*
 * Values travel before pointers, in the order of the prototype: what a size inside a struct by value names must have
 * come before the struct.
 */
static int check_value(struct reading *reading, const struct row *row, const struct expression *size,
                       const struct parameter *by_value)
{
    for (const struct parameter *other = row->parameters; other < row->parameters + row->parameter_count; other++) {
        size_t index = (size_t)(other - row->parameters);

        if (expression_follows(size, index) || (other >= by_value && expression_takes(size, index)))
            return reading_fault(reading,
                                 "\"%s\" is needed where %s travels, by value and before %s does; name numbers that "
                                 "come earlier in the prototype",
                                 expression_text(size), by_value->name, other->name);
    }
    return 0;
}

static int check_size(struct reading *reading, const struct row *row, const struct expression *size,
                      const struct parameter *owner, bool is_late)
{
    int status = 0;

    if (!size)
        return 0;
    if (!is_late && expression_needs_result(size))
        return reading_fault(reading,
                             "\"%s\" is needed before the call, when nothing has been returned yet; give a "
                             "\"capacity\" that is known before",
                             expression_text(size));
    for (size_t i = 0; i < row->parameter_count && status == 0; i++) {
        status = check_one(reading, row, size, &row->parameters[i]);
        if (status == 0 && !is_late)
            status = check_early(reading, row, size, &row->parameters[i]);
    }
    if (status == 0 && !is_late && owner->type->kind == TYPE_STRUCT)
        status = check_value(reading, row, size, owner);
    return status;
}

static int check_sizes(struct reading *reading, const struct row *row, const struct parameter *owner,
                       const struct type *type, const struct passing *passing)
{
    const struct type *inside = struct_of(type);
    bool is_late = passing->capacity && passing->direction == DIRECTION_OUT;
    int status = check_size(reading, row, passing->length, owner, is_late);

    if (status == 0)
        status = check_size(reading, row, passing->capacity, owner, false);
    if (status == 0)
        status = check_size(reading, row, passing->returned, owner, passing->capacity != NULL);
    for (size_t i = 0; inside->kind == TYPE_STRUCT && i < inside->field_count && status == 0; i++)
        status = check_sizes(reading, row, owner, inside->fields[i].type, &inside->fields[i].passing);
    return status;
}

static bool is_ready(const struct row *row, size_t parameter, uint64_t placed)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        if (!(placed >> i & 1) && parameter_follows(&row->parameters[parameter], i))
            return false;
    }
    return true;
}

/* The next parameter, in the order of the prototype, that waits for nothing.  parameter_count: there is none. */
static size_t find_ready(const struct row *row, uint64_t placed)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        if (!(placed >> i & 1) && is_ready(row, i, placed))
            return i;
    }
    return row->parameter_count;
}

/* Every parameter that is left waits for another one that is left: walking on from any of them comes around. */
static int fault_circle(struct reading *reading, const struct row *row, uint64_t placed)
{
    AUTO_TEXT struct text circle = {0};
    uint64_t seen = 0;
    size_t at = 0;

    while (placed >> at & 1)
        at++;
    while (!(seen >> at & 1)) {
        size_t next = 0;

        seen |= (uint64_t)1 << at;
        while (placed >> next & 1 || !parameter_follows(&row->parameters[at], next))
            next++;
        text_format(&circle, "%s the size of %s needs *%s", circle.size ? "," : "", row->parameters[at].name,
                    row->parameters[next].name);
        at = next;
    }
    reading_part(reading, "parameter", row->parameters[at].name, NULL);
    return reading_fault(reading, "sizes that wait for each other:%s", circle.data ? circle.data : "");
}

_Static_assert(TABLE_PARAMETERS_MOST <= 64, "the sets here are 64-bit masks");

int row_order_find(struct reading *reading, struct row *row)
{
    uint8_t *order = reading_take(reading, row->parameter_count, sizeof(*order));
    uint64_t placed = 0;

    if (!order)
        return -ENOMEM;
    row->order = order;
    for (size_t i = 0; i < row->parameter_count; i++) {
        size_t next = find_ready(row, placed);

        if (next == row->parameter_count)
            return fault_circle(reading, row, placed);
        order[i] = (uint8_t)next;
        placed |= (uint64_t)1 << next;
    }

    for (size_t i = 0; i < row->parameter_count; i++) {
        int status;

        reading_part(reading, "parameter", row->parameters[i].name, NULL);
        status = check_sizes(reading, row, &row->parameters[i], row->parameters[i].type, &row->parameters[i].passing);
        if (status < 0)
            return status;
    }
    reading_part(reading, NULL, NULL, NULL);
    return 0;
}
