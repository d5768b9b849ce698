/* Writes a stub: a small shared object that exports the names of the spec files and holds their records. */
#ifndef WINAPI_PRELOAD_STUB_STUB_FILE_H
#define WINAPI_PRELOAD_STUB_STUB_FILE_H

#include "spec/base/error.h"
#include "spec/table/catalog.h"

#include <stddef.h>
#include <stdint.h>

/* What names the stub of spec files with these contents, which spec_paths_hash() gives. */
uint64_t stub_file_hash(uint64_t contents);

/*
 * The bytes of a stub for every row of the catalog but those of the built-in winapi table, in memory that the caller
 * frees.  -ENOTSUP on a machine for which there is no stub code; -ENOMEM.
 */
MUST_CHECK int stub_file_make(const struct catalog *catalog, uint64_t hash, uint8_t **bytes, size_t *size);

/*
 * The stub of these spec files as a file, made unless it is there already: $XDG_CACHE_HOME/winapi/stub-HASH.so
 * (~/.cache), else $XDG_RUNTIME_DIR, else /tmp/winapi-UID.  A directory is used only when it is ours, not writable
 * by others, free of spaces and colons, and not mounted noexec (tried by mapping).  A file there is reused only when
 * its bytes are right.  *path is malloc'ed.  Diagnostics say what failed.
 */
MUST_CHECK int stub_file_cache(const struct catalog *catalog, uint64_t hash, char **path,
                               struct diagnostics *diagnostics);

/* The directories above, in their order: cache_place() with the variables of the environment. */
char *stub_cache_place(int place);

/* Why no stub may lie in this directory, in words; NULL: it may, as far as its owner and mode go. */
const char *stub_cache_reject(const char *path);

#endif
