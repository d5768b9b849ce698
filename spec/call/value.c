/* Values of C's scalar types, loaded and stored by size and sign: the only place that knows their widths. */
#include "spec/call/value.h"

#include <errno.h>
#include <ffi.h>
#include <string.h>

bool value_is_wide(const struct type *type)
{
    return type->kind == TYPE_FLOATING && type->size > sizeof(uint64_t);
}

static uint64_t sign_extend(uint64_t value, size_t size)
{
    unsigned unused = (unsigned)(sizeof(uint64_t) - size) * 8;

    return (uint64_t)((int64_t)(value << unused) >> unused);
}

uint64_t value_load(const struct type *type, const void *address)
{
    uint64_t value = 0;

    memcpy(&value, address, type->size);
    if (type->kind == TYPE_BOOL) /* one that was never set may hold anything */
        return value != 0;
    return type_is_signed(type) ? sign_extend(value, type->size) : value;
}

/* Whether the upper bytes say nothing that the lower ones do not. */
static bool value_fits(const struct type *type, uint64_t value)
{
    if (type->kind == TYPE_BOOL)
        return value <= 1;
    if (type->size >= sizeof(uint64_t))
        return true;
    if (type_is_signed(type))
        return sign_extend(value, type->size) == value;
    return value >> (type->size * 8) == 0;
}

int value_store(const struct type *type, void *address, uint64_t value)
{
    if (!value_fits(type, value))
        return -ERANGE;
    memcpy(address, &value, type->size);
    return 0;
}

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
