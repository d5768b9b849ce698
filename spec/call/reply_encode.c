/*
 * The host's second walk: the result and what came out become the reply's body.
 *
 * Where an out was is taken from the first walk, never from the arguments: the function may have changed those.
 * Buffers that lie in the lane's payload memory are there already; only how much of them counts is said.
 */
#include "spec/call/call.h"
#include "spec/call/value.h"

#include <errno.h>
#include <string.h>

/* Values only: a pointer in a struct that comes back stays what it was at the guest. */
static int encode_value(struct call *call, struct writer *writer, const struct type *type, const void *address)
{
    int error = 0;

    if (call_is_word(type)) {
        writer_number(writer, value_load(type, address));
        return 0;
    }
    if (type->kind == TYPE_HANDLE)
        return call_encode_handle(call, writer, type, address);
    if (type->kind == TYPE_POINTER || type->kind == TYPE_VOID)
        return 0;
    if (type->kind == TYPE_STRUCT) {
        for (size_t i = 0; !error && i < type->field_count; i++)
            error = encode_value(call, writer, type->fields[i].type, (const char *)address + type->fields[i].offset);
        return error;
    }
    if (call_is_list(type)) {
        for (size_t i = 0; !error && i < type->count; i++)
            error = encode_value(call, writer, type->target, (const char *)address + i * type->target->size);
        return error;
    }
    writer_bytes(writer, address, type->size);
    return 0;
}

/* How many bytes came out: what the row says now, after the call, but never more than there is room for. */
static uint64_t bytes_out(struct call *call, const struct parameter *pointer, const struct follow *follow,
                          const void *object, uint64_t room)
{
    struct scope scope = {.arguments = call->arguments, .object = object, .result = call->result};
    uint64_t bytes;

    if (pointer->passing.extent == EXTENT_ENDED) {
        bytes = call_measure_ended(pointer, follow->address, room);
        return bytes ? bytes : room;
    }
    if (expression_evaluate(passing_returned(&pointer->passing), &scope, &bytes) ||
        __builtin_mul_overflow(bytes, pointer->passing.unit, &bytes))
        return 0;
    return bytes < room ? bytes : room;
}

/* What the function wrote into a copy goes where the guest looks for it.  The first walk has checked the place. */
static void bring_home(const struct call *call, const struct follow *follow, uint64_t size)
{
    void *home = lane_payload(call->lane, call->lane->request.buffers[follow->buffer].offset + follow->offset, size);

    if (home)
        memcpy(home, follow->address, size);
}

static void encode_bytes(struct call *call, struct writer *writer, const struct parameter *pointer,
                         const struct follow *follow, const void *object)
{
    uint64_t size = bytes_out(call, pointer, follow, object, call_room(follow));
    uint64_t *filled = &call->buffer_sizes[follow->buffer];

    writer_number(writer, size);
    if (follow->place == PLACE_BODY)
        writer_bytes(writer, follow->address, size);
    if (follow->is_private)
        bring_home(call, follow, size);
    if (follow->place == PLACE_BUFFER && size && *filled < follow->offset + size)
        *filled = follow->offset + size; /* buffers may share a descriptor */
}

static int encode_pointer(struct call *call, struct writer *writer, const struct parameter *pointer,
                          const void *object);

static int encode_field(struct call *call, struct writer *writer, const struct field *field, const void *object)
{
    struct parameter pointer = {.name = field->name, .type = field->type, .passing = field->passing};

    return encode_pointer(call, writer, &pointer, object);
}

/* The outs behind the pointers in a struct that came in, in the order in which the first walk met them. */
static int encode_inside(struct call *call, struct writer *writer, const struct type *type, const void *object)
{
    int error = 0;

    for (size_t i = 0; !error && type->kind == TYPE_ARRAY && i < type->count; i++)
        error = encode_inside(call, writer, type->target, (const char *)object + i * type->target->size);
    if (type->kind != TYPE_STRUCT)
        return error;
    for (size_t i = 0; !error && i < type->field_count; i++)
        if (type_innermost(type->fields[i].type)->kind == TYPE_STRUCT)
            error = encode_inside(call, writer, type->fields[i].type, (const char *)object + type->fields[i].offset);
    for (size_t i = 0; !error && i < type->field_count; i++)
        if (type->fields[i].type->kind == TYPE_POINTER)
            error = encode_field(call, writer, &type->fields[i], object);
    return error;
}

static int encode_elements(struct call *call, struct writer *writer, const struct parameter *pointer,
                           const struct follow *follow, const void *object)
{
    const struct type *target = pointer->type->target;
    size_t size = call_element_size(pointer->type);
    uint64_t count = 1;
    int error = 0;

    if (!(follow->direction & DIRECTION_OUT))
        return 0;
    if (pointer->passing.extent == EXTENT_COUNT) {
        count = bytes_out(call, pointer, follow, object, call_room(follow) * size) / size;
        writer_number(writer, count);
    }
    for (uint64_t i = 0; !error && i < count; i++)
        error = encode_value(call, writer, target, (const char *)follow->address + i * size);
    return error;
}

