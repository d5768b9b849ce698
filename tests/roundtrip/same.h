/*
 * Whether both ends of a call have the same arguments, before the function and after it.
 *
 * The guest's side is what the row and the seed gave; the host's is what was decoded.  The first fault is kept.
 */
#ifndef WINAPI_TESTS_ROUNDTRIP_SAME_H
#define WINAPI_TESTS_ROUNDTRIP_SAME_H

#include "tests/roundtrip/arguments.h"

#include <stdio.h>

struct same {
    struct arguments *guest, *host;
    struct handle_table *handles;
    const void *result; /* the host's, once there is one */
    char fault[256];    /* empty: none */
};

/* An object at each end. */
struct twins {
    const void *guest, *host;
};

static inline struct twins twins_at(struct twins twins, size_t offset)
{
    return (struct twins){(const char *)twins.guest + offset, (const char *)twins.host + offset};
}

static inline bool same_fault(struct same *same, const char *name, const char *what)
{
    if (!same->fault[0])
        snprintf(same->fault, sizeof(same->fault), "%s: %s", name ? name : "?", what);
    return false;
}

static inline bool same_scalar(const struct type *type, struct twins twins)
{
    long double a, b;

    if (type->bit_count)
        return value_load(type, twins.guest) == value_load(type, twins.host);
    if (!value_is_wide(type))
        return memcmp(twins.guest, twins.host, type->size) == 0;
    memcpy(&a, twins.guest, sizeof(a));
    memcpy(&b, twins.host, sizeof(b));
    return a == b;
}

static inline bool same_handle(struct same *same, const struct type *type, struct twins twins)
{
    void *local, *found;
    uint64_t wire;

    memcpy(&wire, twins.guest, sizeof(wire));
    memcpy(&local, twins.host, sizeof(local));
    return handle_table_find(same->handles, type->handle, wire, &found) == 0 && found == local &&
           (uint64_t)(uintptr_t)local != (local ? wire : 1);
}

/* Values only; pointers are walked by their own. */
static inline bool same_value(struct same *same, const struct type *type, struct twins twins)
{
    bool is_same = true;

    switch (type->kind) {
    case TYPE_POINTER:
    case TYPE_VOID:
        return true;
    case TYPE_HANDLE:
        return same_handle(same, type, twins);
    case TYPE_STRUCT:
        for (size_t i = 0; i < type->field_count; i++)
            if (!same_value(same, type->fields[i].type, twins_at(twins, type->fields[i].offset)))
                return same_fault(same, type->fields[i].name, "differs");
        return true;
    case TYPE_ARRAY:
        for (size_t i = 0; is_same && i < type->count; i++)
            is_same = same_value(same, type->target, twins_at(twins, i * type->target->size));
        return is_same;
    default:
        return same_scalar(type, twins);
    }
}

/* ---- before the function ---- */

static inline bool same_in_inside(struct same *same, const struct type *type, struct twins object);

/* How many bytes the function may read behind a pointer. */
static inline uint64_t bytes_in(struct same *same, const struct type *pointer, const struct passing *passing,
                                struct twins object, struct twins data)
{
    const struct parameter ended = {.type = pointer, .passing = *passing};

    if (passing->extent == EXTENT_ONE)
        return call_element_size(pointer);
    if (passing->extent == EXTENT_ENDED)
        return data.guest && (!passing->capacity ||
                              size_bytes(same->guest, passing, passing->capacity, same->guest->slots, object.guest))
                   ? call_measure_ended(&ended, data.guest, UINT64_MAX)
                   : 0;
    return size_bytes(same->guest, passing, passing->length, same->guest->slots, object.guest);
}

static inline bool same_in_pointer(struct same *same, const char *name, const struct type *pointer,
                                   const struct passing *passing, struct twins object, struct twins slot)
{
    size_t size = call_element_size(pointer);
    uint64_t bytes;
    struct twins data;

    memcpy(&data.guest, slot.guest, sizeof(data.guest));
    memcpy(&data.host, slot.host, sizeof(data.host));
    if (!data.guest != !data.host)
        return same_fault(same, name, data.guest ? "is NULL at the host" : "is not NULL at the host");
    if (!data.guest || !(passing->direction & DIRECTION_IN))
        return true;
    bytes = bytes_in(same, pointer, passing, object, data);
    if (call_is_bytes(pointer, passing))
        return memcmp(data.guest, data.host, bytes) == 0 || same_fault(same, name, "other bytes came in");
    for (uint64_t i = 0; i < bytes / size; i++) {
        struct twins element = twins_at(data, i * size);

        if (!same_value(same, pointer->target, element))
            return same_fault(same, name, "another value came in");
        if (!same_in_inside(same, pointer->target, element))
            return false;
    }
    return true;
}

static inline bool same_in_inside(struct same *same, const struct type *type, struct twins object)
{
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct twins slot = twins_at(object, field->offset);

        if (!same_in_inside(same, field->type, slot))
            return false;
        if (field->type->kind == TYPE_POINTER &&
            !same_in_pointer(same, field->name, field->type, &field->passing, object, slot))
            return false;
    }
    return true;
}

static inline bool same_in(struct same *same)
{
    const struct row *row = same->guest->row;

    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];
        struct twins slot = {same->guest->slots[i], same->host->slots[i]};

        if (parameter->type->kind == TYPE_POINTER) {
            if (!same_in_pointer(same, parameter->name, parameter->type, &parameter->passing, (struct twins){0}, slot))
                return false;
        } else if (!same_value(same, parameter->type, slot) || !same_in_inside(same, parameter->type, slot)) {
            return same_fault(same, parameter->name, "another value came in");
        }
    }
    return true;
}

/* ---- after it ---- */

static inline bool same_out_inside(struct same *same, const struct type *type, struct twins object);

