/*
 * The guest's first walk: arguments become a body.  Small buffers go into it; others are noted while it is written and
 * placed afterwards, when it is known how much payload memory the call needs (request_place.c).
 */
#include "spec/call/call.h"
#include "spec/call/value.h"

#include <errno.h>
#include <string.h>

enum { PATCH_SIZE = 9, SIZES_WORST = 1 + 2 * NUMBER_MOST };

static int encode_pointer(struct call *call, struct writer *writer, const struct parameter *pointer, void *address,
                          const void *object);

/* A pointer in a struct. */
static int encode_field(struct call *call, struct writer *writer, const struct field *field, const void *object)
{
    struct parameter pointer = {.name = field->name, .type = field->type, .passing = field->passing};
    void *address;

    memcpy(&address, (const char *)object + field->offset, sizeof(address));
    return encode_pointer(call, writer, &pointer, address, object);
}

static int encode_struct(struct call *call, struct writer *writer, const struct type *type, const void *object);
static int encode_list(struct call *call, struct writer *writer, const struct type *type, const void *address);

static int encode_value(struct call *call, struct writer *writer, const struct type *type, const void *address)
{
    if (call_is_word(type)) {
        writer_number(writer, value_load(type, address));
        return 0;
    }
    if (type->kind == TYPE_HANDLE)
        return call_encode_handle(call, writer, type, address);
    if (type->kind == TYPE_STRUCT)
        return encode_struct(call, writer, type, address);
    if (call_is_list(type))
        return encode_list(call, writer, type, address);
    writer_bytes(writer, address, type->size);
    return 0;
}

static int encode_list(struct call *call, struct writer *writer, const struct type *type, const void *address)
{
    int error = 0;

    for (size_t i = 0; !error && i < type->count; i++)
        error = encode_value(call, writer, type->target, (const char *)address + i * type->target->size);
    return error;
}

static int encode_struct(struct call *call, struct writer *writer, const struct type *type, const void *object)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        int error = 0;

        if (field->type->kind != TYPE_POINTER)
            error = encode_value(call, writer, field->type, (const char *)object + field->offset);
        if (error)
            return error;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        int error = 0;

        if (type->fields[i].type->kind == TYPE_POINTER)
            error = encode_field(call, writer, &type->fields[i], object);
        if (error)
            return error;
    }
    return 0;
}

/*
 * What an out object holds before the call travels too, but for handles: a function that leaves it alone leaves it
 * alone here as well.
 */
static void encode_before(struct call *call, struct writer *writer, const struct type *type, const void *address)
{
    if (type->kind == TYPE_STRUCT) {
        for (size_t i = 0; i < type->field_count; i++)
            encode_before(call, writer, type->fields[i].type, (const char *)address + type->fields[i].offset);
        return;
    }
    if (call_is_list(type)) {
        for (size_t i = 0; i < type->count; i++)
            encode_before(call, writer, type->target, (const char *)address + i * type->target->size);
        return;
    }
    if (type->kind != TYPE_HANDLE && type->kind != TYPE_POINTER && encode_value(call, writer, type, address))
        writer->failed = true;
}

static int evaluate(struct call *call, const struct parameter *pointer, const struct expression *expression,
                    const void *object, uint64_t *bytes)
{
    struct scope scope = {.arguments = call->arguments, .object = object};
    int error = expression_evaluate(expression, &scope, bytes);

    if (error)
        return call_fault(call, pointer->name, "its size cannot be computed", error);
    if (__builtin_mul_overflow(*bytes, pointer->passing.unit, bytes) || *bytes > INT64_MAX)
        return call_fault(call, pointer->name, "its size is larger than memory", -EOVERFLOW);
    return 0;
}

/* Elements with their end; of what is only written, what is there before, which may have none. */
static int measure_ended(struct call *call, const struct parameter *pointer, const void *elements,
                         struct follow *follow)
{
    bool is_out = pointer->passing.direction & DIRECTION_OUT;

    follow->count = call_measure_ended(pointer, elements, is_out ? follow->capacity : UINT64_MAX);
    if (follow->count || !is_out || !follow->capacity)
        return 0;
    follow->count = follow->capacity;
    if (pointer->passing.direction & DIRECTION_IN)
        return call_fault(call, pointer->name, "it has no end within its capacity", -ERANGE);
    return 0;
}

