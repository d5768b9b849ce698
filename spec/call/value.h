/* Values as libffi takes them. */
#ifndef WINAPI_SPEC_CALL_VALUE_H
#define WINAPI_SPEC_CALL_VALUE_H

#include "spec/table/type_value.h"

/* Stores into what libffi takes as a return value: integers narrower than a register are widened to ffi_arg. */
MUST_CHECK int value_store_result(const struct type *type, void *result, uint64_t value);

#endif
