/*
 * The process's lanes, and its one connection and shared memory behind them.
 *
 * Whose a lane is.  `claim` is a ticket, which no two owners ever have alike, times two, plus one while a call uses the
 * lane; 0 while it is nobody's.  The owner moves from idle to in use by compare-and-swap, without the lock, and back by
 * a store; who takes an idle lane away, under the lock, does it by compare-and-swap too.  So one of both wins, and the
 * owner finds its ticket gone.  What it looks at is always a lane, because lanes that are dropped are kept for later
 * ones.
 */
#ifndef WINAPI_PRELOAD_LANE_LANE_POOL_H
#define WINAPI_PRELOAD_LANE_LANE_POOL_H

#include "preload/call_mark.h"
#include "preload/core.h"
#include "preload/lane/connection.h"
#include "spec/base/error.h"
#include "spec/call/call.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct thread_lane {
    struct lane lane;
    struct call call;
    struct connection *connection;
    uint32_t index;         /* its number in shared memory, or at the host */
    uint32_t request;       /* the last number used */
    uint64_t posted_with;   /* the ticket of whoever has posted on it last; 0: nobody has */
    _Atomic uint64_t claim; /* whose it is, and whether a call uses it */
    struct call_mark *mark; /* of the call that uses it */
    bool is_spare;
    struct thread_lane *outer; /* while it is a spare: the next spare of its thread, whose call this one's interrupts */
    bool is_inherited;         /* the parent's, in use by the call that the child returns to: nobody's afterwards */
    struct thread_lane *next_free; /* while no thread has it */
    struct thread_lane *next;      /* all lanes of the process */
};

static inline bool lane_is_in_use(const struct thread_lane *lane)
{
    return atomic_load_explicit(&lane->claim, memory_order_relaxed) & 1;
}

/* Of its owner, who asks. */
static inline uint64_t lane_ticket(const struct thread_lane *lane)
{
    return atomic_load_explicit(&lane->claim, memory_order_relaxed) >> 1;
}

/* NULL is not. */
static inline bool lane_is_usable(const struct thread_lane *lane)
{
    return lane && !atomic_load_explicit(&lane->connection->is_lost, memory_order_relaxed);
}

/* Signals of this thread wait while it holds the lock. */
void lane_pool_lock(void);
void lane_pool_unlock(void);

/* ---- under the lock ---- */

/*
 * A lane that is the caller's from now on, in use and with a new ticket, connecting if need be.  -ENOTCONN no host;
 * -EAGAIN there may be no more lanes, and a call is under way on each; -ECONNRESET, -ETIMEDOUT, -EPROTO, -ENOMEM.
 */
MUST_CHECK int lane_pool_find(struct core *core, struct thread_lane **found);

/* Keeps it for the next thread that needs one. */
void lane_pool_free(struct thread_lane *lane);

/* It is of no more use.  What was posted there is still made, and waited for, unless its host has gone. */
void lane_pool_drop(struct thread_lane *lane);

/* Nobody takes the answer any more.  The host is told, so that its function does not wait for nothing. */
void lane_pool_retire(struct thread_lane *lane);

/* ---- without it ---- */

/* A thread waits for a lane: those in use go to it after their calls. */
bool lane_pool_is_wanted(void);

/*
 * Whether one may come free: another thread's call is under way, or over since the lane was asked for, or the host is
 * about to close one.
 */
bool lane_pool_may_have_one(bool (*is_ours)(const struct thread_lane *lane));

/* Why the last lane_pool_find() that failed did, in words: an address or a limit, and what to do. */
void lane_pool_explain(char *text, size_t size);

/* In a forked child: nothing here is ours any more.  What the parent and the host share is left as it is. */
void lane_pool_start_over(void);

#endif
