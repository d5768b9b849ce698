/* The map behind types, constants, functions and the search for doubles. */
#include "spec/table/names.h"

#include "spec/base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 16 };

void names_finish(struct names *names)
{
    free(names->slots);
    *names = (struct names){0};
}

/* The slot that holds the name, or the free one where it would go.  At least one slot is always free. */
static struct names_slot *find_slot(const struct names *names, const char *name)
{
    size_t mask = names->capacity - 1;
    size_t at = (size_t)hash_bytes(name, strlen(name), 0) & mask;

    while (names->slots[at].name && strcmp(names->slots[at].name, name) != 0)
        at = (at + 1) & mask;
    return &names->slots[at];
}

static int grow(struct names *names)
{
    struct names larger = {.capacity = names->capacity ? names->capacity * 2 : CAPACITY_FIRST, .count = names->count};

    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (!larger.slots)
        return -ENOMEM;
    for (size_t i = 0; i < names->capacity; i++) {
        if (names->slots[i].name)
            *find_slot(&larger, names->slots[i].name) = names->slots[i];
    }
    free(names->slots);
    *names = larger;
    return 0;
}

int names_add(struct names *names, const char *name, size_t number)
{
    struct names_slot *slot;

    if (names->count * 2 >= names->capacity && grow(names) < 0)
        return -ENOMEM;

    slot = find_slot(names, name);
    if (slot->name)
        return -EEXIST;
    *slot = (struct names_slot){name, number};
    names->count++;
    return 0;
}

bool names_find(const struct names *names, const char *name, size_t *number)
{
    const struct names_slot *slot = names->capacity ? find_slot(names, name) : NULL;

    if (!slot || !slot->name)
        return false;
    *number = slot->number;
    return true;
}
