/*
 * The objects that a family's functions have given the program and not closed again, each by its handle.
 *
 * A set: a function may give the same object twice.  Not locked; never calls malloc, which the program may have
 * replaced by something that calls us.
 */
#ifndef WINAPI_PRELOAD_LIVE_OBJECTS_H
#define WINAPI_PRELOAD_LIVE_OBJECTS_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_object {
    const char *class; /* of the catalog; compared as text */
    uint64_t handle;   /* 0: the slot is free */
};

/* Zeroed is empty. */
struct live_objects {
    struct live_object *slots;
    size_t capacity; /* a power of two */
    size_t count;
};

/* -ENOMEM; one that is there already is no error, and is not counted again. */
MUST_CHECK int live_objects_add(struct live_objects *objects, const char *class, uint64_t handle);

/* One that is not there is fine. */
void live_objects_remove(struct live_objects *objects, const char *class, uint64_t handle);

/* Removes every object for which `is_gone` holds; gives how many. */
size_t live_objects_sweep(struct live_objects *objects, bool (*is_gone)(uint64_t handle, const void *context),
                          const void *context);

void live_objects_finish(struct live_objects *objects);

#endif