/* Bytes that go in, and bytes there must be room for on the way back. */
static int measure(struct call *call, const struct parameter *pointer, const void *address, const void *object,
                   struct follow *follow)
{
    const struct passing *passing = &pointer->passing;
    bool is_ended = passing->extent == EXTENT_ENDED;
    int error = 0;

    if (passing->direction & DIRECTION_OUT)
        error = evaluate(call, pointer, passing_room(passing), object, &follow->capacity);
    if (!error && passing->direction & DIRECTION_IN && !is_ended)
        error = evaluate(call, pointer, passing->length, object, &follow->count);
    if (!error && is_ended && address)
        error = measure_ended(call, pointer, address, follow);
    if (follow->capacity < follow->count) {
        follow->only_in = passing->returned ? follow->count - follow->capacity : 0;
        follow->capacity = follow->count;
    }
    return error;
}

/* Nothing at all needs no buffer, so there is none of size 0. */
static bool fits_body(const struct call *call, const struct writer *writer, const struct follow *follow)
{
    if (follow->capacity == 0)
        return true;
    if (follow->capacity > CALL_INLINE_MOST || writer->size + follow->capacity > FRAME_INLINE / 2)
        return false;
    return call_room(follow) == 0 || call->reply_room + call_room(follow) <= FRAME_INLINE / 2;
}

/* Whether the buffer can be used where it is.  Over a socket all of it or nothing goes out. */
static bool lies_in_place(const struct call *call, struct follow *follow)
{
    if (call->copies_all)
        return false;
    if (call->lane->medium == MEDIUM_SOCKET)
        return follow->count == follow->capacity || (follow->count == 0 && follow->direction == DIRECTION_OUT);
    return memory_contains(call->lane->memory, follow->address, follow->capacity, &follow->offset);
}

/*
 * What a small out holds before the call travels too, for a function that leaves some of it alone; also where the body
 * has no room for it.  A large one is not copied twice for that, unless what comes back is compared byte by byte.
 */
static int encode_bytes(struct call *call, struct writer *writer, const struct parameter *pointer,
                        struct follow *follow)
{
    bool is_inline = fits_body(call, writer, follow);

    if (follow->direction == DIRECTION_OUT && pointer->passing.extent != EXTENT_ENDED)
        follow->count = follow->capacity <= CALL_INLINE_MOST || call->copies_all ? follow->capacity : 0;
    follow->place = is_inline ? PLACE_BODY : PLACE_BUFFER;
    writer_u8(writer, follow->place);
    writer_number(writer, follow->count);
    writer_number(writer, follow->capacity);
    if (is_inline) {
        writer_bytes(writer, follow->address, follow->count);
        call->reply_room += SIZES_WORST + call_room(follow);
        return 0;
    }
    call->has_buffers = true;
    follow->is_shared = lies_in_place(call, follow);
    follow->patch = writer->size;
    writer_bytes(writer, (const uint8_t[PATCH_SIZE]){0}, PATCH_SIZE);
    call->reply_room += SIZES_WORST;
    return 0;
}

static int encode_elements(struct call *call, struct writer *writer, const struct parameter *pointer,
                           struct follow *follow)
{
    size_t size = call_element_size(pointer->type);
    bool is_out = follow->direction == DIRECTION_OUT;
    const char *elements = follow->address;
    uint64_t worst, all, count, room;

    follow->place = PLACE_BODY;
    room = call_room(follow) / size;
    follow->capacity /= size;
    follow->only_in = pointer->passing.returned ? follow->capacity - room : 0;
    follow->count = is_out ? follow->capacity : follow->count / size;
    writer_u8(writer, PLACE_BODY);
    writer_number(writer, follow->count);
    writer_number(writer, follow->capacity);
    worst = plan_worst_value(pointer->type->target);
    if (__builtin_mul_overflow(worst, follow->capacity, &all) || all > CALL_BODY_MOST)
        return call_fault(call, pointer->name, "so many elements do not fit one call", -E2BIG);
    call->reply_room += SIZES_WORST + worst * call_room(follow);
    count = follow->count; /* the list of follows may move */
    for (uint64_t i = 0; i < count; i++) {
        const char *element = elements + i * size;
        int error = 0;

        if (is_out)
            encode_before(call, writer, pointer->type->target, element);
        else
            error = encode_value(call, writer, pointer->type->target, element);
        if (error)
            return error;
    }
    return 0;
}

