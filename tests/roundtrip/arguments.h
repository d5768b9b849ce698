/*
 * Arguments for a call of any row, made from the row alone.
 *
 * Values that a size depends on are small, so that the size can be; everything else is anything its type can hold.
 * What a pointer leads to is a piece of exactly the size that the row gives, and a copy is kept of what was in it.
 * The same filling plays the function at the host's end.
 */
#ifndef WINAPI_TESTS_ROUNDTRIP_ARGUMENTS_H
#define WINAPI_TESTS_ROUNDTRIP_ARGUMENTS_H

#include "spec/call/call.h"
#include "spec/call/value.h"
#include "spec/table/expression_tree.h"
#include "spec/wire/arena.h"

#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_SIZE_MOST = 4 << 20, ARGUMENTS_HANDLES = 5 };

struct arguments_piece {
    unsigned char *data, *before;
    size_t size;
    size_t room;   /* bytes of those that may come back, from the start */
    bool in_arena; /* both ends have the same bytes */
    bool is_out;   /* the walk that checks the outs has looked at it */
};

struct arguments {
    const struct row *row;
    void *slots[TABLE_PARAMETERS_MOST]; /* as libffi has them */
    uint64_t state;                     /* of the random numbers; never 0 */
    struct handle_table *handles;       /* NULL: all handles are NULL */
    bool is_host;                       /* handles are addresses, and pointers stay where they lead */
    struct arena *arena;                /* some pieces are from there; NULL: none */
    uint64_t size_most;                 /* what a size may be now and then */
    struct arguments_piece *pieces;
    size_t count, capacity;
    bool is_tree; /* what is filled counts structs with pointers */
    bool failed;  /* no size for some pointer: try another seed */
};

static inline uint64_t arguments_bits(struct arguments *arguments)
{
    arguments->state ^= arguments->state >> 12;
    arguments->state ^= arguments->state << 25;
    arguments->state ^= arguments->state >> 27;
    return arguments->state * 0x2545F4914F6CDD1D;
}

static inline uint64_t arguments_below(struct arguments *arguments, uint64_t limit)
{
    return limit ? (arguments_bits(arguments) >> 16) % limit : 0;
}

/* ---- memory ---- */

static inline bool arguments_from_arena(struct arguments *arguments, struct arguments_piece *piece)
{
    uint64_t offset;

    if (!arguments->arena || arguments_below(arguments, 3) || arena_take(arguments->arena, piece->size, &offset))
        return false;
    piece->data = memory_at(arguments->arena->memory, offset, piece->size);
    piece->in_arena = true;
    return true;
}

static inline struct arguments_piece *arguments_room(struct arguments *arguments)
{
    if (arguments->count == arguments->capacity) {
        arguments->capacity = arguments->capacity ? arguments->capacity * 2 : 64;
        arguments->pieces = realloc(arguments->pieces, arguments->capacity * sizeof(*arguments->pieces));
    }
    if (!arguments->pieces)
        abort();
    return &arguments->pieces[arguments->count];
}

/* Of exactly this size, so that a sanitizer sees a byte more. */
static inline void *arguments_piece(struct arguments *arguments, size_t size)
{
    struct arguments_piece *piece = arguments_room(arguments);

    if (size > ARGUMENTS_SIZE_MOST) {
        arguments->failed = true;
        return NULL;
    }
    *piece = (struct arguments_piece){.size = size, .room = size};
    if (!arguments_from_arena(arguments, piece))
        piece->data = malloc(size ? size : 1);
    if (!piece->data)
        abort();
    for (size_t i = 0; i < size; i++)
        piece->data[i] = (unsigned char)arguments_bits(arguments);
    arguments->count++;
    return piece->data;
}

static inline struct arguments_piece *arguments_find(struct arguments *arguments, const void *data)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (arguments->pieces[i].data == data)
            return &arguments->pieces[i];
    return NULL;
}

