/* One call to the host and back, on this thread's lane. */
#ifndef WINAPI_PRELOAD_LANE_FORWARD_H
#define WINAPI_PRELOAD_LANE_FORWARD_H

#include "preload/binding.h"
#include "preload/lane/thread_lane.h"
#include "preload/lost.h"
#include "spec/base/error.h"

/* A call that stands between its encoding and the use of its reply. */
struct forward {
    struct call_mark mark; /* so a forward lies on the stack of its call */
    struct thread_lane *lane;
    const struct thread_lane *behind; /* what was posted elsewhere is over; NULL: everything is */
    struct loss loss;                 /* when it did not work */
    uint64_t sent, received;          /* bytes, of calls that were answered */
    uint64_t sleeps, wakes;           /* of the lane, for this call */
    bool is_posted;                   /* nobody waits for it: no answer */
};

/* What compare needs to be different; a zeroed struct is an ordinary call. */
struct forward_options {
    bool copies_all;
    bool posts;                        /* the call may be posted */
    const struct handle_door *handles; /* NULL: the guest's own */
};

/*
 * Takes a lane and encodes; thread_lane_give() is the caller's after forward_send() or on a later error.  Errors leave
 * forward->loss filled and no lane held.
 */
MUST_CHECK int forward_encode(struct forward *forward, struct core *core, struct binding *binding, void **arguments,
                              const struct forward_options *options);

/* Sends it and waits; errno of the host's function in *error_number.  On error the lane is given back. */
MUST_CHECK int forward_exchange(struct forward *forward, struct core *core, struct binding *binding,
                                int32_t *error_number);

/*
 * The whole call: outs and result stored, errno set.  On error forward->loss says what to do about it.  `posts`: it may
 * be posted.
 */
MUST_CHECK int forward_call(struct forward *forward, struct core *core, struct binding *binding, void **arguments,
                            void *result, bool posts);

/* Says in a line what the lane's reply tells of an earlier call, if it does. */
void forward_say_failure(const struct core *core, const struct thread_lane *lane);

#endif
