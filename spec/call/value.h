/*
 * One value in memory <-> eight bytes on the wire: docs/protocol.md, "Values".
 *
 * Integers, bools and enums are widened to 64 bits by their own sign; float and double keep their bits.  long double
 * is the one scalar of 16 bytes and travels as it is.
 */
#ifndef WINAPI_SPEC_CALL_VALUE_H
#define WINAPI_SPEC_CALL_VALUE_H

#include "spec/base/error.h"
#include "spec/table/type.h"

#include <stdbool.h>
#include <stdint.h>

/* The value at this address, which need not be aligned. */
uint64_t value_load(const struct type *type, const void *address);

/* -ERANGE, and nothing stored, when the type cannot hold it: sent by another data model, or hostile. */
MUST_CHECK int value_store(const struct type *type, void *address, uint64_t value);

/* Stores into what libffi takes as a return value: integers narrower than a register are widened to ffi_arg. */
MUST_CHECK int value_store_result(const struct type *type, void *result, uint64_t value);

/* long double and the like: travels as raw bytes instead of 64 bits. */
bool value_is_wide(const struct type *type);

#endif
