/* Open addressing with linear probing; a removal moves what follows back, so there are no tombstones. */
#include "preload/live_objects.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { SLOTS_AT_FIRST = 256 };

/* Both kinds of handle vary in the middle: addresses at the bottom not at all, the host's handles by place. */
static size_t home_of(const struct live_objects *objects, uint64_t handle)
{
    return (size_t)(handle * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (objects->capacity - 1);
}

static size_t next_slot(const struct live_objects *objects, size_t slot)
{
    return (slot + 1) & (objects->capacity - 1);
}

/* Where it is, or the free slot where it would be. */
static size_t find(const struct live_objects *objects, const char *class, uint64_t handle)
{
    size_t slot = home_of(objects, handle);

    while (objects->slots[slot].handle &&
           (objects->slots[slot].handle != handle || strcmp(objects->slots[slot].class, class) != 0))
        slot = next_slot(objects, slot);
    return slot;
}

static int grow(struct live_objects *objects)
{
    struct live_objects grown = {.capacity = objects->capacity ? objects->capacity * 2 : SLOTS_AT_FIRST,
                                 .count = objects->count};
    size_t size = grown.capacity * sizeof(*grown.slots);

    grown.slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (grown.slots == MAP_FAILED)
        return -ENOMEM;
    for (size_t i = 0; i < objects->capacity; i++)
        if (objects->slots[i].handle)
            grown.slots[find(&grown, objects->slots[i].class, objects->slots[i].handle)] = objects->slots[i];
    if (objects->slots)
        munmap(objects->slots, objects->capacity * sizeof(*objects->slots));
    *objects = grown;
    return 0;
}

int live_objects_add(struct live_objects *objects, const char *class, uint64_t handle)
{
    size_t slot;

    if (objects->count >= objects->capacity / 2 && grow(objects))
        return -ENOMEM;
    slot = find(objects, class, handle);
    if (objects->slots[slot].handle)
        return 0;
    objects->slots[slot] = (struct live_object){class, handle};
    objects->count++;
    return 0;
}

/* Whether the hole lies between where an object belongs and where it is. */
static bool may_move(const struct live_objects *objects, size_t hole, size_t slot)
{
    size_t mask = objects->capacity - 1;
    size_t home = home_of(objects, objects->slots[slot].handle);

    return ((slot - home) & mask) >= ((slot - hole) & mask);
}

static void remove_at(struct live_objects *objects, size_t hole)
{
    for (size_t slot = next_slot(objects, hole); objects->slots[slot].handle; slot = next_slot(objects, slot))
        if (may_move(objects, hole, slot)) {
            objects->slots[hole] = objects->slots[slot];
            hole = slot;
        }
    objects->slots[hole] = (struct live_object){0};
    objects->count--;
}

void live_objects_remove(struct live_objects *objects, const char *class, uint64_t handle)
{
    size_t slot;

    if (objects->count == 0)
        return;
    slot = find(objects, class, handle);
    if (objects->slots[slot].handle)
        remove_at(objects, slot);
}

size_t live_objects_sweep(struct live_objects *objects, bool (*is_gone)(uint64_t handle, const void *context),
                          const void *context)
{
    size_t before = objects->count;
    size_t slot = 0;

    while (objects->count && slot < objects->capacity) {
        if (objects->slots[slot].handle && is_gone(objects->slots[slot].handle, context))
            remove_at(objects, slot); /* another may stand there now */
        else
            slot++;
    }
    return before - objects->count;
}

void live_objects_finish(struct live_objects *objects)
{
    if (objects->slots)
        munmap(objects->slots, objects->capacity * sizeof(*objects->slots));
    *objects = (struct live_objects){0};
}
