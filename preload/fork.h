/*
 * Forks, however they are made: fork, _Fork, clone.
 *
 * A child inherits our memory, but nothing in it that leads to the host is its own.  A page that the kernel wipes in
 * every child tells; fork handlers see to it at once where they run, and whoever asks fork_check() sees to it
 * otherwise.
 */
#ifndef WINAPI_PRELOAD_FORK_H
#define WINAPI_PRELOAD_FORK_H

#include "spec/base/error.h"

#include <stdbool.h>

/* A file's share in a fork.  Lives as long as the process; is linked in by fork_watch(). */
struct fork_part {
    void (*before)(void);     /* in the parent; NULL: nothing */
    void (*in_parent)(void);  /* afterwards; NULL: nothing */
    void (*start_over)(void); /* in the child, which has this one thread */
    bool is_watched;
    struct fork_part *next;
};

/* From now on the part takes part; again is no harm.  Call it with a lock that only the part uses.  -ENOMEM. */
MUST_CHECK int fork_watch(struct fork_part *part);

/* Starts every part over when this is a child that has not done so yet. */
void fork_check(void);

#endif
