/* Returned strings that live as long as the process: each text once. */
#ifndef WINAPI_PRELOAD_STRINGS_H
#define WINAPI_PRELOAD_STRINGS_H

#include <stddef.h>

/* A copy of `size` bytes, the last of which is NUL; equal strings give the same address.  NULL: no memory.  Any thread.
 */
const char *strings_keep(const char *string, size_t size);

#endif
