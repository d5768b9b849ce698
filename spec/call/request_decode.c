/*
 * The host's first walk: a body becomes arguments.
 *
 * Everything here is hostile.  Each size that came is compared with what the row's own expression gives over the
 * arguments decoded so far; each buffer is looked up in the lane's payload memory; what the call may take in memory is
 * bounded by call->limit.
 */
#include "spec/call/call.h"
#include "spec/call/value.h"

#include <errno.h>
#include <string.h>

static int decode_pointer(struct call *call, struct reader *reader, const struct parameter *pointer, void *slot,
                          const void *object);

/* Zeroed memory out of what this call may take. */
static void *take(struct call *call, uint64_t size)
{
    void *taken;

    if (size > call->limit - call->taken)
        return NULL;
    call->taken += size;
    taken = scratch_take(&call->scratch, size);
    if (taken)
        memset(taken, 0, size);
    return taken;
}

/* The same for objects whose type wants more than scratch memory's alignment. */
static void *take_aligned(struct call *call, uint64_t size, size_t alignment)
{
    uintptr_t address;

    if (alignment <= SCRATCH_ALIGNMENT)
        return take(call, size);
    address = (uintptr_t)take(call, size + alignment);
    return address ? (void *)((address + alignment - 1) & ~(uintptr_t)(alignment - 1)) : NULL;
}

static int decode_handle(struct call *call, struct reader *reader, const struct type *type, void *address)
{
    uint64_t wire = reader_number(reader);
    void *local;
    int error = reader->failed ? -EBADMSG : call->handles.import(call->handles.context, type->handle, wire, &local);

    if (error)
        return call_fault(call, type->name, "no such handle: closed, of another type, or of an earlier session", error);
    memcpy(address, &local, sizeof(local));
    return 0;
}

static int decode_struct(struct call *call, struct reader *reader, const struct type *type, void *object);
static int decode_list(struct call *call, struct reader *reader, const struct type *type, void *address);

static int decode_value(struct call *call, struct reader *reader, const struct type *type, void *address)
{
    struct span bytes;

    if (call_is_word(type))
        return value_store(type, address, reader_number(reader));
    if (type->kind == TYPE_HANDLE)
        return decode_handle(call, reader, type, address);
    if (type->kind == TYPE_STRUCT)
        return decode_struct(call, reader, type, address);
    if (call_is_list(type))
        return decode_list(call, reader, type, address);
    bytes = reader_bytes(reader, type->size);
    if (!reader->failed)
        memcpy(address, bytes.data, bytes.size);
    return 0;
}

static int decode_list(struct call *call, struct reader *reader, const struct type *type, void *address)
{
    int error = 0;

    for (size_t i = 0; !error && i < type->count; i++)
        error = decode_value(call, reader, type->target, (char *)address + i * type->target->size);
    return error;
}

/* A pointer in a struct. */
static int decode_field(struct call *call, struct reader *reader, const struct field *field, void *object)
{
    struct parameter pointer = {.name = field->name, .type = field->type, .passing = field->passing};

    return decode_pointer(call, reader, &pointer, (char *)object + field->offset, object);
}

static int decode_struct(struct call *call, struct reader *reader, const struct type *type, void *object)
{
    int error = 0;

    for (size_t i = 0; !error && i < type->field_count; i++)
        if (type->fields[i].type->kind != TYPE_POINTER)
            error = decode_value(call, reader, type->fields[i].type, (char *)object + type->fields[i].offset);
    for (size_t i = 0; !error && i < type->field_count; i++)
        if (type->fields[i].type->kind == TYPE_POINTER)
            error = decode_field(call, reader, &type->fields[i], object);
    return error;
}

/* What an out object held before the call: values only, no handles and no pointers. */
static int decode_before(struct call *call, struct reader *reader, const struct type *type, void *address)
{
    int error = 0;

    if (type->kind == TYPE_HANDLE || type->kind == TYPE_POINTER)
        return 0;
    if (type->kind != TYPE_STRUCT && !call_is_list(type))
        return decode_value(call, reader, type, address);
    for (size_t i = 0; !error && i < type->field_count; i++)
        error = decode_before(call, reader, type->fields[i].type, (char *)address + type->fields[i].offset);
    for (size_t i = 0; !error && call_is_list(type) && i < type->count; i++)
        error = decode_before(call, reader, type->target, (char *)address + i * type->target->size);
    return error;
}

static int evaluate(struct call *call, const struct parameter *pointer, const struct expression *expression,
                    const void *object, uint64_t *bytes)
{
    struct scope scope = {.arguments = call->arguments, .object = object};
    int error = expression_evaluate(expression, &scope, bytes);

    if (error || __builtin_mul_overflow(*bytes, pointer->passing.unit, bytes))
        return call_fault(call, pointer->name, "its size cannot be computed", -EBADMSG);
    return 0;
}

/*
 * Whether the sizes that came, in bytes, are those that the row gives; how much of them has no way back is only known
 * from the row.  Of an out, anything may be there before.
 */
