/*
 * A chain of blocks, each at least twice the one before.
 *
 * The first block always has the same size, also when the first piece is larger: what is kept between calls stays
 * small, whatever one call needed.
 */
#include "spec/base/scratch.h"

#include <stdint.h>
#include <stdlib.h>

enum { FIRST_BLOCK_SIZE = 16 * 1024, ALIGNMENT = 16 };

struct scratch_block {
    struct scratch_block *next;
    size_t step;     /* the size this block would have had without an oversized piece; the next one doubles it */
    size_t capacity; /* bytes in `data` */
    size_t used;
    _Alignas(ALIGNMENT) unsigned char data[];
};

static struct scratch_block *block_create(size_t step, size_t capacity)
{
    if (capacity > SIZE_MAX - sizeof(struct scratch_block))
        return NULL;

    struct scratch_block *block = malloc(sizeof(*block) + capacity);

    if (block)
        *block = (struct scratch_block){.step = step, .capacity = capacity};
    return block;
}

static void blocks_destroy(struct scratch_block *block)
{
    while (block) {
        struct scratch_block *next = block->next;

        free(block);
        block = next;
    }
}

void scratch_finish(struct scratch *scratch)
{
    blocks_destroy(scratch->first);
    *scratch = (struct scratch){0};
}

void scratch_reset(struct scratch *scratch)
{
    if (!scratch->first)
        return;
    blocks_destroy(scratch->first->next);
    scratch->first->next = NULL;
    scratch->first->used = 0;
    scratch->current = scratch->first;
}

static struct scratch_block *first_block(struct scratch *scratch)
{
    if (!scratch->first) {
        scratch->first = block_create(FIRST_BLOCK_SIZE, FIRST_BLOCK_SIZE);
        scratch->current = scratch->first;
    }
    return scratch->current;
}

/* The block that has room for `size` bytes: the current one, or a new one after it. */
static struct scratch_block *block_with_room(struct scratch *scratch, size_t size)
{
    struct scratch_block *current = first_block(scratch);

    if (!current || size <= current->capacity - current->used)
        return current;

    size_t step = current->step > SIZE_MAX / 2 ? current->step : current->step * 2;

    current->next = block_create(step, size > step ? size : step);
    if (!current->next)
        return NULL;
    scratch->current = current->next;
    return current->next;
}

void *scratch_take(struct scratch *scratch, size_t size)
{
    if (size > SIZE_MAX - (ALIGNMENT - 1))
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    struct scratch_block *block = block_with_room(scratch, size);

    if (!block)
        return NULL;

    void *piece = block->data + block->used;

    block->used += size;
    return piece;
}
