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
    if (passing->length && expression_follows(passing->length, parameter))
        return true;
    return passing->capacity && expression_follows(passing->capacity, parameter);
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

static int check_sizes(struct reading *reading, const struct row *row, const struct passing *passing)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *followed = &row->parameters[i];
        bool late = passing->capacity && passing->direction == DIRECTION_OUT;
        int status = 0;

        if (passing->length)
            status = check_one(reading, row, passing->length, followed);
        if (status == 0 && passing->capacity)
            status = check_one(reading, row, passing->capacity, followed);
        if (status == 0 && passing->length && !late)
            status = check_early(reading, row, passing->length, followed);
        if (status == 0 && passing->capacity)
            status = check_early(reading, row, passing->capacity, followed);
        if (status < 0)
            return status;
    }
    return 0;
}

static bool is_ready(const struct row *row, size_t parameter, uint64_t placed)
{
    for (size_t i = 0; i < row->parameter_count; i++) {
        if (!(placed >> i & 1) && passing_follows(&row->parameters[parameter].passing, i))
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
        while (placed >> next & 1 || !passing_follows(&row->parameters[at].passing, next))
            next++;
        text_format(&circle, "%s the size of %s needs *%s", circle.size ? "," : "", row->parameters[at].name,
                    row->parameters[next].name);
        at = next;
    }
    reading_part(reading, "parameter", row->parameters[at].name);
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

        reading_part(reading, "parameter", row->parameters[i].name);
        status = check_sizes(reading, row, &row->parameters[i].passing);
        if (status < 0)
            return status;
    }
    reading_part(reading, NULL, NULL);
    return 0;
}
