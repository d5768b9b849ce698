/*
 * How many posted calls of each lane are over: over a socket a guest that must wait for those of another lane asks.
 *
 * One thread counts for each lane; any other one of the client's may ask meanwhile.
 */
#ifndef WINAPI_HOST_POSTED_COUNTS_H
#define WINAPI_HOST_POSTED_COUNTS_H

#include "spec/base/error.h"
#include "spec/wire/frame.h"
#include "spec/wire/protocol.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct posted_counts {
    pthread_mutex_t lock; /* of what is not atomic */
    struct {
        bool is_open;
        uint32_t number; /* the lane's */
        _Atomic uint32_t over;
    } lanes[LANES_MOST]; /* by their places in the set */
};

MUST_CHECK int posted_counts_init(struct posted_counts *counts);

/* Before the lane's thread begins, and after it has ended. */
void posted_counts_open(struct posted_counts *counts, size_t place, uint32_t number);
void posted_counts_close(struct posted_counts *counts, size_t place);

/* One more is over: the lane's thread only. */
void posted_counts_add(struct posted_counts *counts, size_t place);

/*
 * Answers a call of no function, struct frame_pending: waits until what it lists is over, or for as long as a thread
 * may be kept with that, and puts the counts into the reply.  Of a lane that is not open nothing is to come.
 */
void posted_counts_answer(struct posted_counts *counts, const struct frame *request, struct frame *reply);

#endif
