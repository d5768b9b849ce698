#include "preload/command/bench/bench_ffi.h"

#include "spec/wire/clock.h"

#include <ffi.h>

static int add_one(int value)
{
    return value + 1;
}

double bench_ffi_call_ns(uint32_t count)
{
    ffi_type *types[] = {&ffi_type_sint};
    int value = 1;
    void *values[] = {&value};
    uint64_t start_ns;
    ffi_arg result;
    ffi_cif cif;

    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) != FFI_OK)
        return 0;
    start_ns = clock_now_ns();
    for (uint32_t i = 0; i < count; i++)
        ffi_call(&cif, FFI_FN(add_one), &result, values);
    return (double)(clock_now_ns() - start_ns) / count;
}
