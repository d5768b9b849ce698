/*
 * The guest's allocator over the arena of a shared memory.
 *
 * First fit over page-sized units, books in private memory, pages asked of the kernel before use so that a full
 * machine is an error and never SIGBUS.  Freed pages go back to the kernel.  Any thread.
 */
#ifndef WINAPI_SPEC_WIRE_ARENA_H
#define WINAPI_SPEC_WIRE_ARENA_H

#include "spec/base/error.h"
#include "spec/wire/memory.h"

#include <pthread.h>

struct arena_extent {
    uint64_t offset, size; /* bytes, multiples of MEMORY_PAGE */
    bool leaving;          /* its pages are on their way back to the kernel */
};

struct arena {
    struct memory *memory;
    pthread_mutex_t lock;
    struct arena_extent *used; /* sorted by offset */
    size_t count, capacity;
};

MUST_CHECK int arena_init(struct arena *arena, struct memory *memory);
void arena_finish(struct arena *arena);

/*
 * `size` bytes, zeroed, page-aligned; *offset from the start of the arena.  -ENOMEM, -ENOSPC; -EBADF the program has
 * closed the memory's descriptor.
 */
MUST_CHECK int arena_take(struct arena *arena, uint64_t size, uint64_t *offset);

/* Gives back what arena_take() gave.  -EINVAL: nothing starts there; -EBADF as above: it stays taken. */
MUST_CHECK int arena_give(struct arena *arena, uint64_t offset);

#endif
