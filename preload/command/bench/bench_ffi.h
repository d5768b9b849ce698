/* What libffi costs by itself: the one place beside spec/call/ that uses it, because it measures it. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_FFI_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_FFI_H

#include <stdint.h>

/* ns for one ffi_call() of a function that does nothing much, the mean of `count` calls. */
double bench_ffi_call_ns(uint32_t count);

#endif
