/* What the four walks share: the list of followed pointers, faults, element sizes. */
#include "spec/call/call.h"

#include "spec/call/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void call_finish(struct call *call)
{
    scratch_finish(&call->scratch);
    free(call->follows);
    call->follows = NULL;
    call->follow_count = call->follow_capacity = 0;
}

struct follow *call_follow(struct call *call)
{
    size_t capacity = call->follow_capacity ? call->follow_capacity * 2 : 32;
    struct follow *grown;

    if (call->follow_count == call->follow_capacity) {
        if (capacity > CALL_FOLLOWS_MOST)
            return NULL;
        grown = realloc(call->follows, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        call->follows = grown;
        call->follow_capacity = capacity;
    }
    grown = &call->follows[call->follow_count++];
    memset(grown, 0, sizeof(*grown));
    return grown;
}

int call_fault(struct call *call, const char *name, const char *what, int error)
{
    call->fault_name = name;
    call->fault_what = what;
    return error;
}

int call_encode_handle(struct call *call, struct writer *writer, const struct type *type, const void *address)
{
    uint64_t wire;
    void *local;
    int error;

    memcpy(&local, address, sizeof(local));
    error = call->handles.export(call->handles.context, type->handle, local, &wire);
    if (error)
        return call_fault(call, type->name,
                          error == -EBADF ? "this handle is not known here" : "no room for another handle", error);
    writer_number(writer, wire);
    return 0;
}

int call_find_body(struct call *call, const struct frame *frame, struct reader *reader)
{
    const struct frame_buffer *buffer = &frame->buffers[frame->header.body_buffer];
    const void *shared;
    void *body;

    if (!(frame->header.flags & FRAME_BODY_IN_BUFFER)) {
        reader_start(reader, frame->body, frame->header.inline_size);
        return 0;
    }
    if (buffer->size > CALL_BODY_MOST)
        return call_fault(call, NULL, "the message is larger than a message may be", -E2BIG);
    shared = lane_payload(call->lane, buffer->offset, buffer->size);
    body = scratch_take(&call->scratch, buffer->size);
    if (!shared || !body)
        return shared ? -ENOMEM : -EBADMSG;
    memcpy(body, shared, buffer->size);
    reader_start(reader, body, buffer->size);
    return 0;
}

uint64_t call_measure_ended(const struct parameter *pointer, const void *elements, uint64_t room)
{
    const struct type *element = pointer->type->target;
    uint64_t end = (uint64_t)pointer->passing.end;
    bool begins = true; /* a string of a list */

    if (element->size == 1 && end == 0 && !pointer->passing.is_list) {
        uint64_t size = room == UINT64_MAX ? strlen(elements) : strnlen(elements, room);

        return size < room ? size + 1 : 0;
    }
    for (uint64_t at = 0; room - at >= element->size; at += element->size) {
        bool is_end = value_load(element, (const char *)elements + at) == end;

        if (is_end && (begins || !pointer->passing.is_list))
            return at + element->size;
        begins = is_end;
    }
    return 0;
}

/* What the parameter points to, and how many bytes there are at this end. */
static char *memory_into(const struct call *call, uint64_t *size)
{
    size_t index = call->plan->row->result.passing.into - 1u;
    const struct parameter *pointer = &call->plan->row->parameters[index];
    uint64_t unit = call_is_bytes(pointer->type, &pointer->passing) ? 1 : call_element_size(pointer->type);
    char *memory;

    *size = 0;
    memcpy(&memory, call->arguments[index], sizeof(memory));
    for (size_t i = 0; memory && i < call->follow_count; i++)
        if (call->follows[i].address == memory && call->follows[i].capacity * unit > *size)
            *size = call->follows[i].capacity * unit;
    return memory;
}

int call_distance_into(const struct call *call, const void *result, uint64_t *distance)
{
    uint64_t size;
    const char *memory = memory_into(call, &size);

    *distance = (uintptr_t)result - (uintptr_t)memory;
    return memory && *distance <= size ? 0 : -ERANGE;
}

void *call_address_into(const struct call *call, uint64_t distance)
{
    uint64_t size;
    char *memory = memory_into(call, &size);

    return memory && distance <= size ? memory + distance : NULL;
}
