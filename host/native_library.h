/* The host's one door to the dynamic loader. */
#ifndef WINAPI_HOST_NATIVE_LIBRARY_H
#define WINAPI_HOST_NATIVE_LIBRARY_H

#include "spec/base/error.h"

#include <stddef.h>

/*
 * Finds a function in a library, loading that first.  `library` is a path, or a name that the loader looks for; one
 * that it does not find may lie in this host's own lib directory.  Libraries stay loaded.  Any thread.
 * -ENOENT no such library, or it does not load; -ENOSYS it has no such function; `why` then holds the loader's words.
 */
MUST_CHECK int native_library_symbol(const char *library, const char *symbol, void (**address)(void), char *why,
                                     size_t why_size);

/* The directory in which this program's file lies, without a slash at its end.  Static; empty when unknown. */
const char *native_program_directory(void);

#endif
