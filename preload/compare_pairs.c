/* An array under a lock: compare makes every call twice, so a search through live handles does not count. */
#include "preload/compare_pairs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    const char *class;
    const void *native;
    uint64_t wire;
};

static struct pair *pairs;
static size_t pair_count, pair_capacity;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct pair *find(const char *class, const void *native)
{
    for (size_t i = 0; i < pair_count; i++)
        if (pairs[i].native == native && strcmp(pairs[i].class, class) == 0)
            return &pairs[i];
    return NULL;
}

static int export_native(void *context, const char *class, void *native, uint64_t *wire)
{
    const struct pair *pair;

    (void)context;
    *wire = 0;
    if (!native)
        return 0;
    pthread_mutex_lock(&lock);
    pair = find(class, native);
    if (pair)
        *wire = pair->wire;
    pthread_mutex_unlock(&lock);
    return pair ? 0 : -EBADF;
}

static int add(const char *class, const void *native, uint64_t wire)
{
    struct pair *pair = find(class, native);
    struct pair *grown;

    if (!pair && pair_count == pair_capacity) {
        grown = realloc(pairs, (pair_capacity * 2 + 16) * sizeof(*pairs));
        if (!grown)
            return -ENOMEM;
        pairs = grown;
        pair_capacity = pair_capacity * 2 + 16;
    }
    if (!pair)
        pair = &pairs[pair_count++];
    *pair = (struct pair){class, native, wire};
    return 0;
}

static int pair_up(void *context, const char *class, void *native, uint64_t wire)
{
    int error;

    (void)context;
    if (!native || wire == 0)
        return 0;
    pthread_mutex_lock(&lock);
    error = add(class, native, wire);
    pthread_mutex_unlock(&lock);
    return error;
}

void compare_pairs_forget(const char *class, const void *native)
{
    struct pair *pair;

    pthread_mutex_lock(&lock);
    pair = find(class, native);
    if (pair)
        *pair = pairs[--pair_count];
    pthread_mutex_unlock(&lock);
}

const struct handle_door compare_pairs = {.export = export_native, .pair = pair_up};