static int check_sizes(struct call *call, const struct parameter *pointer, const void *object, struct follow *follow)
{
    const struct passing *passing = &pointer->passing;
    uint64_t length = follow->count, room = 0;
    int error = 0;

    if (passing->direction & DIRECTION_IN && passing->extent == EXTENT_COUNT)
        error = evaluate(call, pointer, passing->length, object, &length);
    if (!error && passing->direction & DIRECTION_OUT)
        error = evaluate(call, pointer, passing_room(passing), object, &room);
    if (error)
        return error;
    if (!call_is_bytes(pointer->type, passing)) {
        length -= length % call_element_size(pointer->type);
        room -= room % call_element_size(pointer->type);
    }
    if (!(passing->direction & DIRECTION_IN)) {
        length = follow->count;
    } else if (room < length) {
        follow->only_in = passing->returned ? length - room : 0;
        room = length;
    }
    if (follow->count != length || follow->capacity != room || length > room)
        return call_fault(call, pointer->name, "the size that came is not the size that its row gives", -EBADMSG);
    return 0;
}

/* Whether the last of the bytes that came are the end that the row names.  A list has it there or before. */
static bool has_end(const struct parameter *pointer, const void *elements, uint64_t size)
{
    const struct type *element = pointer->type->target;

    if (pointer->passing.is_list)
        return call_measure_ended(pointer, elements, size);
    return size >= element->size && size % element->size == 0 &&
           value_load(element, (const char *)elements + size - element->size) == (uint64_t)pointer->passing.end;
}

/*
 * What the function reads up to its end has one, and keeps it: where it lies in shared memory it is copied, because the
 * guest can change that while the function reads.
 */
static int check_end(struct call *call, const struct parameter *pointer, struct follow *follow)
{
    const void *elements = follow->address;

    if (pointer->passing.extent != EXTENT_ENDED || !(follow->direction & DIRECTION_IN) ||
        (follow->capacity == 0 && follow->direction & DIRECTION_OUT))
        return 0;
    if (follow->place == PLACE_BUFFER && call->lane->medium == MEDIUM_MEMORY) {
        follow->address = take(call, follow->capacity);
        if (!follow->address)
            return call_fault(call, pointer->name, "the call takes more memory than this host allows", -E2BIG);
        memcpy(follow->address, elements, follow->count);
        follow->is_private = true;
        elements = follow->address;
    }
    if (!has_end(pointer, elements, follow->count))
        return call_fault(call, pointer->name, "what came has no end", -EBADMSG);
    return 0;
}

static int decode_inline_bytes(struct call *call, struct reader *reader, const struct parameter *pointer,
                               struct follow *follow)
{
    struct span bytes = reader_bytes(reader, follow->count);

    if (follow->capacity > CALL_INLINE_MOST || reader->failed)
        return call_fault(call, pointer->name, "its bytes do not fit the message", -EBADMSG);
    follow->address = take(call, follow->capacity);
    if (!follow->address)
        return call_fault(call, pointer->name, "the call takes more memory than this host allows", -E2BIG);
    memcpy(follow->address, bytes.data, bytes.size);
    return 0;
}

static int decode_buffer(struct call *call, struct reader *reader, const struct parameter *pointer,
                         struct follow *follow)
{
    const struct frame *request = &call->lane->request;
    uint8_t index = reader_u8(reader);
    uint64_t offset = reader_u64(reader), end;
    const struct frame_buffer *buffer;

    if (reader->failed || index >= request->header.buffer_count)
        return call_fault(call, pointer->name, "it names a buffer that did not come", -EBADMSG);
    buffer = &request->buffers[index];
    if (__builtin_add_overflow(offset, follow->capacity, &end) || end > buffer->size)
        return call_fault(call, pointer->name, "it reaches past its buffer", -EBADMSG);
    if (follow->capacity > call->limit)
        return call_fault(call, pointer->name, "the buffer is larger than this host allows", -E2BIG);
    follow->buffer = index;
    follow->offset = offset;
    follow->address = lane_payload(call->lane, buffer->offset + offset, follow->capacity);
    return follow->address ? 0 : call_fault(call, pointer->name, "its buffer lies outside the memory", -EBADMSG);
}

static int decode_bytes(struct call *call, struct reader *reader, const struct parameter *pointer, const void *object,
                        struct follow *follow)
{
    int error;

    follow->count = reader_number(reader);
    follow->capacity = reader_number(reader);
    error = reader->failed ? -EBADMSG : check_sizes(call, pointer, object, follow);
    if (error)
        return error;
    error = follow->place == PLACE_BODY ? decode_inline_bytes(call, reader, pointer, follow)
                                        : decode_buffer(call, reader, pointer, follow);
    return error ? error : check_end(call, pointer, follow);
}

