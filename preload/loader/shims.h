/*
 * dlsym, dlvsym and dlopen, which this library exports.
 *
 * The exported ones are assembly (preload/stub/entry_x86_64.S): they ask a filter here with the caller's arguments,
 * then return what it decided or jump to the real function with the caller's return address still on the stack.  That
 * address is how glibc and musl know whose RTLD_NEXT, RUNPATH and error message is meant.
 */
#ifndef WINAPI_PRELOAD_LOADER_SHIMS_H
#define WINAPI_PRELOAD_LOADER_SHIMS_H

#include "spec/base/error.h"

#include <stdint.h>

/* Handed back in two registers. */
struct shim_answer {
    uintptr_t value; /* dlsym, dlvsym: what to return, 0: what the real function says.  dlopen: the flags */
    void *real;      /* where to jump */
};

/* Called by the assembly only.  No allocation, nothing printed, errno kept, any thread, before constructors too. */
struct shim_answer shim_dlsym(void *handle, const char *name);
struct shim_answer shim_dlvsym(void *handle, const char *name, const char *version);
struct shim_answer shim_dlopen(const char *path, int flags);

#endif
