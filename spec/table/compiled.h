/*
 * A catalog as one piece of bytes that a file can hold, so that a program need not parse what another has parsed.
 *
 * The bytes are the very structs, with pointers written for one address.  The kernel is asked to map the file there;
 * where that address is taken, the pointers are moved, and the file says where they are.  So a catalog that was opened
 * is used like one that was read, and as long as nothing is moved its pages are shared by all who map it.
 *
 * What was not made by this very code is refused: compiled_build() is part of the file.  So is what was made from other
 * spec files (`contents`), and what has been damaged (a checksum over everything).  The rest is trusted like a stub:
 * whoever could forge it could also put code there (spec/base/cache_place.h).
 */
#ifndef WINAPI_SPEC_TABLE_COMPILED_H
#define WINAPI_SPEC_TABLE_COMPILED_H

#include "spec/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct catalog;

/* Where it lies; all zero: nowhere. */
struct compiled {
    void *base;
    size_t size;
};

/* Of the code of spec/table/ and of what it is built for: a catalog that was written under another number is useless.
 */
uint64_t compiled_build(void);

/* The bytes of a catalog, in memory that the caller frees.  -E2BIG: something in it is not expected; -ENOMEM. */
MUST_CHECK int compiled_make(const struct catalog *catalog, uint64_t contents, uint8_t **bytes, size_t *size);

/*
 * Maps the file, which nobody but this user may be able to write to, and looks at its first bytes only.
 * Errors: what open, fstat and mmap say; -EPERM it is not ours alone; -ESTALE made by other code or from other
 * contents; -EBADMSG damaged.
 */
MUST_CHECK int compiled_map(struct compiled *compiled, const char *path, uint64_t contents);

/*
 * Reads the rest: the catalog, which must be empty, has its tables, and the memory, then.  -EBADMSG: it is damaged;
 * -ENOMEM.  After an error nothing is mapped any more.
 */
MUST_CHECK int compiled_open(struct compiled *compiled, struct catalog *catalog);

void compiled_unmap(struct compiled *compiled);

#endif
