/*
 * /etc/ld.so.cache, glibc's list of libraries: ldconfig(8); the layout is that of "glibc-ld.so.cache1.1".
 *
 * Read as it comes: offsets that lead outside, and texts that do not end inside, are as if they were not there.
 */
#ifndef WINAPI_PRELOAD_COMMAND_LOADER_CACHE_H
#define WINAPI_PRELOAD_COMMAND_LOADER_CACHE_H

#include <stddef.h>

/* The path of the `index`-th entry (from 0, among those of this name); points into `bytes`.  NULL: no more. */
const char *loader_cache_find(const void *bytes, size_t size, const char *name, size_t index);

#endif
