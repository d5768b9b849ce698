/* winapi_alloc_buffer and winapi_free_buffer: always this side, in the arena, so that the host need not copy. */
#ifndef WINAPI_PRELOAD_BUFFERS_H
#define WINAPI_PRELOAD_BUFFERS_H

#include "spec/wire/arena.h"

/*
 * In a forked child: what the parent had allocated becomes the child's own memory, as fork promises, at the same
 * addresses.  Memory and arena are done with afterwards.
 */
void buffers_after_fork(struct memory *memory, struct arena *arena);

#endif
