/*
 * Threads and their lanes.
 *
 * A thread keeps its lane between calls; a thread that ends gives it to the next that needs one.  A call that finds
 * its thread's lane busy comes from a signal handler, or from a coroutine, and takes a spare one.  When there may be
 * no more lanes, one whose thread makes no call just now goes to the thread that does.  After a fork, seen by a page
 * that the kernel wipes, the child starts from nothing and leaves the parent's lanes alone.
 */
#ifndef WINAPI_PRELOAD_LANE_THREAD_LANE_H
#define WINAPI_PRELOAD_LANE_THREAD_LANE_H

#include "preload/lane/lane_pool.h"

/* What must be done early: fork handlers, and a key, which libc keeps without allocating only for the first of them. */
void thread_lane_prepare(void);

/*
 * A lane of this thread with the host at the other end, connecting if need be.  `mark` lies on the call's stack until
 * the lane is given back.  As lane_pool_find(), but -EAGAIN only when none came free for as long as connecting may
 * take.
 */
MUST_CHECK int thread_lane_take(struct core *core, struct thread_lane **lane, struct call_mark *mark);

/* The same, but not this thread's own lane, unless that is the only one there may be. */
MUST_CHECK int thread_lane_take_other(struct core *core, struct thread_lane **lane, struct call_mark *mark);

/* The lane that this thread's next call will use, if it has one and no call of the thread is under way; or NULL. */
struct thread_lane *thread_lane_own(void);

/* Has this thread's end heard of also when it makes no remote call. */
void thread_lane_watch_end(void);

/* After the call.  `error` is how lane_exchange() ended: a lane or connection that is of no more use goes. */
void thread_lane_give(struct thread_lane *lane, int error);

#endif