/* Pointers inside what came back lead where they led before. */
static inline bool pointers_stayed(const struct type *type, const void *now, const void *before)
{
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++) {
        const char *a = (const char *)now + type->fields[i].offset, *b = (const char *)before + type->fields[i].offset;

        if (!pointers_stayed(type->fields[i].type, a, b))
            return false;
        if (type->fields[i].type->kind == TYPE_POINTER && memcmp(a, b, sizeof(void *)) != 0)
            return false;
    }
    return true;
}

/* How many bytes come back: what the row says at the host, which knows the function's doing, but no more than fit. */
static inline uint64_t bytes_out(struct same *same, const struct type *pointer, const struct passing *passing,
                                 struct twins object, struct twins data, uint64_t room)
{
    struct scope scope = {.arguments = same->host->slots, .object = object.host, .result = same->result};
    const struct parameter ended = {.type = pointer, .passing = *passing};
    uint64_t bytes = 0;

    if (passing->extent == EXTENT_ONE)
        return call_element_size(pointer);
    if (passing->extent == EXTENT_ENDED)
        return room ? call_measure_ended(&ended, data.host, room) : 0;
    if (expression_evaluate(passing_returned(passing), &scope, &bytes))
        return 0;
    bytes *= passing->unit;
    bytes = bytes < room ? bytes : room;
    return bytes - bytes % (call_is_bytes(pointer, passing) ? 1 : call_element_size(pointer));
}

static inline bool same_out_data(struct same *same, const char *name, const struct type *pointer,
                                 const struct passing *passing, struct twins object, struct twins data)
{
    struct arguments_piece *piece = arguments_find(same->guest, data.guest);
    size_t size = call_element_size(pointer);
    uint64_t bytes = bytes_out(same, pointer, passing, object, data, piece->room);

    piece->is_out = true;
    if (!piece->in_arena && memcmp(piece->data + bytes, piece->before + bytes, piece->size - bytes) != 0)
        return same_fault(same, name, "more was written than came back");
    if (call_is_bytes(pointer, passing))
        return memcmp(data.guest, data.host, bytes) == 0 || same_fault(same, name, "other bytes came back");
    for (uint64_t i = 0; i < bytes / size; i++) {
        if (!same_value(same, pointer->target, twins_at(data, i * size)))
            return same_fault(same, name, "another value came back");
        if (!pointers_stayed(pointer->target, piece->data + i * size, piece->before + i * size))
            return same_fault(same, name, "a pointer inside has changed");
    }
    return true;
}

static inline bool same_out_pointer(struct same *same, const char *name, const struct type *pointer,
                                    const struct passing *passing, struct twins object, struct twins slot)
{
    size_t size = call_element_size(pointer);
    struct arguments_piece *piece;
    struct twins data;

    memcpy(&data.guest, slot.guest, sizeof(data.guest));
    memcpy(&data.host, slot.host, sizeof(data.host));
    if (!data.guest || !data.host)
        return true;
    piece = arguments_find(same->guest, data.guest);
    if (passing->direction & DIRECTION_OUT && !same_out_data(same, name, pointer, passing, object, data))
        return false;
    for (uint64_t i = 0; !call_is_bytes(pointer, passing) && i < piece->size / size; i++)
        if (!same_out_inside(same, pointer->target, twins_at(data, i * size)))
            return false;
    return true;
}

static inline bool same_out_inside(struct same *same, const struct type *type, struct twins object)
{
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        struct twins slot = twins_at(object, field->offset);

        if (!same_out_inside(same, field->type, slot))
            return false;
        if (field->type->kind == TYPE_POINTER &&
            !same_out_pointer(same, field->name, field->type, &field->passing, object, slot))
            return false;
    }
    return true;
}

/* Both at the begin of the argument that the row names, each at its own end, or both NULL. */
static inline bool same_into(struct same *same, size_t index, struct twins result)
{
    return (memcmp(result.guest, same->guest->slots[index], sizeof(void *)) == 0 &&
            memcmp(result.host, same->host->slots[index], sizeof(void *)) == 0) ||
           same_fault(same, "return", "points elsewhere");
}

static inline bool same_result(struct same *same, struct twins result)
{
    const struct parameter *returned = &same->guest->row->result;
    struct twins string;

    if (returned->passing.into)
        return same_into(same, returned->passing.into - 1u, result);
    if (!returned->passing.is_static_string)
        return same_value(same, returned->type, result) || same_fault(same, "return", "differs");
    memcpy(&string.guest, result.guest, sizeof(string.guest));
    memcpy(&string.host, result.host, sizeof(string.host));
    if (!string.guest || !string.host)
        return string.guest == string.host || same_fault(same, "return", "only one is NULL");
    return strcmp(string.guest, string.host) == 0 || same_fault(same, "return", "another string");
}

/* Outs as the function left them, and everything else as it was. */
static inline bool same_out(struct same *same, struct twins result)
{
    const struct row *row = same->guest->row;

    same->result = result.host;
    for (size_t i = 0; i < row->parameter_count; i++) {
        const struct parameter *parameter = &row->parameters[i];
        struct twins slot = {same->guest->slots[i], same->host->slots[i]};

        if (!same_out_inside(same, parameter->type, slot))
            return false;
        if (parameter->type->kind == TYPE_POINTER &&
            !same_out_pointer(same, parameter->name, parameter->type, &parameter->passing, (struct twins){0}, slot))
            return false;
    }
    for (size_t i = 0; i < same->guest->count; i++) {
        struct arguments_piece *piece = &same->guest->pieces[i];

        if (!piece->is_out && memcmp(piece->data, piece->before, piece->size) != 0)
            return same_fault(same, "an argument", "was only read, and is another one now");
    }
    return same_result(same, result);
}

#endif
