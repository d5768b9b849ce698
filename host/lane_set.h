/*
 * The lanes of one client, each with its thread.
 *
 * A lane frees its place when its thread ends, which may be long after the guest closed it: a thread that is stuck in
 * a function counts against the limit until the session ends.  Where the guest says that nobody waits for the function
 * any more, the thread is interrupted: the system call that it is in ends with EINTR, as under a signal at home.
 */
#ifndef WINAPI_HOST_LANE_SET_H
#define WINAPI_HOST_LANE_SET_H

#include "host/function.h"
#include "host/posted_counts.h"
#include "host/statistics.h"
#include "spec/call/handle.h"
#include "spec/wire/memory.h"
#include "spec/wire/protocol.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct served_lane;

struct lane_set {
    pthread_mutex_t lock;
    struct served_lane *lanes[LANES_MOST]; /* NULL: free */
    size_t count, most;
    size_t interrupted; /* lanes that are */
    struct posted_counts posted;

    /* What the lanes work with; outlives them. */
    struct host_functions *functions;
    struct statistics *statistics;
    struct client_slot *client;
    struct handle_table *handles;
    uint64_t memory_limit;
};

/* The members that the lanes work with are the caller's to fill in. */
MUST_CHECK int lane_set_init(struct lane_set *set, size_t most);

/*
 * Opens lane `number` over shared memory, or over a socket, which is taken also on error, and starts its thread.
 * -EBUSY that lane is open; -EMFILE as many lanes are open as this host allows; -EINVAL no such lane in the memory;
 * what lane_open_*() and pthread_create() say.
 */
MUST_CHECK int lane_set_open_memory(struct lane_set *set, const struct memory *memory, uint32_t number);
MUST_CHECK int lane_set_open_socket(struct lane_set *set, int fd, uint32_t number);

/* The call on that lane was left: its thread is interrupted, now and by later lane_set_nudge(), if it is in a call. */
void lane_set_interrupt(struct lane_set *set, uint32_t number);

/* Interrupts once more those that were just about to wait.  True while there are any: ask again soon. */
bool lane_set_nudge(struct lane_set *set);

/* Has further requests refused on every lane.  true: no call is under way any more. */
MUST_CHECK bool lane_set_leave(struct lane_set *set);

/* Whether calls that nobody waits for are still to be made, on any lane. */
bool lane_set_has_posted(struct lane_set *set);

/* When the client has gone: a line in the log for each lane with failures that it has not asked for. */
void lane_set_say_unheard(struct lane_set *set);

#endif
