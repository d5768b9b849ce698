/*
 * The guest's second walk: the reply's body becomes the result and the outs.
 *
 * The host's bytes are as hostile as the guest's: nothing is written beyond what the first walk found room for.  With
 * call->compares nothing is written at all: each value is compared with what the native function has left there.
 */
#include "spec/call/call.h"
#include "spec/call/difference.h"
#include "spec/call/value.h"

#include <errno.h>
#include <string.h>

static int decode_handle(struct call *call, struct reader *reader, const struct path *path, const struct type *type,
                         void *address)
{
    uint64_t wire = reader_number(reader);
    void *local;
    int error;

    if (reader->failed)
        return -EBADMSG;
    if (call->compares) {
        memcpy(&local, address, sizeof(local));
        difference_handles(call->difference, path, local != NULL, wire != 0);
        return call->handles.pair ? call->handles.pair(call->handles.context, type->handle, local, wire) : 0;
    }
    error = call->handles.import(call->handles.context, type->handle, wire, &local);
    if (!error)
        memcpy(address, &local, sizeof(local));
    return error;
}

static int decode_value(struct call *call, struct reader *reader, const struct path *path, const struct type *type,
                        void *address);

static int decode_fields(struct call *call, struct reader *reader, const struct path *path, const struct type *type,
                         void *object)
{
    int error = 0;

    for (size_t i = 0; !error && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct path inside = {.up = path, .name = field->name, .passing = &field->passing};

        error = decode_value(call, reader, &inside, field->type, (char *)object + field->offset);
    }
    return error;
}

static int decode_list(struct call *call, struct reader *reader, const struct path *path, const struct type *type,
                       void *list)
{
    int error = 0;

    for (size_t i = 0; !error && i < type->count; i++) {
        struct path element = {.up = path, .index = i, .is_index = true, .passing = path->passing};

        error = decode_value(call, reader, &element, type->target, (char *)list + i * type->target->size);
    }
    return error;
}

static int decode_value(struct call *call, struct reader *reader, const struct path *path, const struct type *type,
                        void *address)
{
    unsigned char value[sizeof(long double)] = {0};
    struct span bytes = {value, type->size};
    int error;

    if (call_is_word(type) && !call->compares)
        return value_store(type, address, reader_number(reader)) ? -EBADMSG : 0;
    if (type->kind == TYPE_POINTER || type->kind == TYPE_VOID)
        return 0;
    if (type->kind == TYPE_STRUCT)
        return decode_fields(call, reader, path, type, address);
    if (type->kind == TYPE_HANDLE)
        return decode_handle(call, reader, path, type, address);
    if (call_is_list(type))
        return decode_list(call, reader, path, type, address);
    if (type->kind == TYPE_ARRAY || value_is_wide(type)) {
        bytes = reader_bytes(reader, type->size);
        error = reader->failed ? -EBADMSG : 0;
    } else {
        error = value_store(type, value, reader_number(reader));
    }
    if (error)
        return -EBADMSG;
    if (call->compares && type->kind == TYPE_ARRAY)
        difference_bytes(call->difference, path, type_innermost(type), &(struct both){address, bytes.data, bytes.size});
    else if (call->compares)
        difference_value(call->difference, path, type, address, bytes.data);
    else
        memcpy(address, bytes.data, bytes.size);
    return 0;
}

/* The bytes in payload memory that an out left there, or NULL when the reply's descriptor does not hold them. */
static const void *filled_bytes(struct call *call, const struct follow *follow, uint64_t size)
{
    const struct frame *reply = &call->lane->reply;
    const struct frame_buffer *buffer = &reply->buffers[follow->buffer];
    uint64_t end;

    if (follow->buffer >= reply->header.buffer_count || __builtin_add_overflow(follow->offset, size, &end) ||
        end > buffer->size)
        return NULL;
    return lane_payload(call->lane, buffer->offset + follow->offset, size);
}

