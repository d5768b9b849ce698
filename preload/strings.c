/*
 * A list that only grows at its head, so that readers need no lock.  Libraries return few different static strings; a
 * function that makes up new ones would fill it, which is why rows say "static".
 */
#include "preload/strings.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    struct kept *next;
    size_t size;
    char text[];
};

static _Atomic(struct kept *) head;

static const char *find(const struct kept *from, const char *string, size_t size)
{
    for (; from; from = from->next)
        if (from->size == size && memcmp(from->text, string, size) == 0)
            return from->text;
    return NULL;
}

const char *strings_keep(const char *string, size_t size)
{
    struct kept *seen = atomic_load_explicit(&head, memory_order_acquire);
    const char *found = find(seen, string, size);
    struct kept *made;

    if (found)
        return found;
    made = malloc(sizeof(*made) + size);
    if (!made)
        return NULL;
    made->size = size;
    memcpy(made->text, string, size);
    do
        made->next = seen;
    while (!atomic_compare_exchange_weak_explicit(&head, &seen, made, memory_order_acq_rel, memory_order_acquire));
    return made->text;
}
