/*
 * Names and what they stand for: a map from string to a number, that grows.
 *
 * Open addressing over a power of two; nothing is ever removed.  The strings belong to the caller.
 */
#ifndef WINAPI_SPEC_TABLE_NAMES_H
#define WINAPI_SPEC_TABLE_NAMES_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct names_slot {
    const char *name; /* NULL: free */
    size_t number;
};

struct names {
    struct names_slot *slots;
    size_t capacity;
    size_t count;
};

/* A zeroed map is empty and ready. */
void names_finish(struct names *names);

/* -EEXIST: the name is there already and keeps its number; -ENOMEM. */
MUST_CHECK int names_add(struct names *names, const char *name, size_t number);

bool names_find(const struct names *names, const char *name, size_t *number);

#define AUTO_NAMES __attribute__((cleanup(names_finish)))

#endif