static int decode_bytes(struct call *call, struct reader *reader, const struct path *path, const struct type *type,
                        const struct follow *follow)
{
    uint64_t size = reader_number(reader);
    const void *source;

    if (reader->failed || size > call_room(follow))
        return call_fault(call, path->name, "more came back than there is room for", -EBADMSG);
    if (follow->place == PLACE_BODY)
        source = reader_bytes(reader, size).data;
    else
        source = filled_bytes(call, follow, size);
    if (reader->failed || (!source && size))
        return call_fault(call, path->name, "fewer bytes came back than were promised", -EBADMSG);
    if (call->compares)
        difference_bytes(call->difference, path, type, &(struct both){follow->address, source, size});
    else if (!follow->is_shared && size)
        memcpy(follow->address, source, size);
    return 0;
}

static int decode_pointer(struct call *call, struct reader *reader, const struct path *path,
                          const struct parameter *pointer);

static int decode_field(struct call *call, struct reader *reader, const struct path *path, const struct field *field)
{
    struct parameter pointer = {.name = field->name, .type = field->type, .passing = field->passing};
    struct path inside = {.up = path, .name = field->name, .passing = &field->passing};

    return decode_pointer(call, reader, &inside, &pointer);
}

/* The outs behind the pointers in a struct that went in: the mirror of the host's walk. */
static int decode_inside(struct call *call, struct reader *reader, const struct path *path, const struct type *type)
{
    int error = 0;

    for (size_t i = 0; !error && type->kind == TYPE_ARRAY && i < type->count; i++) {
        struct path element = {.up = path, .index = i, .is_index = true, .passing = path->passing};

        error = decode_inside(call, reader, &element, type->target);
    }
    if (type->kind != TYPE_STRUCT)
        return error;
    for (size_t i = 0; !error && i < type->field_count; i++) {
        struct path inside = {.up = path, .name = type->fields[i].name, .passing = &type->fields[i].passing};

        if (type_innermost(type->fields[i].type)->kind == TYPE_STRUCT)
            error = decode_inside(call, reader, &inside, type->fields[i].type);
    }
    for (size_t i = 0; !error && i < type->field_count; i++)
        if (type->fields[i].type->kind == TYPE_POINTER)
            error = decode_field(call, reader, path, &type->fields[i]);
    return error;
}

static int decode_elements(struct call *call, struct reader *reader, const struct path *path,
                           const struct parameter *pointer, const struct follow *follow)
{
    bool is_array = pointer->passing.extent == EXTENT_COUNT;
    uint64_t count = is_array ? reader_number(reader) : 1;
    size_t size = call_element_size(pointer->type);
    int error = 0;

    if (reader->failed || count > call_room(follow))
        return call_fault(call, path->name, "more came back than there is room for", -EBADMSG);
    for (uint64_t i = 0; !error && i < count; i++) {
        struct path element = {.up = path, .index = i, .is_index = true, .passing = path->passing};

        error = decode_value(call, reader, is_array ? &element : path, pointer->type->target,
                             (char *)follow->address + i * size);
    }
    return error;
}

static int decode_pointer(struct call *call, struct reader *reader, const struct path *path,
                          const struct parameter *pointer)
{
    const struct follow *next = call_follow_next(call);
    struct follow follow;
    int error = 0;

    if (!next)
        return -EBADMSG;
    follow = *next;
    if (follow.place == PLACE_NULL)
        return 0;
    if (call_is_bytes(pointer->type, &pointer->passing))
        return follow.direction & DIRECTION_OUT ? decode_bytes(call, reader, path, pointer->type->target, &follow) : 0;
    if (follow.direction & DIRECTION_OUT)
        error = decode_elements(call, reader, path, pointer, &follow);
    if (!(follow.direction & DIRECTION_IN))
        return error;
    for (uint64_t i = 0; !error && i < follow.count; i++) {
        struct path element = {.up = path, .index = i, .is_index = true, .passing = path->passing};

        error = decode_inside(call, reader, &element, pointer->type->target);
    }
    return error;
}

