/*
 * Memory for the length of one call.
 *
 * A scratch hands out pieces and takes them all back at once.  Its first block is kept between calls, so a call that
 * fits it never reaches malloc.  One thread at a time.
 */
#ifndef WINAPI_SPEC_BASE_SCRATCH_H
#define WINAPI_SPEC_BASE_SCRATCH_H

#include <stddef.h>

struct scratch_block;

struct scratch {
    struct scratch_block *first;   /* kept by scratch_reset */
    struct scratch_block *current; /* where the next piece comes from */
};

/* A zeroed scratch is ready for use.  Frees everything; the scratch is empty again. */
void scratch_finish(struct scratch *scratch);

/* Takes back every piece and frees all blocks but the first. */
void scratch_reset(struct scratch *scratch);

/* A piece of `size` bytes aligned to 16, not zeroed.  NULL when memory has run out.  Size 0 gives a valid pointer. */
void *scratch_take(struct scratch *scratch, size_t size);

#endif