static inline void arguments_finish(struct arguments *arguments)
{
    uint64_t offset;

    for (size_t i = 0; i < arguments->count; i++) {
        struct arguments_piece *piece = &arguments->pieces[i];

        free(piece->before);
        if (!piece->in_arena)
            free(piece->data);
        else if (memory_contains(arguments->arena->memory, piece->data, 1, &offset))
            (void)!arena_give(arguments->arena, offset);
    }
    free(arguments->pieces);
    arguments->pieces = NULL;
    arguments->count = arguments->capacity = 0;
}

/* ---- which values are sizes ---- */

static inline bool size_uses(const struct expression *size, enum operation operation, size_t index)
{
    if (!size)
        return false;
    if (size->operation == operation && size->index == index)
        return true;
    return size_uses(size->left, operation, index) || size_uses(size->right, operation, index) ||
           size_uses(size->condition, operation, index);
}

static inline bool passing_uses(const struct passing *passing, enum operation operation, size_t index)
{
    return size_uses(passing->length, operation, index) || size_uses(passing->capacity, operation, index) ||
           size_uses(passing->returned, operation, index);
}

/* Its own sizes, and those that the row gives to the members of its struct. */
static inline bool pointer_uses(const struct type *type, const struct passing *passing, enum operation operation,
                                size_t index)
{
    const struct type *inside = type->kind == TYPE_POINTER ? type->target : type;

    if (passing_uses(passing, operation, index))
        return true;
    for (size_t i = 0; inside->kind == TYPE_STRUCT && i < inside->field_count; i++)
        if (pointer_uses(inside->fields[i].type, &inside->fields[i].passing, operation, index))
            return true;
    return false;
}

static inline bool parameter_is_size(const struct row *row, enum operation operation, size_t index)
{
    for (size_t i = 0; i < row->parameter_count; i++)
        if (pointer_uses(row->parameters[i].type, &row->parameters[i].passing, operation, index))
            return true;
    return false;
}

/* Behind a pointer: the number, or some member of the struct. */
static inline bool pointee_is_size(const struct row *row, size_t index)
{
    return parameter_is_size(row, OPERATION_POINTEE, index) || parameter_is_size(row, OPERATION_BEHIND, index);
}

static inline bool field_is_size(const struct type *type, size_t index)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (passing_uses(&type->fields[i].passing, OPERATION_FIELD, index))
            return true;
    return false;
}

/* ---- values ---- */

static inline void fill_scalar(struct arguments *arguments, const struct type *type, void *address);

/* Of structs with pointers, in structs with pointers, there are few: each level multiplies them. */
static inline bool counts_trees(const struct type *type, size_t index)
{
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].type->kind == TYPE_POINTER && type_has_pointers(type->fields[i].type->target) &&
            passing_uses(&type->fields[i].passing, OPERATION_FIELD, index))
            return true;
    return false;
}

/* What has enumerators is compared with them. */
static inline void fill_size(struct arguments *arguments, const struct type *type, void *address)
{
    uint64_t most = arguments->is_tree ? 4 : arguments_below(arguments, 6) ? 40 : arguments->size_most;

    if (type->kind == TYPE_ENUM)
        fill_scalar(arguments, type, address);
    else if (value_store(type, address, arguments_below(arguments, most)))
        (void)!value_store(type, address, 0);
}

static inline void fill_floating(struct arguments *arguments, const struct type *type, void *address)
{
    double value = (double)(int64_t)arguments_bits(arguments) / (double)(1 + arguments_below(arguments, 1 << 20));
    long double wide = (long double)value / 3;
    float small = (float)value;

    if (type->size == sizeof(small))
        memcpy(address, &small, sizeof(small));
    else if (type->size == sizeof(value))
        memcpy(address, &value, sizeof(value));
    else
        memcpy(address, &wide, sizeof(wide));
}

