/*
 * Memory for the length of one call.
 *
 * A scratch hands out pieces and takes them all back at once.  One block is kept between calls: as large as what
 * recent calls needed, up to a bound, so that calls like them never reach malloc; after some hundred calls that did
 * not need it, it is given back for one that is as large as they did.  One thread at a time.
 */
#ifndef WINAPI_SPEC_BASE_SCRATCH_H
#define WINAPI_SPEC_BASE_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

enum {
    SCRATCH_LEAST = 16 * 1024, /* bytes in the block that is kept */
    SCRATCH_MOST = 1 << 20,
    SCRATCH_CALLS = 256, /* so many calls decide how large it is */
    SCRATCH_ALIGNMENT = 16,
};

struct scratch_block;

struct scratch {
    unsigned char *next;         /* the next piece */
    size_t left;                 /* bytes from there to the end of its block */
    struct scratch_block *block; /* the current one, which leads to those before it */
    size_t before;               /* bytes handed out in those */
    size_t most;                 /* what one of the last calls needed; how many calls those are */
    unsigned calls;
};

/* A zeroed scratch is ready for use.  Frees everything; the scratch is empty again. */
void scratch_finish(struct scratch *scratch);

/* Takes back every piece. */
void scratch_reset(struct scratch *scratch);

/* What scratch_take() does when the current block is full. */
void *scratch_take_more(struct scratch *scratch, size_t size);

/* A piece of `size` bytes aligned to 16, not zeroed.  NULL when memory has run out.  Size 0 gives a valid pointer. */
static inline void *scratch_take(struct scratch *scratch, size_t size)
{
    unsigned char *piece = scratch->next;

    if (size >= scratch->left)
        return scratch_take_more(scratch, size);
    size = (size + SCRATCH_ALIGNMENT - 1) & ~(size_t)(SCRATCH_ALIGNMENT - 1); /* `left` is a multiple of it, too */
    scratch->next += size;
    scratch->left -= size;
    return piece;
}

#endif
