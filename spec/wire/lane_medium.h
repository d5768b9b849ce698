/* What lane.c asks of a medium: lane_memory.c and lane_socket.c.  The meaning of each is lane.h's. */
#ifndef WINAPI_SPEC_WIRE_LANE_MEDIUM_H
#define WINAPI_SPEC_WIRE_LANE_MEDIUM_H

#include "spec/wire/lane.h"

enum { LANE_WATCH_NS = 100000000 }; /* how often a waiter asks whether the other end still is there */

/* Learns from the last wait and starts the outcome of one that begins now, and which may spin for that long, never past
 * its deadline. */
struct spin_budget lane_spin_budget(struct lane *lane, uint64_t now_ns, uint64_t deadline_ns);

MUST_CHECK int lane_memory_start(struct lane *lane, uint32_t index);
MUST_CHECK int lane_memory_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent);
MUST_CHECK int lane_memory_receive(struct lane *lane);
MUST_CHECK int lane_memory_answer(struct lane *lane);

/* Says that this end has gone. */
void lane_memory_leave(struct lane *lane);

/* What lane.h has under the same names; the lane's medium is memory. */
MUST_CHECK int lane_memory_ring_open(struct lane *lane);
void lane_memory_nudge(const struct lane *lane);
bool lane_memory_has_posted(const struct lane *lane);

/* As lane_post(), but -EAGAIN the host is far behind; waits until it has emptied half of the ring, -ETIMEDOUT. */
MUST_CHECK int lane_memory_post(struct lane *lane);
MUST_CHECK int lane_memory_catch_up(struct lane *lane, uint64_t deadline_ns);

/* Wakes who waits for something in this page; whether it slept, or napped. */
bool lane_memory_wake(struct lane_page *page);

/* Ends a sleep there if there is one, whatever the word says. */
void lane_memory_rouse(struct lane_page *page);

/* The host's, before it looks into a ring; -EBADMSG: no ring can be where the guest says. */
MUST_CHECK int lane_memory_ring_adopt(struct lane *lane);

MUST_CHECK bool lane_memory_leave_when_idle(struct lane *lane);

/*
 * What lane_exchange() and lane_post() say of a memory lane that was inherited, when all is done: whether the request
 * was handed over before.  `sent_before`: of lane->sent, when the exchange began; `rc`: how the post has ended.
 */
MUST_CHECK int lane_inherited_exchange(const struct lane *lane, uint32_t sent_before, bool *sent);
MUST_CHECK int lane_inherited_post(struct lane *lane, int rc);

/* Payload memory of its own. */
MUST_CHECK int lane_inherited_reserve(struct lane *lane, uint64_t size);

/* Prepares the socket: once, at either end. */
void lane_socket_start(struct lane *lane);

MUST_CHECK int lane_socket_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent);
MUST_CHECK int lane_socket_post(struct lane *lane, uint64_t deadline_ns);
MUST_CHECK int lane_socket_receive(struct lane *lane);
MUST_CHECK int lane_socket_answer(struct lane *lane);
bool lane_socket_has_posted(struct lane *lane);

/* Makes the private payload memory at least this large; what was in it is lost when it grows. */
MUST_CHECK int lane_socket_grow(struct lane *lane, uint64_t size);
/* The same for all that the request names; -EMSGSIZE: that is more than a client may ask for. */
MUST_CHECK int lane_socket_provide(struct lane *lane);
void lane_socket_shrink(struct lane *lane);

/* Touches each page, for who provides it then. */
void lane_socket_touch_to_read(const void *data, size_t size);
void lane_socket_touch_to_write(void *data, size_t size);

#endif
