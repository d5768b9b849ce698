/* Which rows can be walked quickly, and by which steps. */
#include "spec/call/quick.h"

#include "spec/call/quick_parts.h"

static bool prepare_size(const struct expression *expression, size_t unit, struct quick_size *size)
{
    struct expression_leaf leaf;

    if (!expression || unit > CALL_INLINE_MOST || !expression_leaf(expression, &leaf))
        return false;
    *size = (struct quick_size){
        .index = (uint8_t)leaf.index, .width = (uint8_t)leaf.size, .is_signed = leaf.is_signed, .unit = unit};
    switch (leaf.kind) {
    case LEAF_ARGUMENT:
        size->source = QUICK_ARGUMENT;
        return true;
    case LEAF_POINTEE:
        size->source = QUICK_BEHIND;
        return true;
    case LEAF_NUMBER:
        break;
    }
    size->source = QUICK_CONSTANT;
    size->index = 0;
    size->unit *= (uint64_t)leaf.number;
    return leaf.number >= 0 && leaf.number <= CALL_INLINE_MOST;
}

static bool prepare_value(struct quick_step *step, const struct type *type)
{
    step->type = type;
    if (call_is_word(type))
        step->kind = QUICK_WORD;
    else if (type->kind == TYPE_HANDLE)
        step->kind = QUICK_HANDLE;
    else
        return false;
    return true;
}

static bool prepare_run(struct quick_step *step, const struct passing *passing)
{
    bool is_out = passing->direction & DIRECTION_OUT;

    if (passing->returned)
        return false;
    if (passing->extent == EXTENT_ENDED && (step->type->size != 1 || passing->end != 0 || passing->is_list))
        return false;
    step->kind = passing->extent == EXTENT_ENDED ? QUICK_STRING : QUICK_BYTES;
    if (step->kind == QUICK_BYTES && !prepare_size(passing->length, passing->unit, &step->length))
        return false;
    return !is_out || prepare_size(passing->capacity ? passing->capacity : passing->length, passing->unit, &step->room);
}

static bool prepare_pointer(struct quick_step *step, const struct parameter *pointer)
{
    step->type = pointer->type->target;
    step->direction = (uint8_t)pointer->passing.direction;
    step->nullable = pointer->passing.nullable;
    if (call_is_bytes(pointer->type, &pointer->passing))
        return prepare_run(step, &pointer->passing);
    step->kind = QUICK_POINTEE;
    return pointer->passing.extent == EXTENT_ONE && call_is_word(step->type);
}

static bool prepare_result(struct quick_step *step, const struct parameter *result)
{
    if (result->passing.is_static_string || result->passing.into)
        return false;
    if (result->type->kind != TYPE_VOID)
        return prepare_value(step, result->type);
    step->kind = QUICK_NOTHING;
    return true;
}

void quick_prepare(struct quick *quick, const struct row *row, const uint8_t *values, size_t value_count,
                   const uint8_t *pointers, size_t pointer_count)
{
    bool is_possible = prepare_result(&quick->result, &row->result) && value_count + pointer_count <= QUICK_STEPS_MOST;

    for (size_t i = 0; is_possible && i < value_count; i++) {
        struct quick_step *step = &quick->steps[quick->step_count++];

        step->index = values[i];
        is_possible = prepare_value(step, row->parameters[values[i]].type);
    }
    for (size_t i = 0; is_possible && i < pointer_count; i++) {
        struct quick_step *step = &quick->steps[quick->step_count++];

        step->index = pointers[i];
        is_possible = prepare_pointer(step, &row->parameters[pointers[i]]);
    }
    quick->pointer_count = (uint8_t)pointer_count;
    quick->is_possible = is_possible;
}
