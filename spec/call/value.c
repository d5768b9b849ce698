/* Values of C's scalar types, stored by size and sign. */
#include "spec/call/value.h"

#include <errno.h>
#include <ffi.h>
#include <string.h>

int value_store_result(const struct type *type, void *result, uint64_t value)
{
    if (!value_fits(type, value))
        return -ERANGE;
    if (type->kind == TYPE_FLOATING || type->size >= sizeof(ffi_arg)) {
        memcpy(result, &value, type->size);
        return 0;
    }
    *(ffi_arg *)result = (ffi_arg)value;
    return 0;
}
