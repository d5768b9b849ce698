/*
 * Calls that nobody waits for: rows with "async".
 *
 * A thread's calls keep their order, because they all take its lane.  What another thread, a signal handler, the native
 * library or a child of a fork could see of calls that are not over yet, waits for them: each call asks whether there
 * may be some, which is one look at a word.  At the program's end they are waited for as well; after a program that
 * ends without its destructors the host makes them all the same.
 */
#ifndef WINAPI_PRELOAD_POST_H
#define WINAPI_PRELOAD_POST_H

#include "preload/core.h"
#include "preload/thread_lane.h"
#include "spec/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The only thread_lane with calls that may not be over; NULL: there is none. */
extern _Atomic(struct thread_lane *) winapi_post_only;
#define POST_SEVERAL ((struct thread_lane *)1) /* there is more than one */

/* Threads that wait until all are over. */
extern _Atomic unsigned winapi_post_waiters;

/* Before the first call that is posted; again is no harm. */
void post_begin(struct core *core);

/*
 * Has the lane ready for lane_post(): tells the host of its ring.  -ENOTSUP it has none; as lane_exchange().
 */
MUST_CHECK int post_prepare(struct thread_lane *lane, uint64_t deadline_ns);

/* Before a call is posted on that lane: those that this thread has posted on another one come first. */
void post_keep_order(struct core *core, struct thread_lane *lane);

/* Posts the encoded request; waits while the host is far behind.  As lane_post() and lane_catch_up(). */
MUST_CHECK int post_send(struct thread_lane *lane, uint64_t deadline_ns);

void post_settle(struct core *core, bool is_remote);

/* Before a call that is not posted: waits for what it could see.  `is_remote`: it takes its turn on this thread's lane.
 */
static inline void post_settle_before(struct core *core, bool is_remote)
{
    const struct thread_lane *only = atomic_load_explicit(&winapi_post_only, memory_order_acquire);

    if (only && !(is_remote && only == thread_lane_own()))
        post_settle(core, is_remote);
    else if (atomic_load_explicit(&winapi_post_waiters, memory_order_relaxed))
        post_settle(core, is_remote);
}

/* At the program's end: waits for all of them, and says which of this thread have failed. */
void post_finish(void);

#endif
