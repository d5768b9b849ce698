/*
 * Calls that nobody waits for: rows with "async".
 *
 * A thread's calls keep their order, because they all take its lane.  What another thread, a signal handler, the native
 * library or a child of a fork could see of calls that are not over yet, waits for them: each call asks whether there
 * may be some, which is one look at a word.  At the program's end they are waited for as well; after a program that
 * ends without its destructors the host makes them all the same.  Who waits, waits for what was posted before.
 */
#ifndef WINAPI_PRELOAD_LANE_POST_H
#define WINAPI_PRELOAD_LANE_POST_H

#include "preload/core.h"
#include "preload/lane/posting.h"
#include "preload/lane/thread_lane.h"
#include "spec/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Before the first call that is posted; again is no harm. */
void post_begin(struct core *core);

/*
 * Has the lane ready for lane_post() by its present owner: over memory tells the host of its ring; what an earlier
 * owner's calls have failed with is said in a line.  -ENOTSUP it cannot post; as lane_exchange().
 */
MUST_CHECK int post_prepare(struct core *core, struct thread_lane *lane, uint64_t deadline_ns);

/* Before a call is posted on that lane: those that this thread has posted on another one come first. */
void post_keep_order(struct core *core, const struct thread_lane *lane);

/* Before a call that takes its turn on that lane, which is the caller's, and is not posted. */
void post_settle_behind(struct core *core, const struct thread_lane *lane);

void post_settle(struct core *core, const struct thread_lane *but, bool is_remote);

/* Before a call that is not posted and runs elsewhere than on a lane, or on several. */
static inline void post_settle_all(struct core *core)
{
    uint32_t count = atomic_load_explicit(&winapi_posting_count, memory_order_acquire);

    if (count && !posting_are_over(count, NULL))
        post_settle(core, NULL, false);
}

/*
 * Before a call that is not posted and takes this thread's lane, if it still has that: waits for what it could see, but
 * for calls on that lane.  Gives the lane, or NULL: it has waited for all.
 */
static inline const struct thread_lane *post_settle_others(struct core *core)
{
    uint32_t count = atomic_load_explicit(&winapi_posting_count, memory_order_acquire);
    const struct thread_lane *own = count ? thread_lane_own() : NULL;

    if (count && !posting_are_over(count, own))
        post_settle(core, own, true);
    return own;
}

/* At the program's end: waits for all of them, and says which of this thread have failed. */
void post_finish(void);

#endif
