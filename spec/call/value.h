/*
 * One value in memory <-> 64 bits, which travel as a number of 1 to 9 bytes: docs/protocol.md, "Numbers" and "Values".
 *
 * Integers, bools and enums are widened to 64 bits by their own sign; float and double keep their bits.  long double
 * is the one scalar of 16 bytes and travels as it is.
 */
#ifndef WINAPI_SPEC_CALL_VALUE_H
#define WINAPI_SPEC_CALL_VALUE_H

#include "spec/base/error.h"
#include "spec/table/type.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The lower `size` bytes of a value, widened by its sign. */
static inline uint64_t value_extend(uint64_t value, size_t size)
{
    unsigned unused = (unsigned)(sizeof(uint64_t) - size) * 8 & 63; /* as no type is empty */

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

    if (type->kind == TYPE_BOOL) /* one that was never set may hold anything */
        return value != 0;
    return type_is_signed(type) ? value_extend(value, type->size) : value;
}

/* Whether the upper bytes say nothing that the lower ones do not. */
static inline bool value_fits(const struct type *type, uint64_t value)
{
    if (type->kind == TYPE_BOOL)
        return value <= 1;
    if (type->size >= sizeof(uint64_t))
        return true;
    if (type_is_signed(type))
        return value_extend(value, type->size) == value;
    return value >> (type->size * 8) == 0;
}

/* -ERANGE, and nothing stored, when the type cannot hold it: sent by another data model, or hostile. */
MUST_CHECK static inline int value_store(const struct type *type, void *address, uint64_t value)
{
    uint32_t half = (uint32_t)value;

    if (!value_fits(type, value))
        return -ERANGE;
    if (type->size == sizeof(value))
        memcpy(address, &value, sizeof(value));
    else if (type->size == sizeof(half))
        memcpy(address, &half, sizeof(half));
    else
        memcpy(address, &value, type->size);
    return 0;
}

/* Stores into what libffi takes as a return value: integers narrower than a register are widened to ffi_arg. */
MUST_CHECK int value_store_result(const struct type *type, void *result, uint64_t value);

/* long double and the like: travels as raw bytes instead of 64 bits. */
static inline bool value_is_wide(const struct type *type)
{
    return type->kind == TYPE_FLOATING && type->size > sizeof(uint64_t);
}

#endif
