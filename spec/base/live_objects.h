/*
 * A set of live objects, each an address or a handle and its class, for any number of threads at once.
 *
 * Nothing here locks, and nothing is allocated but for growth, which is seldom and asks the kernel: a signal handler
 * may interrupt it and use the same set, a thread may leave it by longjmp, and a forked child finds it whole, whatever
 * other threads were doing.  What is left in the midst costs a place at worst.
 *
 * Every object has a place, which a later one is given late, and a life, which no other object there ever has.
 */
#ifndef WINAPI_SPEC_BASE_LIVE_OBJECTS_H
#define WINAPI_SPEC_BASE_LIVE_OBJECTS_H

#include "spec/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIVE_OBJECTS_FIRST = 1024, /* places in the first block; each further one doubles what there is */
    LIVE_OBJECTS_BLOCKS = 15,
    LIVE_OBJECTS_MOST = LIVE_OBJECTS_FIRST << (LIVE_OBJECTS_BLOCKS - 1),
};

/* The lowest bits of a life; what is above them is one more with each object in the place. */
enum life_state { LIFE_NONE, LIFE_BEGINS, LIFE_LIVE, LIFE_ENDED };

#define LIFE_STATE UINT64_C(3)
#define LIFE_SHIFT 2

/* A place, and a bucket of the same number, which has nothing to do with what is in the place: live_objects.c. */
struct live_object {
    _Alignas(64) _Atomic uint64_t life;
    _Atomic uint64_t value;
    _Atomic(const char *) class;
    _Atomic uint64_t next;
    _Atomic uint64_t bucket;
};

/* Zeroed is empty. */
struct live_objects {
    _Atomic(struct live_object *) blocks[LIVE_OBJECTS_BLOCKS]; /* they stay where they are */
    _Atomic size_t capacity;                                   /* places there are: 0, or a power of two */
    size_t most;           /* of those; 0: LIVE_OBJECTS_MOST.  A power of two from LIVE_OBJECTS_FIRST up */
    char apart[64];        /* what follows changes with every object, what is above hardly ever */
    _Atomic size_t taken;  /* places in use */
    _Atomic uint64_t turn; /* where the search for a free place goes on */
};

/* What was in a place. */
struct live_view {
    size_t place;
    uint64_t life;
    uint64_t value;
    const char *class;
};

/*
 * 1: it is new; 0: it was there already; -ENOMEM; -EMFILE: as many as may be.  `class` lives as long as the set and is
 * compared as text; `value` is not 0.
 */
MUST_CHECK int live_objects_add(struct live_objects *objects, const char *class, uint64_t value,
                                struct live_view *view);

/* Whether it was there; of threads that remove it at once one is told so. */
bool live_objects_remove(struct live_objects *objects, const char *class, uint64_t value);

/* The same, of what live_objects_at() has shown. */
bool live_objects_end(struct live_objects *objects, const struct live_view *view);

/* Removes every object for which `is_gone` holds; gives how many. */
size_t live_objects_sweep(struct live_objects *objects, bool (*is_gone)(uint64_t value, const void *context),
                          const void *context);

/* How many there are, counted one by one, while no other thread changes anything. */
size_t live_objects_count(struct live_objects *objects);

/* While nobody uses it. */
void live_objects_finish(struct live_objects *objects);

/* A place that there is. */
static inline struct live_object *live_objects_place(const struct live_objects *objects, size_t place)
{
    size_t number = 0;

    if (place >= LIVE_OBJECTS_FIRST) {
        number = 64 - (size_t)__builtin_clzll(place / LIVE_OBJECTS_FIRST);
        place -= (size_t)LIVE_OBJECTS_FIRST << (number - 1);
    }
    return &atomic_load_explicit(&objects->blocks[number], memory_order_acquire)[place]; /* counterpart: grow() */
}

/* Whether an object lives there, and lived there all the time while the view was taken. */
static inline bool live_objects_at(const struct live_objects *objects, size_t place, struct live_view *view)
{
    const struct live_object *object;

    if (place >= atomic_load_explicit(&objects->capacity, memory_order_acquire)) /* counterpart: grow() */
        return false;
    object = live_objects_place(objects, place);
    /* Counterparts: fill() and whoever changes the life.  Who sees a later value sees a later life, too. */
    view->place = place;
    view->life = atomic_load_explicit(&object->life, memory_order_acquire);
    view->value = atomic_load_explicit(&object->value, memory_order_acquire);
    view->class = atomic_load_explicit(&object->class, memory_order_acquire);
    return (view->life & LIFE_STATE) == LIFE_LIVE &&
           atomic_load_explicit(&object->life, memory_order_relaxed) == view->life;
}

#endif
