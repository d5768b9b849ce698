/*
 * One value in memory <-> 64 bits, which travel as a number of 1 to 9 bytes: docs/protocol.md, "Numbers" and "Values".
 *
 * Integers, bools and enums are widened to 64 bits by their own sign; float and double keep their bits.  long double
 * is the one scalar of 16 bytes and travels as it is.  A bit-field is some of the bits at its address, from `bit_shift`
 * on; its type's size is that of the bytes which they lie in.
 */
#ifndef WINAPI_SPEC_TABLE_TYPE_VALUE_H
#define WINAPI_SPEC_TABLE_TYPE_VALUE_H

#include "spec/base/error.h"
#include "spec/table/type.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bits of a value of this type. */
static inline unsigned value_width(const struct type *type)
{
    return type->bit_count ? type->bit_count : (unsigned)type->size * 8;
}

/* The lower `width` bits of a value, widened by its sign. */
static inline uint64_t value_extend(uint64_t value, unsigned width)
{
    unsigned unused = (64 - width) & 63; /* as no type is empty */

    return (uint64_t)((int64_t)(value << unused) >> unused);
}

static inline uint64_t value_bits(const void *address, size_t size)
{
    uint64_t word = 0;
    uint32_t half = 0;

    switch (size) {
    case sizeof(word):
        memcpy(&word, address, sizeof(word));
        return word;
    case sizeof(half):
        memcpy(&half, address, sizeof(half));
        return half;
    default:
        memcpy(&word, address, size);
        return word;
    }
}

/* The value at this address, which need not be aligned. */
static inline uint64_t value_load(const struct type *type, const void *address)
{
    uint64_t value = value_bits(address, type->size);

    if (type->bit_count)
        value = value >> type->bit_shift & UINT64_MAX >> (64 - type->bit_count);
    if (type->kind == TYPE_BOOL) /* one that was never set may hold anything */
        return value != 0;
    return type_is_signed(type) ? value_extend(value, value_width(type)) : value;
}

/* Whether the upper bytes say nothing that the lower ones do not. */
static inline bool value_fits(const struct type *type, uint64_t value)
{
    if (type->kind == TYPE_BOOL)
        return value <= 1;
    if (value_width(type) >= 64)
        return true;
    if (type_is_signed(type))
        return value_extend(value, value_width(type)) == value;
    return value >> value_width(type) == 0;
}

/* The bits around a bit-field stay as they are. */
static inline uint64_t value_put_bits(const struct type *type, const void *address, uint64_t value)
{
    uint64_t mask = UINT64_MAX >> (64 - type->bit_count) << type->bit_shift;

    return (value_bits(address, type->size) & ~mask) | (value << type->bit_shift & mask);
}

/* -ERANGE, and nothing stored, when the type cannot hold it: sent by another data model, or hostile. */
MUST_CHECK static inline int value_store(const struct type *type, void *address, uint64_t value)
{
    uint32_t half;

    if (!value_fits(type, value))
        return -ERANGE;
    if (type->bit_count)
        value = value_put_bits(type, address, value);
    half = (uint32_t)value;
    if (type->size == sizeof(value))
        memcpy(address, &value, sizeof(value));
    else if (type->size == sizeof(half))
        memcpy(address, &half, sizeof(half));
    else
        memcpy(address, &value, type->size);
    return 0;
}

/* long double and the like: travels as raw bytes instead of 64 bits. */
static inline bool value_is_wide(const struct type *type)
{
    return type->kind == TYPE_FLOATING && type->size > sizeof(uint64_t);
}

#endif
