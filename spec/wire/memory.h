/*
 * Shared memory: one header page, the arena, the lanes: docs/protocol.md, "Shared memory".
 *
 * The guest makes it (a sealed memfd, sparse at its full size, or a file when WINAPI_SHARED_MEM names one), maps it
 * once and never moves it; the host maps what it is given, after checking it.  The guest owns the allocator and keeps
 * the books in private memory.
 */
#ifndef WINAPI_SPEC_WIRE_MEMORY_H
#define WINAPI_SPEC_WIRE_MEMORY_H

#include "spec/base/error.h"
#include "spec/wire/descriptor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MEMORY_VERSION = 1, MEMORY_PAGE = 4096, MEMORY_REQUEST_AREA = 4 << 20, MEMORY_RESPONSE_AREA = 4 << 20 };

/* The arena is opened in steps of so many bytes, which are all that the program's tools ever see of it. */
enum { MEMORY_STEP = 16 << 20 };

/* The first page.  All offsets count from the start of the memory. */
struct memory_header {
    uint8_t magic[4]; /* "WINA" */
    uint32_t version;
    uint64_t size;                           /* of the whole memory */
    uint64_t request_offset, request_size;   /* the arena; JSON requests count payload_offset from here */
    uint64_t response_offset, response_size; /* where answers to JSON requests go */
    uint64_t lanes_offset;
    uint32_t lane_count;               /* lanes that there is room for */
    uint32_t state;                    /* 1 while the guest uses it */
    _Atomic uint64_t requests, errors; /* counted by the host, for people who look */
};

struct memory {
    int fd;
    struct descriptor_mark mark; /* of fd */
    pid_t creator;               /* who made it; 0: it was adopted */
    uint8_t *base;               /* NULL: none */
    uint64_t size;
    uint64_t arena_offset, arena_size; /* checked copies of what the header says */
    uint64_t opened;                   /* of the creator's arena: bytes from its start that can be touched */
    uint64_t response_offset, response_size;
    uint64_t lanes_offset;
    uint32_t lane_count;
};

/*
 * Makes, seals and maps a memory whose arena has room for `arena_size` bytes, none of which is backed by pages yet, nor
 * may be touched before memory_open().
 * `path` NULL: a memfd.  Else a new file, in place of an empty one or of an earlier memory of this user; -EEXIST:
 * something else is there.  Errors: -EFBIG over the process's file size limit; what memfd_create, open, fallocate and
 * mmap say.
 */
MUST_CHECK int memory_create(struct memory *memory, uint64_t arena_size, const char *path);

/* Lets the first `size` bytes of the arena be touched.  One thread at a time.  What mprotect says. */
MUST_CHECK int memory_open(struct memory *memory, uint64_t size);

/*
 * Maps what a client passed, after checking it: a memfd sealed against shrinking or a regular file of our own user, of
 * the size that its header says, areas inside it, apart and page-aligned.  The copy of the header is checked, not the
 * original.  Takes the descriptor over, also on error.  `most` bounds the size.
 * -EBADMSG with *why set (static text); -EFBIG; what fstat and mmap say.
 */
MUST_CHECK int memory_adopt(struct memory *memory, int fd, uint64_t most, const char **why);

void memory_finish(struct memory *memory);

/*
 * Has the kernel back these bytes with pages, so that touching them is never SIGBUS, or takes the pages away again and
 * leaves zeroes.  Offsets are from the start of the memory, on whole pages.  Works without the descriptor too, which
 * the program may have closed, where the kernel knows MADV_POPULATE_WRITE (5.14).  -ENOSPC, -ENOMEM no room; -EBADF the
 * descriptor is not ours any more and that is unknown.
 */
MUST_CHECK int memory_back(const struct memory *memory, uint64_t offset, uint64_t size);
MUST_CHECK int memory_empty(const struct memory *memory, uint64_t offset, uint64_t size);

/*
 * A memfd of that name and size, sealed against shrinking and growing, the first `start` bytes backed by pages, on a
 * high number.  Gives the descriptor.  Errors: -EFBIG; what memfd_create, ftruncate, fallocate and fcntl say.
 */
MUST_CHECK int memory_sealed_open(const char *name, uint64_t size, uint64_t start);

/* Where `size` bytes at this offset of the arena are, or NULL when they do not lie inside it. */
void *memory_at(const struct memory *memory, uint64_t offset, uint64_t size);

/* Whether all of these bytes lie in the arena; *offset is then where, from the start of the arena. */
bool memory_contains(const struct memory *memory, const void *address, uint64_t size, uint64_t *offset);

#endif
