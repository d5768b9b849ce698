/*
 * Blocks, each at least twice the one before, while a call goes on; afterwards one of them.
 *
 * A piece too large for the next step has a block that is as large as itself, and does not change the steps.
 */
#include "spec/base/scratch.h"

#include <stdbool.h>
#include <stdlib.h>

struct scratch_block {
    struct scratch_block *before;
    size_t step;     /* the size this block would have had without an oversized piece; the next one doubles it */
    size_t capacity; /* bytes in `data`, a multiple of the alignment */
    _Alignas(SCRATCH_ALIGNMENT) unsigned char data[];
};

static void blocks_destroy(struct scratch_block *block)
{
    while (block) {
        struct scratch_block *before = block->before;

        free(block);
        block = before;
    }
}

void scratch_finish(struct scratch *scratch)
{
    blocks_destroy(scratch->block);
    *scratch = (struct scratch){0};
}

/* Pieces come from this block now. */
static void begin_block(struct scratch *scratch, struct scratch_block *block)
{
    scratch->block = block;
    scratch->next = block->data;
    scratch->left = block->capacity;
}

static bool add_block(struct scratch *scratch, size_t step, size_t capacity)
{
    struct scratch_block *block = NULL;

    if (capacity <= SIZE_MAX - sizeof(*block))
        block = malloc(sizeof(*block) + capacity);
    if (!block)
        return false;
    *block = (struct scratch_block){.before = scratch->block, .step = step, .capacity = capacity};
    begin_block(scratch, block);
    return true;
}

/* ---- between calls ---- */

/* The size of a block for calls that need so much. */
static size_t size_for(size_t needed)
{
    size_t size = SCRATCH_LEAST;

    while (size < needed && size < SCRATCH_MOST)
        size *= 2;
    return size;
}

/* Without memory for another one the oldest stays, which is no larger than one that is kept may be. */
static void keep(struct scratch *scratch, size_t size)
{
    struct scratch_block *oldest = scratch->block;

    while (oldest->before) {
        struct scratch_block *block = oldest;

        oldest = block->before;
        free(block);
    }
    begin_block(scratch, oldest);
    if (oldest->capacity != size && add_block(scratch, size, size)) {
        free(oldest);
        scratch->block->before = NULL;
    }
}

/* A call that needed more than there may be of one block counts as one that needed the most. */
void scratch_reset(struct scratch *scratch)
{
    size_t needed, size;

    if (!scratch->block)
        return;
    needed = scratch->before + (scratch->block->capacity - scratch->left);
    if (needed == 0)
        return;
    if (needed > scratch->most)
        scratch->most = needed;
    size = scratch->block->before ? size_for(scratch->most) : scratch->block->capacity;
    if (++scratch->calls == SCRATCH_CALLS) {
        size = size_for(scratch->most);
        scratch->calls = 0;
        scratch->most = 0;
    }
    scratch->before = 0;
    keep(scratch, size);
}

/* ---- in a call ---- */

static bool make_room(struct scratch *scratch, size_t size)
{
    size_t step, used;

    if (!scratch->block && !add_block(scratch, SCRATCH_LEAST, SCRATCH_LEAST))
        return false;
    if (size <= scratch->left)
        return true;
    step = scratch->block->step > SIZE_MAX / 2 ? scratch->block->step : scratch->block->step * 2;
    used = scratch->block->capacity - scratch->left;
    if (!add_block(scratch, step, size > step ? size : step))
        return false;
    scratch->before += used;
    return true;
}

void *scratch_take_more(struct scratch *scratch, size_t size)
{
    unsigned char *piece;

    if (size > SIZE_MAX - (SCRATCH_ALIGNMENT - 1))
        return NULL;
    size = (size + SCRATCH_ALIGNMENT - 1) & ~(size_t)(SCRATCH_ALIGNMENT - 1);
    if (!make_room(scratch, size))
        return NULL;
    piece = scratch->next;
    scratch->next += size;
    scratch->left -= size;
    return piece;
}
