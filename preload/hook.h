/* Where a remoted function's calls arrive: libffi's closure calls hook_call() with the arguments. */
#ifndef WINAPI_PRELOAD_HOOK_H
#define WINAPI_PRELOAD_HOOK_H

#include <ffi.h>

/* libffi's signature; `closure` is the record. */
void hook_call(ffi_cif *cif, void *result, void **arguments, void *closure);

#endif
