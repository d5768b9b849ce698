/*
 * What compare mode compares: one value or one buffer at a time, the first difference kept with its place.
 *
 * Handles never differ (they are paired), values marked volatile never do, and floating values within the tolerance
 * that their row gives do not.
 */
#ifndef WINAPI_SPEC_CALL_DIFFERENCE_H
#define WINAPI_SPEC_CALL_DIFFERENCE_H

#include "spec/table/type.h"

#include <stdbool.h>
#include <stdint.h>

/* The first place where native and remote are not the same. */
struct difference {
    bool found;
    char where[96];  /* "buffers[1].data[17]", "return" */
    char native[64]; /* the two values, as text */
    char remote[64];
};

/* The way to a value, from the inside out; lives on the stack of the walk. */
struct path {
    const struct path *up;
    const char *name; /* of a parameter or member */
    uint64_t index;   /* of an element */
    bool is_index;
    const struct passing *passing; /* its marks; NULL: none */
};

/* The same bytes at both ends. */
struct both {
    const void *native, *remote;
    uint64_t size;
};

void difference_value(struct difference *difference, const struct path *path, const struct type *type,
                      const void *native, const void *remote);
void difference_bytes(struct difference *difference, const struct path *path, const struct type *element,
                      const struct both *both);
/* Either may be NULL. */
void difference_strings(struct difference *difference, const struct path *path, const char *native, const char *remote);
/* Handles have no value to compare, but one of them may be NULL alone. */
void difference_handles(struct difference *difference, const struct path *path, bool native, bool remote);
void difference_errno(struct difference *difference, int native, int remote);

#endif
