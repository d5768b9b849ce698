/*
 * One lane's calls at the host: receive, decode, call, encode, answer, until the guest closes the lane.
 *
 * Runs in a thread of its own, so that whatever the functions keep per thread follows the guest's thread.
 */
#ifndef WINAPI_HOST_DISPATCH_H
#define WINAPI_HOST_DISPATCH_H

#include "host/function.h"
#include "host/posted_counts.h"
#include "host/statistics.h"
#include "spec/call/handle.h"
#include "spec/wire/lane.h"

/*
 * Calls that were posted and have failed, since the guest was last told.  The lane's thread writes; when the lane or
 * the client has gone, whoever sees to its end says what nobody has asked for.
 */
struct failures {
    struct frame_earlier first; /* but for its count; the lane's thread only */
    _Atomic(const char *) name; /* of that function */
    _Atomic uint32_t count;     /* stored after the name */
};

struct dispatch {
    struct lane *lane;
    struct host_functions *functions;
    struct statistics *statistics;
    struct client_slot *client;
    struct handle_table *handles;
    struct failures *failures;
    struct posted_counts *posted; /* of all lanes; this one's by its track */
    uint32_t number;              /* the lane's, as the guest knows it */
    size_t track;                 /* the lane's, in the statistics */
    uint64_t memory_limit;        /* bytes of one buffer, and of what one call may make copies of */
    uint64_t sleeps, wakes;       /* of the lane's, what is in the statistics */
};

/* Returns when the guest has closed the lane or sent nonsense on it; the lane is the caller's to close. */
void dispatch_serve(struct dispatch *dispatch);

/* A line in the log for failures that nobody has asked for, once.  Any thread, but one at a time. */
void dispatch_say_unheard(struct failures *failures, const struct client_slot *client);

#endif
