/*
 * The host's two quick walks.  The request is hostile: each size that came is held against what the row gives, as in
 * the general walk, and what does not fit is left to that one, which refuses it.
 */
#include "spec/call/quick_parts.h"

static void *take(struct call *call, size_t size)
{
    if (size > call->limit - call->taken)
        return NULL;
    call->taken += size;
    return scratch_take(&call->scratch, size);
}

/* Whether the sizes that came are those of the row. */
static bool sizes_fit(const struct quick_step *step, void *const *arguments, const struct follow *follow)
{
    uint64_t length = follow->count, room = 0;

    if (step->kind == QUICK_BYTES && step->direction & DIRECTION_IN &&
        !quick_size_of(&step->length, arguments, &length))
        return false;
    if (step->direction & DIRECTION_OUT && !quick_size_of(&step->room, arguments, &room))
        return false;
    if (step->direction & DIRECTION_IN && room < length)
        room = length;
    return follow->count == length && follow->capacity == room && length <= room && room <= CALL_INLINE_MOST;
}

static bool string_fits(const struct quick_step *step, const struct follow *follow)
{
    const char *string = follow->address;

    if (step->kind != QUICK_STRING || !(step->direction & DIRECTION_IN) ||
        (follow->capacity == 0 && step->direction & DIRECTION_OUT))
        return true;
    return follow->count != 0 && string[follow->count - 1] == '\0';
}

/* A string that the function only reads stays in the request's frame, which is our copy and lasts as long. */
static bool place_run(struct call *call, const struct quick_reader *reader, const struct quick_step *step,
                      struct follow *follow)
{
    if (step->kind == QUICK_STRING && step->direction == DIRECTION_IN) {
        follow->address = (void *)(uintptr_t)reader->at;
        return true;
    }
    follow->address = take(call, follow->capacity);
    if (!follow->address)
        return false;
    memcpy(follow->address, reader->at, follow->count);
    if (follow->capacity > follow->count)
        memset((uint8_t *)follow->address + follow->count, 0, follow->capacity - follow->count);
    return true;
}

static bool decode_run(struct call *call, struct quick_reader *reader, const struct quick_step *step,
                       struct follow *follow)
{
    if (!quick_take_number(reader, &follow->count) || !quick_take_number(reader, &follow->capacity))
        return false;
    if (!sizes_fit(step, call->arguments, follow) || !quick_has_more(reader, follow->count))
        return false;
    if (!place_run(call, reader, step, follow))
        return false;
    reader->at += follow->count;
    return string_fits(step, follow);
}

static bool decode_pointee(struct call *call, struct quick_reader *reader, const struct quick_step *step,
                           struct follow *follow)
{
    uint64_t value;

    if (!quick_take_number(reader, &value))
        return false;
    follow->count = follow->capacity = 1;
    follow->address = take(call, sizeof(uint64_t));
    return follow->address && value_store(step->type, follow->address, value) == 0;
}

static bool decode_pointer(struct call *call, struct quick_reader *reader, const struct quick_step *step, void *slot)
{
    struct follow *follow = quick_follow(call, step, NULL);
    bool is_good;

    if (!quick_has_more(reader, 1))
        return false;
    follow->place = *reader->at++;
    if (follow->place == PLACE_NULL)
        is_good = step->nullable;
    else if (follow->place != PLACE_BODY)
        is_good = false;
    else if (step->kind == QUICK_POINTEE)
        is_good = decode_pointee(call, reader, step, follow);
    else
        is_good = decode_run(call, reader, step, follow);
    memcpy(slot, &follow->address, sizeof(follow->address));
    return is_good;
}

static bool decode_value(struct call *call, struct quick_reader *reader, const struct quick_step *step, void *slot)
{
    uint64_t value;
    void *local;

    if (!quick_take_number(reader, &value))
        return false;
    if (step->kind == QUICK_WORD)
        return value_store(step->type, slot, value) == 0;
    if (call->handles.import(call->handles.context, step->type->handle, value, &local))
        return false;
    memcpy(slot, &local, sizeof(local));
    return true;
}

/* Every argument is one word. */
static void **lay_out_arguments(struct call *call)
{
    size_t count = call->plan->row->parameter_count;
    uint64_t *words = take(call, 2 * count * sizeof(*words));
    void **arguments = (void **)(void *)words;

    for (size_t i = 0; words && i < count; i++) {
        words[count + i] = 0;
        arguments[i] = &words[count + i];
    }
    return arguments;
}

bool quick_decode_request(struct call *call)
{
    const struct quick *quick = &call->plan->quick;
    const struct frame *frame = &call->lane->request;
    struct quick_reader reader = {frame->body, frame->body + frame->header.inline_size};
    void **arguments;

    if (!quick->is_possible || (frame->header.flags & ~(uint32_t)FRAME_MAY_TELL) != 0 ||
        frame->header.buffer_count != 0 || call->follow_capacity < quick->pointer_count)
        return false;
    call->taken = 0;
    call->follow_count = 0;
    arguments = lay_out_arguments(call);
    call->arguments = arguments;
    for (size_t i = 0; arguments && i < quick->step_count; i++) {
        const struct quick_step *step = &quick->steps[i];

        if (step->kind < QUICK_NOTHING ? !decode_value(call, &reader, step, arguments[step->index])
                                       : !decode_pointer(call, &reader, step, arguments[step->index]))
            return false;
    }
    return arguments && reader.at == reader.end;
}

/* ---- the reply ---- */

static bool encode_result(struct call *call, struct quick_writer *writer, const void *result)
{
    const struct quick_step *step = &call->plan->quick.result;
    uint64_t wire;

    if (step->kind == QUICK_NOTHING)
        return true;
    if (step->kind == QUICK_WORD)
        wire = value_load(step->type, result);
    else if (call->handles.export(call->handles.context, step->type->handle,
                                  (void *)(uintptr_t)quick_load_pointer(result), &wire))
        return false;
    quick_put_number(writer, wire);
    return true;
}

static bool encode_out(struct call *call, struct quick_writer *writer, const struct quick_step *step,
                       const struct follow *follow)
{
    uint64_t size;

    if (step->kind == QUICK_POINTEE) {
        if (!quick_has_room(writer, NUMBER_MOST))
            return false;
        quick_put_number(writer, value_load(step->type, follow->address));
        return true;
    }
    size = quick_size_out(step, call->arguments, follow);
    if (size > follow->capacity || !quick_has_room(writer, NUMBER_MOST + size))
        return false;
    quick_put_number(writer, size);
    quick_put_bytes(writer, follow->address, size);
    return true;
}

bool quick_encode_reply(struct call *call, const void *result)
{
    const struct quick *quick = &call->plan->quick;
    struct frame *reply = lane_reply(call->lane);
    struct quick_writer writer = {reply->body, reply->body + sizeof(reply->body)};
    const struct follow *follow = call->follows;

    if (!call->is_quick || !encode_result(call, &writer, result))
        return false;
    for (size_t i = quick->step_count - quick->pointer_count; i < quick->step_count; i++, follow++) {
        const struct quick_step *step = &quick->steps[i];

        if (follow->place == PLACE_BODY && step->direction & DIRECTION_OUT && !encode_out(call, &writer, step, follow))
            return false;
    }
    reply->header.inline_size = (uint32_t)(writer.at - reply->body);
    return true;
}