/* The follow is copied into the list before its elements add theirs: the list may move. */
static int decode_elements(struct call *call, struct reader *reader, const struct parameter *pointer,
                           const void *object, size_t index)
{
    size_t size = call_element_size(pointer->type);
    struct follow follow = call->follows[index], bytes;
    int error;

    follow.count = reader_number(reader);
    follow.capacity = reader_number(reader);
    bytes = follow;
    if (reader->failed || follow.count > follow.capacity || __builtin_mul_overflow(follow.count, size, &bytes.count) ||
        __builtin_mul_overflow(follow.capacity, size, &bytes.capacity))
        return call_fault(call, pointer->name, "so many elements cannot be", -EBADMSG);
    error = check_sizes(call, pointer, object, &bytes);
    if (error)
        return error;
    follow.address = take_aligned(call, bytes.capacity, pointer->type->target->alignment);
    if (!follow.address)
        return call_fault(call, pointer->name, "the call takes more memory than this host allows", -E2BIG);
    follow.only_in = bytes.only_in / size;
    call->follows[index] = follow;
    for (uint64_t i = 0; !error && i < follow.count && !reader->failed; i++) {
        void *element = (char *)follow.address + i * size;

        error = follow.direction & DIRECTION_IN ? decode_value(call, reader, pointer->type->target, element)
                                                : decode_before(call, reader, pointer->type->target, element);
    }
    return error;
}

static int decode_one(struct call *call, struct reader *reader, const struct parameter *pointer, size_t index)
{
    const struct type *target = pointer->type->target;
    void *address = take_aligned(call, call_element_size(pointer->type), target->alignment);

    if (!address)
        return call_fault(call, pointer->name, "the call takes more memory than this host allows", -E2BIG);
    call->follows[index].address = address;
    call->follows[index].count = call->follows[index].capacity = 1;
    if (pointer->passing.direction & DIRECTION_IN)
        return decode_value(call, reader, target, address);
    return decode_before(call, reader, target, address);
}

static int decode_null(struct call *call, const struct parameter *pointer, const void *object)
{
    struct follow empty = {0};

    if (pointer->passing.nullable)
        return 0;
    if (pointer->passing.extent != EXTENT_COUNT)
        return call_fault(call, pointer->name, "it may not be NULL", -EBADMSG);
    return check_sizes(call, pointer, object, &empty);
}

static int decode_pointer(struct call *call, struct reader *reader, const struct parameter *pointer, void *slot,
                          const void *object)
{
    struct follow *follow = call_follow(call);
    size_t index = call->follow_count - 1;
    bool is_one = pointer->passing.extent == EXTENT_ONE;
    int error = 0;

    if (!follow)
        return call_fault(call, pointer->name, "too many pointers in one call", -E2BIG);
    follow->direction = (uint8_t)pointer->passing.direction;
    follow->place = reader_u8(reader);
    if (reader->failed || follow->place > PLACE_BUFFER)
        return call_fault(call, pointer->name, "the message ends before it", -EBADMSG);
    if (follow->place == PLACE_NULL)
        error = decode_null(call, pointer, object);
    else if (call_is_bytes(pointer->type, &pointer->passing))
        error = decode_bytes(call, reader, pointer, object, follow);
    else if (follow->place != PLACE_BODY)
        error = call_fault(call, pointer->name, "such values travel in the body", -EBADMSG);
    else
        error =
            is_one ? decode_one(call, reader, pointer, index) : decode_elements(call, reader, pointer, object, index);
    memcpy(slot, &call->follows[index].address, sizeof(void *));
    return error;
}

/* Room for each argument; libffi wants an array of pointers to them. */
static int lay_out_arguments(struct call *call)
{
    const struct row *row = call->plan->row;
    char *memory = take(call, call->plan->arguments_size);
    void **arguments = (void **)(void *)memory;
    size_t at = call->plan->arguments_size;

    if (!memory)
        return -ENOMEM;
    for (size_t i = 0; i < row->parameter_count; i++) {
        at -= plan_argument_size(row->parameters[i].type);
        arguments[i] = memory + at;
    }
    call->arguments = arguments;
    return 0;
}

static int decode_arguments(struct call *call, struct reader *reader)
{
    const struct plan *plan = call->plan;
    int error = 0;

    for (size_t i = 0; !error && i < plan->value_count; i++) {
        const struct parameter *value = &plan->row->parameters[plan->values[i]];

        error = decode_value(call, reader, value->type, call->arguments[plan->values[i]]);
        if (error && !call->fault_name)
            error = call_fault(call, value->name, "a value that its type cannot hold", error);
    }
    for (size_t i = 0; !error && i < plan->pointer_count; i++) {
        uint8_t index = plan->pointers[i];

        error = decode_pointer(call, reader, &plan->row->parameters[index], call->arguments[index], NULL);
    }
    return error ? error : reader_end(reader);
}

int call_decode_request(struct call *call)
{
    struct reader reader;
    int error;

    scratch_reset(&call->scratch);
    call->is_quick = quick_decode_request(call);
    if (call->is_quick)
        return 0;
    scratch_reset(&call->scratch);
    call->follow_count = call->follow_next = 0;
    call->fault_name = call->fault_what = NULL;
    call->taken = 0;
    error = call_find_body(call, &call->lane->request, &reader);
    if (!error)
        error = lay_out_arguments(call);
    if (!error)
        error = decode_arguments(call, &reader);
    if (error == -EBADMSG && !call->fault_what)
        call->fault_what = "the message is not as long as its row says";
    return error;
}
