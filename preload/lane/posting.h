/*
 * Where the words of posted calls lie.
 *
 * Each lane that posts has a place here: over memory its words are those of its page, which stays mapped whatever
 * becomes of the lane; over a socket they are counts in the lane, of which the host tells when it is asked.  Whoever
 * posts has only its words to write, whoever wants to know looks there, without a lock.  What a lane has posted before
 * it goes is made all the same, so its place stays until that is over.
 */
#ifndef WINAPI_PRELOAD_LANE_POSTING_H
#define WINAPI_PRELOAD_LANE_POSTING_H

#include "preload/lane/lane_pool.h"
#include "spec/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { POSTINGS_MOST = 64 }; /* lanes that post at a time: further ones do not */

struct posting {
    _Atomic(const struct thread_lane *) lane;    /* NULL: it has gone */
    _Atomic(_Atomic uint32_t *) filled, emptied; /* ring.h; NULL: the place is free */
    _Atomic uint32_t uses;                       /* how many lanes have had it */
    struct connection *connection;               /* this and what follows under the pool's lock */
    const _Atomic uint32_t *closed;              /* over memory: whether the host has left the lane */
    struct lane_counts *counts;                  /* over a socket: the lane's, or the next ones; else NULL */
    struct lane_counts left;                     /* of a lane that has gone */
    uint32_t index;                              /* the lane's number at the host */
};

extern struct posting winapi_postings[POSTINGS_MOST];
extern _Atomic uint32_t winapi_posting_count; /* places that have ever been taken */

/* What had been posted at some time, for who waits for that and not for what comes later. */
struct posting_marks {
    uint32_t count;
    uint32_t uses[POSTINGS_MOST], until[POSTINGS_MOST];
};

/* Of no lane if that is NULL. */
static inline bool posting_is_of(struct posting *posting, const struct thread_lane *lane)
{
    return lane && atomic_load_explicit(&posting->lane, memory_order_relaxed) == lane;
}

/* Whether everything is over that was posted until now, but for that lane's. */
bool posting_are_over(uint32_t count, const struct thread_lane *but);

void posting_mark(struct posting_marks *marks);

/* Whether what was posted on that place before the marks were made is over. */
bool posting_is_over_until(uint32_t place, const struct posting_marks *marks);

/* The same of all places but that lane's. */
bool posting_are_over_until(const struct posting_marks *marks, const struct thread_lane *but);

/* Whether everything is over that was posted on this lane, which is the caller's or was. */
bool posting_is_settled(const struct thread_lane *lane);

/* ---- under the pool's lock ---- */

/* Opens the lane's ring and lists it, if it is not listed.  -ENOTSUP there is no room for one. */
MUST_CHECK int posting_begin(struct thread_lane *lane);

/* The lane is about to be closed; what it has posted is still made. */
void posting_leave(struct thread_lane *lane);

/* Nobody waits any more for what was posted there. */
void posting_forget(struct posting *posting);
void posting_forget_lane(struct thread_lane *lane);
void posting_forget_connection(const struct connection *connection);

/* ---- in a forked child ---- */

/* Nothing is under way: the lanes are the parent's. */
void posting_start_over(void);

#endif