static inline void fill_scalar(struct arguments *arguments, const struct type *type, void *address)
{
    uint64_t bits = arguments_bits(arguments);

    if (type->kind == TYPE_FLOATING) {
        fill_floating(arguments, type, address);
        return;
    }
    if (type->kind == TYPE_BOOL)
        bits &= 1;
    if (type->kind == TYPE_ENUM && type->enumerator_count)
        bits = (uint64_t)type->enumerators[bits % type->enumerator_count].value;
    if (type->bit_count) {
        if (type->kind != TYPE_ENUM)
            bits &= UINT64_MAX >> (64 - type->bit_count);
        if (value_store(type, address, type_is_signed(type) ? value_extend(bits, type->bit_count) : bits))
            abort();
        return;
    }
    memcpy(address, &bits, type->size);
}

/* One of a few objects, or none. */
static inline void fill_handle(struct arguments *arguments, const struct type *type, void *address)
{
    static const char objects[ARGUMENTS_HANDLES];
    uint64_t which = arguments_below(arguments, ARGUMENTS_HANDLES + 1), wire = 0;
    void *local = which < ARGUMENTS_HANDLES ? (void *)(uintptr_t)&objects[which] : NULL;

    if (!arguments->handles)
        local = NULL;
    else if (handle_table_add(arguments->handles, type->handle, local, &wire))
        arguments->failed = true;
    memcpy(address, arguments->is_host ? (void *)&local : (void *)&wire, sizeof(wire));
}

static inline void fill_struct(struct arguments *arguments, const struct type *type, void *object, bool is_size);

static inline void fill_value(struct arguments *arguments, const struct type *type, void *address, bool is_size)
{
    switch (type->kind) {
    case TYPE_STRUCT:
        fill_struct(arguments, type, address, is_size);
        return;
    case TYPE_ARRAY:
        for (size_t i = 0; i < type->count; i++)
            fill_value(arguments, type->target, (char *)address + i * type->target->size, false);
        return;
    case TYPE_HANDLE:
        fill_handle(arguments, type, address);
        return;
    case TYPE_VOID: /* a byte of no type */
        *(unsigned char *)address = (unsigned char)arguments_bits(arguments);
        return;
    default:
        if (is_size)
            fill_size(arguments, type, address);
        else
            fill_scalar(arguments, type, address);
    }
}

/* ---- pointers ---- */

/* Bytes that a size stands for. */
static inline uint64_t size_bytes(struct arguments *arguments, const struct passing *passing,
                                  const struct expression *size, void *const *slots, const void *object)
{
    struct scope scope = {.arguments = slots, .object = object};
    uint64_t bytes = 0;

    if (!size)
        return 0;
    if (expression_evaluate(size, &scope, &bytes) || __builtin_mul_overflow(bytes, passing->unit, &bytes) ||
        bytes > ARGUMENTS_SIZE_MOST) {
        arguments->failed = true;
        return 0;
    }
    return bytes;
}

/* What there has to be behind a pointer before the call. */
static inline uint64_t room_bytes(struct arguments *arguments, const struct passing *passing, void *const *slots,
                                  const void *object)
{
    uint64_t in = 0, out = 0;

    if (passing->direction & DIRECTION_IN)
        in = size_bytes(arguments, passing, passing->length, slots, object);
    if (passing->direction & DIRECTION_OUT)
        out = size_bytes(arguments, passing, passing_room(passing), slots, object);
    return in > out ? in : out;
}

