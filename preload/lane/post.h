/*
 * Calls that nobody waits for: rows with "async".
 *
 * A thread's calls keep their order, because they all take its lane.  What another thread, a signal handler, the native
 * library or a child of a fork could see of calls that are not over yet, waits for them: each call asks whether there
 * may be some, which is one look at a word.  At the program's end they are waited for as well; after a program that
 * ends without its destructors the host makes them all the same.
 */
#ifndef WINAPI_PRELOAD_LANE_POST_H
#define WINAPI_PRELOAD_LANE_POST_H

#include "preload/core.h"
#include "preload/lane/thread_lane.h"
#include "spec/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { POSTINGS_MOST = 64 };

/*
 * Where a lane's words of posted calls lie: in shared memory, which stays mapped whatever becomes of the lane, or with
 * a socket in the lane itself, which is kept for later ones.  Whoever posts has only those to write; whoever wants to
 * know looks there.  Over a socket what is over is known when a call behind it was answered, or when the host was
 * asked.
 */
struct posting {
    _Atomic(const struct thread_lane *) lane;
    _Atomic(_Atomic uint32_t *) filled, emptied; /* ring.h; NULL: it has none yet */
};

/* The lanes on which calls have been posted; those beyond POSTINGS_MOST are asked for under the pool's lock. */
extern struct posting winapi_postings[POSTINGS_MOST];
extern _Atomic uint32_t winapi_posting_count;

/* Before the first call that is posted; again is no harm. */
void post_begin(struct core *core);

/*
 * Has the lane ready for lane_post(): over memory tells the host of its ring.  -ENOTSUP there is no room for one; as
 * lane_exchange().
 */
MUST_CHECK int post_prepare(struct thread_lane *lane, uint64_t deadline_ns);

/* Before a call is posted on that lane: those that this thread has posted on another one come first. */
void post_keep_order(struct core *core, struct thread_lane *lane);

void post_settle(struct core *core, bool is_remote);

/* Whether all calls are over that were posted on those lanes, but for this one. */
bool post_are_over(uint32_t count, const struct thread_lane *but);

/* Before a call that is not posted: waits for what it could see.  `is_remote`: it takes its turn on this thread's lane.
 */
static inline void post_settle_before(struct core *core, bool is_remote)
{
    uint32_t count = atomic_load_explicit(&winapi_posting_count, memory_order_acquire);

    if (count && !post_are_over(count, is_remote ? thread_lane_own() : NULL))
        post_settle(core, is_remote);
}

/* At the program's end: waits for all of them, and says which of this thread have failed. */
void post_finish(void);

#endif
