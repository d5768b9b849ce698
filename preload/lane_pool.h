/*
 * Threads and their lanes, and the process's one connection and shared memory behind them.
 *
 * A thread keeps its lane between calls; a thread that ends gives it to the next that needs one.  A call that finds
 * its thread's lane busy comes from a signal handler, or from a coroutine, and takes a spare one.  When there may be
 * no more lanes, one whose thread makes no call just now goes to the thread that does.  After a fork, seen by a page
 * that the kernel wipes, the child starts from nothing and leaves the parent's lanes alone.
 */
#ifndef WINAPI_PRELOAD_LANE_POOL_H
#define WINAPI_PRELOAD_LANE_POOL_H

#include "preload/call_mark.h"
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
    uint32_t index;         /* its number in shared memory, or at the host */
    uint64_t request;       /* the last number used */
    _Atomic uint64_t claim; /* whose it is, and whether a call uses it: lane_pool.c */
    struct call_mark *mark; /* of the call that uses it */
    bool is_spare;
    struct thread_lane *outer; /* while it is a spare: the next spare of its thread, whose call this one's interrupts */
    bool is_inherited;         /* the parent's, in use by the call that the child returns to: nobody's afterwards */
    struct thread_lane *next_free; /* while no thread has it */
    struct thread_lane *next;      /* all lanes of the process */
};

/* What must be done early: fork handlers, and a key, which libc keeps without allocating only for the first of them. */
void lane_pool_prepare(void);

/*
 * A lane of this thread with the host at the other end, connecting if need be.  `mark` lies on the call's stack until
 * the lane is given back.  -ENOTCONN no host; -EAGAIN no more lanes, and for as long as connecting may take none came
 * free; -ECONNRESET, -ETIMEDOUT, -EPROTO, -ENOMEM.
 */
MUST_CHECK int lane_pool_take(struct core *core, struct thread_lane **lane, struct call_mark *mark);

/* Has this thread's end heard of also when it makes no remote call. */
void lane_pool_watch_thread(void);

/* Why the last lane_pool_take() that failed did, in words: an address or a limit, and what to do. */
void lane_pool_explain(char *text, size_t size);

/* After the call.  `error` is how lane_exchange() ended: a lane or connection that is of no more use goes. */
void lane_pool_give(struct thread_lane *lane, int error);

#endif
