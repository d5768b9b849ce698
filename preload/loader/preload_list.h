/* LD_PRELOAD's value: a list of objects, separated by colons or white space. */
#ifndef WINAPI_PRELOAD_LOADER_PRELOAD_LIST_H
#define WINAPI_PRELOAD_LOADER_PRELOAD_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * `list` (may be NULL) with `stub` and `core` added in front, in this order; malloc'ed, NULL when out of memory. Either
 * may be NULL: not to be added.  Without `core` the stub goes in front of the libwinapi_preload.so that the list has.
 * Sanitizer runtimes stay first, because they refuse to start otherwise.  Stubs from the cache and, when `core` is
 * given, other mentions of libwinapi_preload.so are dropped.
 */
char *preload_list_add(const char *list, const char *stub, const char *core);

/* Whether a library that a program is linked to refuses to start behind a preload: AddressSanitizer's. */
bool preload_list_must_be_first(const char *path);

#endif
