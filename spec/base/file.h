/* Whole files in memory. */
#ifndef WINAPI_SPEC_BASE_FILE_H
#define WINAPI_SPEC_BASE_FILE_H

#include "spec/base/error.h"

#include <stddef.h>

/*
 * Reads a file (also one without a size, such as /proc/self/cmdline) into memory that the caller frees.  A NUL that
 * `size` does not count follows the last byte.  Never waits: a pipe or device is refused.  Errors: what open and read
 * say; -EISDIR; -EINVAL no regular file; -EFBIG above `most` bytes; -ENOMEM.
 */
MUST_CHECK int file_read(const char *path, size_t most, char **data, size_t *size);

/*
 * Opens a regular file for reading; never waits.  The descriptor, close-on-exec; or what open says, -EISDIR, -EINVAL no
 * regular file.
 */
MUST_CHECK int file_open(const char *path);

/*
 * Writes a file whole or not at all: a temporary file beside it, renamed over it.  Errors: what open, write and
 * rename say.  `mode` as in open(2).
 */
MUST_CHECK int file_replace(const char *path, const void *data, size_t size, unsigned mode);

#endif
