/* An array under a lock: compare makes every call twice, so a search through live handles does not count. */
#include "preload/compare/compare_pairs.h"

#include "preload/fork.h"
#include "spec/base/quiet_lock.h"

#include <errno.h>
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

/* Another thread may have held the lock; what it was changing is at worst one pair too many. */
static void start_over(void)
{
    pthread_mutex_init(&lock, NULL);
}

static struct fork_part fork_part = {.start_over = start_over};

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
    sigset_t before;

    (void)context;
    *wire = 0;
    if (!native)
        return 0;
    quiet_lock(&lock, &before);
    pair = find(class, native);
    if (pair)
        *wire = pair->wire;
    quiet_unlock(&lock, &before);
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
    sigset_t before;
    int error;

    (void)context;
    if (!native || wire == 0)
        return 0;
    quiet_lock(&lock, &before);
    error = fork_watch(&fork_part);
    if (!error)
        error = add(class, native, wire);
    quiet_unlock(&lock, &before);
    return error;
}

void compare_pairs_forget(const char *class, const void *native)
{
    struct pair *pair;
    sigset_t before;

    quiet_lock(&lock, &before);
    pair = find(class, native);
    if (pair)
        *pair = pairs[--pair_count];
    quiet_unlock(&lock, &before);
}

const struct handle_door compare_pairs = {.export = export_native, .pair = pair_up};