static int encode_pointer(struct call *call, struct writer *writer, const struct parameter *pointer, const void *object)
{
    const struct follow *next = call_follow_next(call);
    struct follow follow;
    int error;

    if (!next)
        return -EBADMSG;
    follow = *next;
    if (follow.place == PLACE_NULL)
        return 0;
    if (call_is_bytes(pointer->type, &pointer->passing)) {
        if (follow.direction & DIRECTION_OUT)
            encode_bytes(call, writer, pointer, &follow, object);
        return 0;
    }
    error = encode_elements(call, writer, pointer, &follow, object);
    if (!(follow.direction & DIRECTION_IN))
        return error;
    for (uint64_t i = 0; !error && i < follow.count; i++)
        error = encode_inside(call, writer, pointer->type->target,
                              (const char *)follow.address + i * call_element_size(pointer->type));
    return error;
}

/* 0 for NULL, else how far behind the beginning it is, plus one. */
static int encode_pointer_into(struct call *call, struct writer *writer, const void *result)
{
    const void *pointer;
    uint64_t distance = 0;

    memcpy(&pointer, result, sizeof(pointer));
    if (pointer && call_distance_into(call, pointer, &distance))
        return call_fault(call, "return", "it does not point into the argument that its row names", -EPROTO);
    writer_number(writer, pointer ? distance + 1 : 0);
    return 0;
}

static int encode_result(struct call *call, struct writer *writer, const void *result)
{
    const struct parameter *parameter = &call->plan->row->result;
    const char *string;
    size_t size;

    if (parameter->passing.into)
        return encode_pointer_into(call, writer, result);
    if (!parameter->passing.is_static_string)
        return encode_value(call, writer, parameter->type, result);
    memcpy(&string, result, sizeof(string));
    writer_u8(writer, string ? PLACE_BODY : PLACE_NULL);
    if (!string)
        return 0;
    size = strnlen(string, CALL_STRING_ROOM);
    if (size >= CALL_STRING_ROOM - 2 * sizeof(uint64_t))
        return call_fault(call, parameter->name, "the returned string is longer than 64 KiB", -E2BIG);
    writer_number(writer, size + 1);
    writer_bytes(writer, string, size + 1);
    return 0;
}

static int encode_outs(struct call *call, struct writer *writer)
{
    const struct plan *plan = call->plan;
    int error = 0;

    for (size_t i = 0; !error && i < plan->value_count; i++)
        error =
            encode_inside(call, writer, plan->row->parameters[plan->values[i]].type, call->arguments[plan->values[i]]);
    for (size_t i = 0; !error && i < plan->pointer_count; i++)
        error = encode_pointer(call, writer, &plan->row->parameters[plan->pointers[i]], NULL);
    return error;
}

/* The request's descriptors again, cut to what was filled. */
static void answer_buffers(struct call *call, struct frame *reply)
{
    const struct frame *request = &call->lane->request;

    reply->header.buffer_count = request->header.buffer_count;
    for (uint32_t i = 0; i < request->header.buffer_count; i++) {
        reply->buffers[i] = request->buffers[i];
        reply->buffers[i].size = call->buffer_sizes[i];
    }
}

/* A body that does not fit the frame goes where the guest has made room for it. */
static int place_body(struct call *call, struct frame *reply, const struct writer *writer)
{
    const struct frame *request = &call->lane->request;
    uint8_t index = request->header.room_buffer;
    void *room = NULL;

    if (request->header.flags & FRAME_ROOM_FOR_BODY && writer->size <= request->buffers[index].size)
        room = lane_payload(call->lane, request->buffers[index].offset, writer->size);
    if (!room)
        return call_fault(call, NULL, "its results are larger than the room for them", -E2BIG);
    memcpy(room, writer->data, writer->size);
    call->buffer_sizes[index] = writer->size;
    reply->header.flags = FRAME_BODY_IN_BUFFER;
    reply->header.body_buffer = index;
    return 0;
}

int call_encode_reply(struct call *call, const void *result)
{
    struct frame *reply = lane_reply(call->lane);
    struct writer writer;
    int error;

    if (quick_encode_reply(call, result))
        return 0;
    call->follow_next = 0;
    call->result = result;
    memset(call->buffer_sizes, 0, sizeof(call->buffer_sizes));
    writer_start(&writer, reply->body, sizeof(reply->body), &call->scratch);
    error = encode_result(call, &writer, result);
    if (!error)
        error = encode_outs(call, &writer);
    if (!error && writer.failed)
        error = -ENOMEM;
    if (!error && writer.data != reply->body)
        error = place_body(call, reply, &writer);
    if (error)
        return error;
    if (writer.data == reply->body)
        reply->header.inline_size = (uint32_t)writer.size;
    answer_buffers(call, reply);
    return 0;
}