/* Elements that are no end, and one that is, at the end or, where there is room, before it. */
static inline void fill_ended(struct arguments *arguments, const struct type *element, const struct passing *passing,
                              char *elements, size_t room)
{
    size_t count = room / element->size ? 1 + arguments_below(arguments, room / element->size) : 0;

    if (passing->is_list && count == 2)
        count = 1; /* an empty list is one end, and one with a string at least three elements */
    for (size_t i = 0; i < count; i++) {
        char *at = elements + i * element->size;

        do
            fill_value(arguments, element, at, false);
        while (value_load(element, at) == (uint64_t)passing->end);
    }
    for (size_t i = 1; passing->is_list && i + 1 < count; i++) /* ends of strings, and only at the end two of them */
        if (i + 2 == count || (i + 3 < count && arguments_below(arguments, 8) == 0 &&
                               value_load(element, elements + (i - 1) * element->size) != (uint64_t)passing->end))
            memcpy(elements + i * element->size, &passing->end, element->size);
    if (count)
        memcpy(elements + (count - 1) * element->size, &passing->end, element->size);
}

/* One that is only read is as long as its memory. */
static inline void *make_ended(struct arguments *arguments, const struct type *element, const struct passing *passing,
                               const void *object)
{
    size_t size = (1 + arguments_below(arguments, arguments_below(arguments, 5) ? 60 : 4000)) * element->size;
    char *elements;

    if (passing->capacity)
        size = room_bytes(arguments, passing, arguments->slots, object);
    elements = arguments_piece(arguments, size);
    if (elements)
        fill_ended(arguments, element, passing, elements, size);
    if (elements && !passing->capacity) {
        for (size_t at = 0; at + element->size < size; at++)
            elements[at] = 'x';
        memcpy(elements + size - element->size, &passing->end, element->size);
        if (passing->is_list && size > element->size)
            memcpy(elements + size - 2 * element->size, &passing->end, element->size);
    }
    return elements;
}

static inline void *make_elements(struct arguments *arguments, const struct type *pointer,
                                  const struct passing *passing, const void *object)
{
    size_t size = call_element_size(pointer);
    uint64_t bytes = room_bytes(arguments, passing, arguments->slots, object);
    char *data = arguments_piece(arguments, bytes);

    if (data && passing->returned)
        arguments_find(arguments, data)->room =
            size_bytes(arguments, passing, passing_room(passing), arguments->slots, object);
    for (uint64_t i = 0; data && i < bytes / size; i++)
        fill_value(arguments, pointer->target, data + i * size, false);
    return data;
}

/* `is_followed`: a size needs what is there. */
static inline void make_pointer(struct arguments *arguments, const struct type *pointer, const struct passing *passing,
                                const void *object, void *slot, bool is_followed)
{
    void *data = NULL;

    if (passing->nullable && !is_followed && arguments_below(arguments, 4) == 0) {
        memcpy(slot, &data, sizeof(data));
        return;
    }
    if (passing->extent == EXTENT_ONE) {
        data = arguments_piece(arguments, call_element_size(pointer));
        if (data)
            fill_value(arguments, pointer->target, data, is_followed);
    } else if (passing->extent == EXTENT_ENDED) {
        data = make_ended(arguments, pointer->target, passing, object);
    } else {
        data = make_elements(arguments, pointer, passing, object);
    }
    memcpy(slot, &data, sizeof(data));
}

/* Values first: the sizes of the pointers are among them. */
/* `is_size`: some of its numbers are, so none is large. */
static inline void fill_struct(struct arguments *arguments, const struct type *type, void *object, bool is_size)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].type->kind == TYPE_POINTER)
            continue;
        arguments->is_tree = counts_trees(type, i);
        fill_value(arguments, type->fields[i].type, (char *)object + type->fields[i].offset,
                   (is_size && type->fields[i].type->kind != TYPE_FLOATING) || field_is_size(type, i));
        arguments->is_tree = false;
    }
    for (size_t i = 0; i < type->field_count && !arguments->is_host; i++)
        if (type->fields[i].type->kind == TYPE_POINTER)
            make_pointer(arguments, type->fields[i].type, &type->fields[i].passing, object,
                         (char *)object + type->fields[i].offset, false);
}

