/*
 * Control memory as the process has it: made at the first call, and anew by a forked child's first call, then at the
 * same address, so that nothing that was looked up there before goes astray.
 */
#ifndef WINAPI_PRELOAD_CONTROL_CONTROL_MEMORY_H
#define WINAPI_PRELOAD_CONTROL_CONTROL_MEMORY_H

#include "preload/control/control_layout.h"
#include "preload/core.h"
#include "spec/wire/descriptor.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct control_memory {
    struct control_header *header; /* NULL: none */
    struct control_function *functions;
    struct control_family *families;
    struct control_counts *counts;
    uint32_t function_count, family_count, shard_count; /* what the header says at first: it is not asked again */
    uint64_t names_offset, counts_offset, size;
    int fd; /* -1: private memory, which nobody else sees */
    struct descriptor_mark mark;
    _Atomic uint8_t *ready; /* of each page of counts: it can be written to */
};

/*
 * Maps it and fills in the functions' names; again after a fork.  Where no memfd is to be had the memory is private.
 * -ENOMEM no address space; as it was before then.
 */
MUST_CHECK int control_memory_make(struct control_memory *memory, const struct core *core, uint32_t family_count);

/*
 * The counts of one function in this thread's shard, or NULL: no memory for them.  *is_own: no other thread counts
 * there.
 */
struct control_counts *control_memory_counts(struct control_memory *memory, size_t function, bool *is_own);

/* From now on the thread has a shard of its own, if there still is one, until it gives it back. */
void control_memory_take_shard(void);
void control_memory_give_shard(void);

/* In a forked child: the shards of threads that are not here are free. */
void control_memory_start_over(void);

#endif