static int encode_one(struct call *call, struct writer *writer, const struct parameter *pointer, struct follow *follow)
{
    const struct type *target = pointer->type->target;
    const void *address = follow->address; /* the list of follows may move */

    follow->place = PLACE_BODY;
    follow->count = follow->capacity = 1;
    writer_u8(writer, PLACE_BODY);
    call->reply_room += pointer->passing.direction & DIRECTION_OUT ? plan_worst_value(target) : 0;
    if (pointer->passing.direction & DIRECTION_IN)
        return encode_value(call, writer, target, address);
    encode_before(call, writer, target, address);
    return 0;
}

static int encode_null(struct call *call, struct writer *writer, const struct parameter *pointer,
                       const struct follow *follow)
{
    bool is_empty = pointer->passing.extent == EXTENT_COUNT && follow->capacity == 0;

    if (!pointer->passing.nullable && !is_empty)
        return call_fault(call, pointer->name, "it is NULL, and its row does not say \"nullable\": true", -EFAULT);
    writer_u8(writer, PLACE_NULL);
    return 0;
}

static int encode_pointer(struct call *call, struct writer *writer, const struct parameter *pointer, void *address,
                          const void *object)
{
    struct follow *follow = call_follow(call);
    int error = 0;

    if (!follow)
        return call_fault(call, pointer->name, "too many pointers in one call", -E2BIG);
    follow->address = address;
    follow->direction = (uint8_t)pointer->passing.direction;
    if (pointer->passing.extent != EXTENT_ONE && (address || !pointer->passing.nullable))
        error = measure(call, pointer, address, object, follow);
    if (error)
        return error;
    if (!address)
        return encode_null(call, writer, pointer, follow);
    if (pointer->passing.extent == EXTENT_ONE)
        return encode_one(call, writer, pointer, follow);
    if (call_is_bytes(pointer->type, &pointer->passing))
        return encode_bytes(call, writer, pointer, follow);
    return encode_elements(call, writer, pointer, follow);
}

static int encode_arguments(struct call *call, struct writer *writer)
{
    const struct plan *plan = call->plan;
    int error = 0;

    for (size_t i = 0; !error && i < plan->value_count; i++) {
        const struct parameter *value = &plan->row->parameters[plan->values[i]];

        error = encode_value(call, writer, value->type, call->arguments[plan->values[i]]);
        if (error && !call->fault_name)
            call->fault_name = value->name;
    }
    for (size_t i = 0; !error && i < plan->pointer_count; i++) {
        uint8_t index = plan->pointers[i];

        error =
            encode_pointer(call, writer, &plan->row->parameters[index], *(void *const *)call->arguments[index], NULL);
    }
    return error;
}

int call_encode_request(struct call *call, void *const *arguments, uint32_t request, uint32_t function)
{
    struct frame *frame = lane_request(call->lane);
    struct writer writer;
    int error;

    frame_start(frame, FRAME_CALL, request, function);
    lane_take_back(call->lane);
    frame->header.error_number = call->error_number;
    frame->header.timeout_ms = call->timeout_ms;
    call->is_quick = quick_encode_request(call, arguments);
    if (call->is_quick)
        return 0;
    scratch_reset(&call->scratch);
    call->arguments = arguments;
    call->follow_count = call->follow_next = 0;
    call->fault_name = call->fault_what = NULL;
    call->reply_room = call->plan->reply_room;
    call->has_buffers = false;
    writer_start(&writer, frame->body, sizeof(frame->body), &call->scratch);
    error = encode_arguments(call, &writer);
    if (error)
        return error;
    if (writer.failed || writer.size > CALL_BODY_MOST)
        return call_fault(call, NULL, "its arguments are too large", -ENOMEM);
    if (call->has_buffers || writer.data != frame->body || call->reply_room > FRAME_INLINE)
        return call_place(call, frame, &writer);
    frame->header.inline_size = (uint32_t)writer.size;
    return 0;
}
