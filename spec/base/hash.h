/*
 * Content hashes: XXH3 from libxxhash, for naming cached files and comparing rows.
 *
 * Not a defence against forgery: what it protects lies in the user's own directories, and a host trusts only its own
 * spec files.
 */
#ifndef WINAPI_SPEC_BASE_HASH_H
#define WINAPI_SPEC_BASE_HASH_H

#include "spec/base/error.h"

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed);

/*
 * What hash_bytes() says of the whole file, with *hash as the seed; a large file is never in memory at once.  Errors:
 * file_read()'s.
 */
MUST_CHECK int hash_file(const char *path, size_t most, uint64_t *hash);

#endif
