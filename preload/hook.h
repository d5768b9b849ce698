/* Where a remoted function's calls arrive: libffi's closure calls hook_call() with the arguments. */
#ifndef WINAPI_PRELOAD_HOOK_H
#define WINAPI_PRELOAD_HOOK_H

#include <ffi.h>
#include <stdbool.h>

struct binding;

/* libffi's signature; `closure` is the record. */
void hook_call(ffi_cif *cif, void *result, void **arguments, void *closure);

/* Calls the native function through libffi: for native mode under trace, compare, and our own libc calls. */
void hook_call_native(struct binding *binding, void *native, void *result, void **arguments);

/* Whether even native calls pass through the hook, because they are traced. */
bool hook_is_watched(void);

#endif
