/*
 * The arena's books: a sorted array of what is used.
 *
 * The lock covers the books only, and signals wait while it is held: a handler may fork, or leave by longjmp.  Pages
 * are asked for and given back outside it, while the extent stands in the books and is nobody else's.  Signals wait
 * until they are given back: the child of a handler would give back what its parent has in use again.
 */
#include "spec/wire/arena.h"

#include "spec/base/own.h"
#include "spec/base/quiet_lock.h"

#include <errno.h>
#include <string.h>

int arena_init(struct arena *arena, struct memory *memory)
{
    *arena = (struct arena){.memory = memory};
    return -pthread_mutex_init(&arena->lock, NULL);
}

/* The lock is not taken: another thread may have held it when this process was forked. */
void arena_finish(struct arena *arena)
{
    free(arena->used);
    arena->used = NULL;
    arena->count = arena->capacity = 0;
    pthread_mutex_destroy(&arena->lock);
}

/* ---- books; the lock is held ---- */

static int books_grow(struct arena *arena)
{
    size_t capacity = arena->capacity != 0 ? arena->capacity * 2 : 16;
    struct arena_extent *used;

    if (arena->count < arena->capacity)
        return 0;
    used = realloc(arena->used, capacity * sizeof(*used));
    if (used == NULL)
        return -ENOMEM;

    arena->used = used;
    arena->capacity = capacity;
    return 0;
}

/* The first gap of that size: *index is where it belongs in the books. */
static bool gap_find(const struct arena *arena, struct arena_extent *extent, size_t *index)
{
    uint64_t start = 0;
    size_t i;

    for (i = 0; i < arena->count; i++) {
        if (arena->used[i].offset - start >= extent->size)
            break;
        start = arena->used[i].offset + arena->used[i].size;
    }
    if (i == arena->count && arena->memory->arena_size - start < extent->size)
        return false;

    extent->offset = start;
    *index = i;
    return true;
}

static int extent_add(struct arena *arena, struct arena_extent *extent)
{
    size_t index;
    int rc = books_grow(arena);

    if (rc < 0)
        return rc;
    if (!gap_find(arena, extent, &index))
        return -ENOSPC;
    rc = memory_open(arena->memory, extent->offset + extent->size);
    if (rc < 0)
        return rc;

    memmove(arena->used + index + 1, arena->used + index, (arena->count - index) * sizeof(*extent));
    arena->used[index] = *extent;
    arena->count++;
    return 0;
}

static struct arena_extent *extent_find(const struct arena *arena, uint64_t offset)
{
    size_t low = 0, high = arena->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (arena->used[middle].offset == offset)
            return &arena->used[middle];
        if (arena->used[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void extent_remove(struct arena *arena, uint64_t offset)
{
    struct arena_extent *extent = extent_find(arena, offset);
    size_t behind;

    if (extent == NULL)
        return;
    behind = (size_t)(arena->used + arena->count - (extent + 1));
    memmove(extent, extent + 1, behind * sizeof(*extent));
    arena->count--;
}

/* ---- the two doors ---- */

static void extent_drop(struct arena *arena, uint64_t offset)
{
    sigset_t before;

    quiet_lock(&arena->lock, &before);
    extent_remove(arena, offset);
    quiet_unlock(&arena->lock, &before);
}

int arena_take(struct arena *arena, uint64_t size, uint64_t *offset)
{
    struct arena_extent extent = {0};
    sigset_t before;
    int rc;

    if (size > arena->memory->arena_size)
        return -ENOSPC;
    extent.size = size == 0 ? MEMORY_PAGE : (size + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE;

    quiet_lock(&arena->lock, &before);
    rc = extent_add(arena, &extent);
    quiet_unlock(&arena->lock, &before);
    if (rc < 0)
        return rc;

    rc = memory_back(arena->memory, arena->memory->arena_offset + extent.offset, extent.size);
    if (rc < 0) {
        extent_drop(arena, extent.offset);
        return rc;
    }
    *offset = extent.offset;
    return 0;
}

/* Marks the extent as leaving, so that of two who give the same one back only one is heard. */
static int extent_claim(struct arena *arena, uint64_t offset, struct arena_extent *claimed)
{
    struct arena_extent *extent;
    sigset_t before;
    int rc = -EINVAL;

    quiet_lock(&arena->lock, &before);
    extent = extent_find(arena, offset);
    if (extent != NULL && !extent->leaving) {
        extent->leaving = true;
        *claimed = *extent;
        rc = 0;
    }
    quiet_unlock(&arena->lock, &before);
    return rc;
}

static int extent_give(struct arena *arena, uint64_t offset)
{
    struct arena_extent extent;
    int rc = extent_claim(arena, offset, &extent);

    if (rc < 0)
        return rc;
    /* What cannot be emptied is not handed out again: the next owner is promised zeroes. */
    rc = memory_empty(arena->memory, arena->memory->arena_offset + extent.offset, extent.size);
    if (rc == 0)
        extent_drop(arena, offset);
    return rc;
}

int arena_give(struct arena *arena, uint64_t offset)
{
    sigset_t before;
    int rc;

    quiet_begin(&before);
    rc = extent_give(arena, offset);
    quiet_end(&before);
    return rc;
}