static int decode_string_result(struct call *call, struct reader *reader, void *result)
{
    struct path path = {.name = "return", .passing = &call->plan->row->result.passing};
    struct span bytes = {0};
    const char *string = NULL;

    if (reader_u8(reader) == PLACE_BODY) {
        bytes = reader_bytes(reader, reader_number(reader));
        if (reader->failed || bytes.size == 0 || bytes.data[bytes.size - 1] != '\0')
            return call_fault(call, "return", "the returned string has no end", -EBADMSG);
        string = (const char *)bytes.data;
    }
    if (call->compares) {
        const char *native;

        memcpy(&native, result, sizeof(native));
        difference_strings(call->difference, &path, native, string);
        return 0;
    }
    if (string)
        string = call->keep_string(string, bytes.size);
    memcpy(result, &string, sizeof(string));
    return string || !bytes.data ? 0 : -ENOMEM;
}

/* Native and remote pointers are compared by how far they are behind their beginnings. */
static void compare_into(struct call *call, const void *native, uint64_t remote)
{
    static const struct type number = {.kind = TYPE_UNSIGNED, .name = "offset", .size = sizeof(uint64_t)};
    struct path path = {.name = "return", .passing = &call->plan->row->result.passing};
    uint64_t distance = 0, here = 0;

    if (native && call_distance_into(call, native, &distance))
        distance = UINT64_MAX - 1;
    here = native ? distance + 1 : 0;
    difference_value(call->difference, &path, &number, &here, &remote);
}

static int decode_pointer_into(struct call *call, struct reader *reader, void *result)
{
    uint64_t distance = reader_number(reader);
    void *pointer = NULL;

    if (reader->failed)
        return -EBADMSG;
    if (call->compares) {
        memcpy(&pointer, result, sizeof(pointer));
        compare_into(call, pointer, distance);
        return 0;
    }
    if (distance)
        pointer = call_address_into(call, distance - 1);
    if (distance && !pointer)
        return call_fault(call, "return", "the pointer that came does not lie in its argument", -EBADMSG);
    memcpy(result, &pointer, sizeof(pointer));
    return 0;
}

static int decode_result(struct call *call, struct reader *reader, void *result)
{
    const struct parameter *parameter = &call->plan->row->result;
    const struct type *type = parameter->type;
    struct path path = {.name = "return", .passing = &parameter->passing};
    bool is_scalar = type_is_scalar(type) && !value_is_wide(type);

    if (parameter->passing.is_static_string)
        return decode_string_result(call, reader, result);
    if (parameter->passing.into)
        return decode_pointer_into(call, reader, result);
    if (call->compares || !is_scalar)
        return decode_value(call, reader, &path, type, result);
    return value_store_result(type, result, reader_number(reader)) ? -EBADMSG : 0;
}

static int decode_outs(struct call *call, struct reader *reader)
{
    const struct plan *plan = call->plan;
    int error = 0;

    for (size_t i = 0; !error && i < plan->value_count; i++) {
        const struct parameter *value = &plan->row->parameters[plan->values[i]];
        struct path path = {.name = value->name, .passing = &value->passing};

        error = decode_inside(call, reader, &path, value->type);
    }
    for (size_t i = 0; !error && i < plan->pointer_count; i++) {
        const struct parameter *pointer = &plan->row->parameters[plan->pointers[i]];
        struct path path = {.name = pointer->name, .passing = &pointer->passing};

        error = decode_pointer(call, reader, &path, pointer);
    }
    return error;
}

int call_decode_reply(struct call *call, void *result)
{
    struct reader reader;
    int error;

    if (quick_decode_reply(call, result))
        return 0;
    call->follow_next = 0;
    call->fault_name = call->fault_what = NULL;
    error = call_find_body(call, &call->lane->reply, &reader);
    if (!error)
        error = decode_result(call, &reader, result);
    if (!error)
        error = decode_outs(call, &reader);
    return error ? error : reader_end(&reader);
}
