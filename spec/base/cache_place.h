/*
 * The directories for what can be made again, and is kept for the next program: stubs and compiled tables.
 *
 * What lies there becomes code or data of whoever finds it, so nobody else may be able to write to them.
 */
#ifndef WINAPI_SPEC_BASE_CACHE_PLACE_H
#define WINAPI_SPEC_BASE_CACHE_PLACE_H

#include "spec/base/error.h"

/* The value of an environment variable, or NULL: getenv, or what stands in for it where that cannot be asked. */
typedef const char *cache_variable(const char *name);

/*
 * In the order in which they are tried: $XDG_CACHE_HOME/winapi (~/.cache; root's is /var/cache/winapi),
 * $XDG_RUNTIME_DIR/winapi, /tmp/winapi-UID.  malloc'ed, or NULL where the variable is unset or memory has run out.
 */
enum { CACHE_PLACES = 4 };
char *cache_place(int place, cache_variable *variable);

/* Why nothing is put into or taken from this directory, in words; NULL: it is ours, and nobody else can write to it. */
const char *cache_place_reject(const char *directory);

/* Makes the directory and the one above it, where they are missing; the answer is cache_place_reject()'s. */
const char *cache_place_prepare(const char *directory);

#endif
