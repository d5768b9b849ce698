/* What the quick walks of both ends share: cursors without growth, and sizes. */
#ifndef WINAPI_SPEC_CALL_QUICK_PARTS_H
#define WINAPI_SPEC_CALL_QUICK_PARTS_H

#include "spec/call/call.h"
#include "spec/call/quick.h"
#include "spec/call/value.h"

#include <string.h>

enum { QUICK_RUN_HEAD = 1 + 2 * NUMBER_MOST }; /* place, count, capacity */

/* Room is asked for once per step. */
struct quick_writer {
    uint8_t *at;
    const uint8_t *end;
};

static inline bool quick_has_room(const struct quick_writer *writer, size_t size)
{
    return (size_t)(writer->end - writer->at) >= size;
}

static inline void quick_put_byte(struct quick_writer *writer, uint8_t value)
{
    *writer->at++ = value;
}

/* Room for NUMBER_MOST. */
static inline void quick_put_number(struct quick_writer *writer, uint64_t value)
{
    writer->at = number_put(writer->at, value);
}

static inline void quick_put_bytes(struct quick_writer *writer, const void *bytes, size_t size)
{
    memcpy(writer->at, bytes, size);
    writer->at += size;
}

struct quick_reader {
    const uint8_t *at, *end;
};

static inline bool quick_has_more(const struct quick_reader *reader, size_t size)
{
    return (size_t)(reader->end - reader->at) >= size;
}

static inline bool quick_take_number(struct quick_reader *reader, uint64_t *value)
{
    const uint8_t *end = number_take(reader->at, reader->end, value);

    if (!end)
        return false;
    reader->at = end;
    return true;
}

static inline const void *quick_load_pointer(const void *argument)
{
    const void *pointer;

    memcpy(&pointer, argument, sizeof(pointer));
    return pointer;
}

/* false: it cannot be computed, or is not small. */
static inline bool quick_size_of(const struct quick_size *size, void *const *arguments, uint64_t *bytes)
{
    const void *at = arguments[size->index];
    uint64_t value;

    if (size->source == QUICK_CONSTANT) {
        *bytes = size->unit;
        return true;
    }
    if (size->source == QUICK_BEHIND)
        at = quick_load_pointer(at);
    if (!at)
        return false;
    value = value_bits(at, size->width);
    if (size->is_signed)
        value = value_extend(value, size->width * 8u);
    *bytes = value * size->unit;
    return value <= CALL_INLINE_MOST;
}

/* Bytes that came out: what the row says after the call, but never more than there is room for. */
static inline uint64_t quick_size_out(const struct quick_step *step, void *const *arguments,
                                      const struct follow *follow)
{
    uint64_t bytes;

    if (step->kind == QUICK_STRING) {
        bytes = strnlen(follow->address, follow->capacity);
        return bytes < follow->capacity ? bytes + 1 : bytes;
    }
    if (!quick_size_of(&step->length, arguments, &bytes) || bytes > follow->capacity)
        return follow->capacity + 1; /* the general walk knows what then */
    return bytes;
}

/* The next follow of a first walk; there is one for each pointer. */
static inline struct follow *quick_follow(struct call *call, const struct quick_step *step, const void *address)
{
    struct follow *follow = &call->follows[call->follow_count++];

    *follow = (struct follow){.address = (void *)(uintptr_t)address, .direction = step->direction};
    return follow;
}

#endif
