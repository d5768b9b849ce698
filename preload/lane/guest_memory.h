/*
 * The process's shared memory, and the program's buffers in it.
 *
 * Made at the first need, once: it outlives connections and is passed to each new host.  A forked child gets memory of
 * its own, and what the parent's program had allocated becomes the child's private memory, at the same addresses, as
 * fork promises.
 */
#ifndef WINAPI_PRELOAD_LANE_GUEST_MEMORY_H
#define WINAPI_PRELOAD_LANE_GUEST_MEMORY_H

#include "preload/core.h"
#include "spec/wire/arena.h"

#include <stdbool.h>

/* The allocator, whose `memory` is what a host is given.  NULL: none can be made here; a line has said why.  Any
 * thread. */
struct arena *guest_memory_arena(struct core *core);

/*
 * A buffer for the program, zeroed and page-aligned: in shared memory, or in ordinary pages where that is full or
 * `core` is NULL.  NULL: no memory.  Any thread.
 */
void *guest_memory_take(struct core *core, size_t size);

/* Gives a buffer back; false: it was not made here. */
bool guest_memory_give(void *data);

#endif
