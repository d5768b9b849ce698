/*
 * Threads and their lanes, and the process's one connection and shared memory behind them.
 *
 * A thread keeps its lane between calls; a thread that ends gives it to the next that needs one.  A call that finds
 * its thread's lane busy comes from a signal handler during a wait, and takes a spare one.  After a fork, seen by a
 * page that the kernel wipes, the child starts from nothing and leaves the parent's lanes alone.
 */
#ifndef WINAPI_PRELOAD_LANE_POOL_H
#define WINAPI_PRELOAD_LANE_POOL_H

#include "preload/connection.h"
#include "preload/core.h"
#include "spec/base/error.h"
#include "spec/call/call.h"

#include <stdbool.h>
#include <stdint.h>

struct thread_lane {
    struct lane lane;
    struct call call;
    struct connection *connection;
    uint32_t index;    /* its number in shared memory, or at the host */
    uint64_t request;  /* the last number used */
    const void *frame; /* of a spare: of the call that uses it, where on the stack that stands */
    bool is_busy;
    struct thread_lane *outer; /* while it is a spare: the next spare of its thread, whose call this one's interrupts */
    bool is_inherited;         /* the parent's, in use by the call that the child returns to: nobody's afterwards */
    struct thread_lane *next_free; /* while no thread has it */
    struct thread_lane *next;      /* all lanes of the process */
};

/*
 * A lane of this thread with the host at the other end, connecting if need be.  -ENOTCONN no host; -EAGAIN no more
 * lanes; -ECONNRESET, -ETIMEDOUT, -EPROTO, -ENOMEM.
 */
MUST_CHECK int lane_pool_take(struct core *core, struct thread_lane **lane);

/* Why the last lane_pool_take() that failed did, in words: an address or a limit, and what to do. */
void lane_pool_explain(char *text, size_t size);

/* After the call.  `error` is how lane_exchange() ended: a lane or connection that is of no more use goes. */
void lane_pool_give(struct thread_lane *lane, int error);

#endif
