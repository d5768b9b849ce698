/* The guest's two quick walks. */
#include "spec/call/quick_parts.h"

/* As many bytes as the general walk would find; false where it would not put them into the body. */
static bool measure(const struct quick_step *step, void *const *arguments, struct follow *follow)
{
    bool is_in = step->direction & DIRECTION_IN, is_out = step->direction & DIRECTION_OUT;

    if (is_out && !quick_size_of(&step->room, arguments, &follow->capacity))
        return false;
    if (step->kind == QUICK_BYTES && is_in && !quick_size_of(&step->length, arguments, &follow->count))
        return false;
    if (step->kind == QUICK_BYTES && !is_in)
        follow->count = follow->capacity;
    if (step->kind == QUICK_STRING && is_out) {
        follow->count = strnlen(follow->address, follow->capacity);
        if (follow->count < follow->capacity)
            follow->count++;
        else if (is_in && follow->capacity)
            return false;
    } else if (step->kind == QUICK_STRING) {
        follow->count = strlen(follow->address) + 1;
    }
    if (follow->capacity < follow->count)
        follow->capacity = follow->count;
    return follow->capacity <= CALL_INLINE_MOST;
}

static bool encode_run(struct call *call, struct quick_writer *writer, const struct quick_step *step,
                       struct follow *follow)
{
    if (!measure(step, call->arguments, follow) || !quick_has_room(writer, QUICK_RUN_HEAD + follow->count))
        return false;
    quick_put_byte(writer, PLACE_BODY);
    quick_put_number(writer, follow->count);
    quick_put_number(writer, follow->capacity);
    quick_put_bytes(writer, follow->address, follow->count);
    call->reply_room += QUICK_RUN_HEAD + (step->direction & DIRECTION_OUT ? follow->capacity : 0);
    return true;
}

static bool encode_pointee(struct call *call, struct quick_writer *writer, const struct quick_step *step,
                           struct follow *follow)
{
    if (!quick_has_room(writer, 1 + NUMBER_MOST))
        return false;
    follow->count = follow->capacity = 1;
    quick_put_byte(writer, PLACE_BODY);
    quick_put_number(writer, value_load(step->type, follow->address));
    call->reply_room += NUMBER_MOST;
    return true;
}

static bool encode_pointer(struct call *call, struct quick_writer *writer, const struct quick_step *step)
{
    struct follow *follow = quick_follow(call, step, quick_load_pointer(call->arguments[step->index]));

    follow->place = follow->address ? PLACE_BODY : PLACE_NULL;
    if (follow->address)
        return step->kind == QUICK_POINTEE ? encode_pointee(call, writer, step, follow)
                                           : encode_run(call, writer, step, follow);
    if (!step->nullable || !quick_has_room(writer, 1))
        return false;
    quick_put_byte(writer, PLACE_NULL);
    return true;
}

/* The guest's handles are the wire's: handle_door_guest. */
static void encode_value(struct quick_writer *writer, const struct quick_step *step, const void *argument)
{
    if (step->kind == QUICK_WORD)
        quick_put_number(writer, value_load(step->type, argument));
    else
        quick_put_number(writer, (uintptr_t)quick_load_pointer(argument));
}

bool quick_encode_request(struct call *call, void *const *arguments)
{
    const struct quick *quick = &call->plan->quick;
    struct frame *frame = lane_request(call->lane);
    struct quick_writer writer = {frame->body, frame->body + FRAME_INLINE / 2};

    if (!quick->is_possible || call->copies_all || call->handles.export != handle_door_guest.export ||
        call->follow_capacity < quick->pointer_count)
        return false;
    call->arguments = arguments;
    call->follow_count = 0;
    call->reply_room = NUMBER_MOST;
    for (size_t i = 0; i < quick->step_count; i++) {
        const struct quick_step *step = &quick->steps[i];

        if (step->kind < QUICK_NOTHING)
            encode_value(&writer, step, arguments[step->index]);
        else if (!encode_pointer(call, &writer, step))
            return false;
    }
    if (call->reply_room > FRAME_INLINE / 2)
        return false;
    frame->header.inline_size = (uint32_t)(writer.at - frame->body);
    return true;
}

/* ---- the reply ---- */

static bool decode_result(struct quick_reader *reader, const struct quick_step *step, void *result)
{
    uint64_t value;
    void *handle;

    if (step->kind == QUICK_NOTHING)
        return true;
    if (!quick_take_number(reader, &value))
        return false;
    if (step->kind == QUICK_WORD)
        return value_store_result(step->type, result, value) == 0;
    handle = (void *)(uintptr_t)value;
    memcpy(result, &handle, sizeof(handle));
    return true;
}

static bool decode_out(struct quick_reader *reader, const struct quick_step *step, const struct follow *follow)
{
    uint64_t size;

    if (!quick_take_number(reader, &size))
        return false;
    if (step->kind == QUICK_POINTEE)
        return value_store(step->type, follow->address, size) == 0;
    if (size > follow->capacity || !quick_has_more(reader, size))
        return false;
    memcpy(follow->address, reader->at, size);
    reader->at += size;
    return true;
}

bool quick_decode_reply(struct call *call, void *result)
{
    const struct quick *quick = &call->plan->quick;
    const struct frame *frame = &call->lane->reply;
    struct quick_reader reader = {frame->body, frame->body + frame->header.inline_size};
    const struct follow *follow = call->follows;

    if (!call->is_quick || frame->header.flags != 0 || !decode_result(&reader, &quick->result, result))
        return false;
    for (size_t i = quick->step_count - quick->pointer_count; i < quick->step_count; i++, follow++) {
        const struct quick_step *step = &quick->steps[i];

        if (follow->place == PLACE_BODY && step->direction & DIRECTION_OUT && !decode_out(&reader, step, follow))
            return false;
    }
    return reader.at == reader.end;
}
