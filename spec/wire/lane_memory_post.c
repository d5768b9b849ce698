/*
 * Calls that nobody waits for, on lanes in shared memory: each lane that posts has a ring, see ring.h.  When the host
 * looks at it, and when it is woken for it, is lane_memory.c's.
 */
#include "spec/wire/clock.h"
#include "spec/wire/lane_medium.h"
#include "spec/wire/processor.h"
#include "spec/wire/system_call.h"

#include <errno.h>
#include <string.h>

enum { CATCH_UP_LOOKS = 1000, CATCH_UP_NAP_NS = 50000 };

/* The guest says where its ring is.  It is hostile: what lies there is checked when it is taken. */
int lane_memory_ring_adopt(struct lane *lane)
{
    uint32_t place = atomic_load(&lane->in->ring);
    void *bytes;

    if (lane->ring.bytes != NULL || place == 0)
        return 0;
    bytes = memory_at(lane->memory, (uint64_t)(place - 1) * MEMORY_PAGE, RING_SIZE);
    if (bytes == NULL)
        return -EBADMSG;
    ring_start(&lane->ring, bytes, &lane->in->ring_count, &lane->out->ring_count);
    return 0;
}

int lane_memory_ring_open(struct lane *lane)
{
    uint64_t offset;
    int rc = arena_take(lane->arena, RING_SIZE, &offset);

    if (rc < 0)
        return rc;
    lane->ring_offset = offset;
    ring_start(&lane->ring, memory_at(lane->memory, offset, RING_SIZE), &lane->out->ring_count, &lane->in->ring_count);
    atomic_store(&lane->out->ring, (uint32_t)(offset / MEMORY_PAGE) + 1);
    if (!lane_is_inherited(lane))
        return 0;
    lane->ring = (struct ring){0}; /* the parent's books do not count here: anything may lie there */
    return -ESTALE;
}

int lane_memory_post(struct lane *lane)
{
    const struct frame *request = &lane->request;
    void *body;

    if (request->header.buffer_count != 0 || request->header.inline_size > RING_BODY_MOST)
        return -ENOTSUP;
    if (atomic_load_explicit(&lane->in->closed, memory_order_relaxed) != 0)
        return -ECONNRESET;
    body = ring_reserve(&lane->ring, request->header.inline_size);
    if (body == NULL)
        return -EAGAIN;

    memcpy(body, request->body, request->header.inline_size);
    ring_publish(&lane->ring, request->header.inline_size, request->header.function, request->header.error_number,
                 lane->has_exchanged ? memory_order_seq_cst : memory_order_release);
    lane->has_exchanged = false;
    switch (atomic_load(&lane->out->sleeping)) { /* counterpart: page_sleep() */
    case AWAKE:
        break;
    case NAPPING:
        if (!ring_is_half_full(&lane->ring))
            break;
        /* fallthrough */
    default:
        lane->wakes += lane_memory_wake(lane->out);
    }
    return 0;
}

/* Also where the word says that it is awake: who has put that there may not have come to wake it. */
void lane_memory_nudge(const struct lane *lane)
{
    if (!lane_memory_wake(lane->out))
        lane_memory_rouse(lane->out);
}

bool lane_memory_has_posted(const struct lane *lane)
{
    return atomic_load(&lane->in->ring_count) != atomic_load(&lane->out->ring_count);
}

/* Looks now and then: the host has no reason to wake whoever waits for this. */
int lane_memory_catch_up(struct lane *lane, uint64_t deadline_ns)
{
    uint32_t until = lane->ring.at - RING_UNITS / 2;
    uint64_t watch_ns = clock_now_ns() + LANE_WATCH_NS;

    if (lane->ring.at - atomic_load(lane->ring.emptied) > RING_UNITS) /* more than there was */
        return -EBADMSG;
    lane_memory_nudge(lane);
    for (unsigned looks = 0; (int32_t)(atomic_load(lane->ring.emptied) - until) < 0; looks++) {
        if (atomic_load(&lane->in->closed) != 0)
            return -ECONNRESET;
        if (looks < CATCH_UP_LOOKS) {
            processor_relax();
            continue;
        }
        if (clock_is_past(deadline_ns))
            return -ETIMEDOUT;
        if (clock_is_past(watch_ns) && descriptor_is_gone(&lane->mark, lane->watch_fd))
            return -ECONNRESET;
        system_nap(CATCH_UP_NAP_NS);
    }
    return 0;
}