/* All arguments of a call.  False: some size could not be; try another seed. */
static inline bool arguments_make(struct arguments *arguments, const struct row *row, uint64_t seed)
{
    arguments->row = row;
    arguments->state = seed * 2 + 1;
    arguments->failed = false;
    for (size_t i = 0; i < row->parameter_count; i++)
        arguments->slots[i] = arguments_piece(arguments, row->parameters[i].type->size);
    for (size_t i = 0; i < row->parameter_count; i++)
        if (row->parameters[i].type->kind != TYPE_POINTER)
            fill_value(arguments, row->parameters[i].type, arguments->slots[i],
                       parameter_is_size(row, OPERATION_ARGUMENT, i) || parameter_is_size(row, OPERATION_MEMBER, i));
    for (size_t i = 0; i < row->parameter_count && !arguments->failed; i++) {
        const struct parameter *parameter = &row->parameters[row->order[i]];

        if (parameter->type->kind == TYPE_POINTER)
            make_pointer(arguments, parameter->type, &parameter->passing, NULL, arguments->slots[row->order[i]],
                         pointee_is_size(row, row->order[i]));
    }
    return !arguments->failed;
}

/* Keeps what is in the pieces now. */
static inline void arguments_keep(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        struct arguments_piece *piece = &arguments->pieces[i];

        piece->before = malloc(piece->size ? piece->size : 1);
        if (!piece->before)
            abort();
        memcpy(piece->before, piece->data, piece->size);
    }
}

/* ---- the function ---- */

static inline void play_inside(struct arguments *host, const struct type *type, void *object);

/* Writes all that a function may write, sizes last: what is behind a size's pointer is needed until then. */
static inline void play_pointer(struct arguments *host, const struct type *pointer, const struct passing *passing,
                                void *object, void *data, bool is_followed)
{
    bool is_one = passing->extent == EXTENT_ONE;
    size_t size = call_element_size(pointer);
    uint64_t bytes = !data || is_one ? size : room_bytes(host, passing, host->slots, object);

    if (!data)
        return;
    for (uint64_t i = 0; passing->direction & DIRECTION_IN && passing->extent != EXTENT_ENDED && i < bytes / size; i++)
        play_inside(host, pointer->target, (char *)data + i * size);
    if (!(passing->direction & DIRECTION_OUT))
        return;
    if (passing->extent == EXTENT_ENDED)
        fill_ended(host, pointer->target, passing, data, bytes);
    for (uint64_t i = 0; passing->extent != EXTENT_ENDED && i < bytes / size; i++)
        fill_value(host, pointer->target, (char *)data + i * size, is_followed);
}

static inline void play_inside(struct arguments *host, const struct type *type, void *object)
{
    for (size_t i = 0; type->kind == TYPE_STRUCT && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        void *data;

        play_inside(host, field->type, (char *)object + field->offset);
        if (field->type->kind != TYPE_POINTER)
            continue;
        memcpy(&data, (char *)object + field->offset, sizeof(data));
        play_pointer(host, field->type, &field->passing, object, data, false);
    }
}

/* `host` has the decoded arguments in its slots. */
static inline void arguments_play(struct arguments *host, void *result)
{
    const struct row *row = host->row;

    for (size_t i = 0; i < row->parameter_count; i++)
        play_inside(host, row->parameters[i].type, host->slots[i]);
    for (size_t i = row->parameter_count; i-- > 0;) {
        const struct parameter *parameter = &row->parameters[row->order[i]];
        void *data;

        if (parameter->type->kind != TYPE_POINTER)
            continue;
        memcpy(&data, host->slots[row->order[i]], sizeof(data));
        play_pointer(host, parameter->type, &parameter->passing, NULL, data, pointee_is_size(row, row->order[i]));
    }
    if (row->result.passing.into)
        memcpy(result, host->slots[row->result.passing.into - 1], sizeof(void *)); /* its begin, or NULL */
    else if (row->result.passing.is_static_string)
        make_pointer(host, row->result.type, &row->result.passing, NULL, result, false);
    else
        fill_value(host, row->result.type, result, false);
}

#endif
