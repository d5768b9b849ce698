/* The arithmetic of the ring.  Everything that the other end writes is copied once and checked. */
#include "spec/wire/ring.h"

#include "spec/wire/processor.h"

#include <errno.h>
#include <string.h>

enum { UNITS_AHEAD = 8 * PROCESSOR_LINE / RING_UNIT };

_Static_assert((RING_UNITS & (RING_UNITS - 1)) == 0, "counts wrap");

void ring_start(struct ring *ring, void *bytes, _Atomic uint32_t *filled, _Atomic uint32_t *emptied)
{
    *ring = (struct ring){.bytes = bytes, .filled = filled, .emptied = emptied};
}

static uint8_t *unit_at(const struct ring *ring, uint32_t at)
{
    return ring->bytes + (size_t)(at % RING_UNITS) * RING_UNIT;
}

static uint32_t units_to_end(uint32_t at)
{
    return RING_UNITS - at % RING_UNITS;
}

static uint32_t units_of(uint32_t size)
{
    return (uint32_t)(sizeof(struct ring_entry) + size + RING_UNIT - 1) / RING_UNIT;
}

/* ---- guest ---- */

/* Counterpart: ring_release(). */
static bool has_room(struct ring *ring, uint32_t units)
{
    uint32_t emptied;

    if (RING_UNITS - (ring->at - ring->seen) >= units)
        return true;
    emptied = atomic_load_explicit(ring->emptied, memory_order_acquire);
    if (ring->at - emptied > RING_UNITS) /* more than there was */
        return false;
    ring->seen = emptied;
    return RING_UNITS - (ring->at - emptied) >= units;
}

static bool skip_to_start(struct ring *ring)
{
    const struct ring_entry skip = {.size = RING_SKIP};
    uint32_t units = units_to_end(ring->at);

    if (!has_room(ring, units))
        return false;
    memcpy(unit_at(ring, ring->at), &skip, sizeof(skip));
    ring->at += units;
    atomic_store_explicit(ring->filled, ring->at, memory_order_release); /* counterpart: ring_has_more() */
    return true;
}

void *ring_reserve(struct ring *ring, uint32_t size)
{
    uint32_t units = units_of(size);

    if (units > units_to_end(ring->at) && !skip_to_start(ring))
        return NULL;
    return has_room(ring, units) ? unit_at(ring, ring->at) + sizeof(struct ring_entry) : NULL;
}

void ring_publish(struct ring *ring, uint32_t size, uint32_t function, int32_t error_number, memory_order order)
{
    const struct ring_entry entry = {.size = size, .function = function, .error_number = error_number};

    memcpy(unit_at(ring, ring->at), &entry, sizeof(entry));
    ring->at += units_of(size);
    processor_own(unit_at(ring, ring->at + UNITS_AHEAD)); /* the host has had it */
    if (order == memory_order_seq_cst)
        atomic_store(ring->filled, ring->at);
    else
        atomic_store_explicit(ring->filled, ring->at, memory_order_release); /* counterpart: ring_has_more() */
}

bool ring_is_half_full(const struct ring *ring)
{
    return ring->at - ring->seen > RING_UNITS / 2 &&
           ring->at - atomic_load_explicit(ring->emptied, memory_order_relaxed) > RING_UNITS / 2;
}

/* ---- host ---- */

static int take_entry(struct ring *ring, struct frame *frame)
{
    const uint8_t *unit = unit_at(ring, ring->at);
    uint32_t units = ring->seen - ring->at;
    struct ring_entry entry;

    memcpy(&entry, unit, sizeof(entry));
    __asm__ volatile("" : : : "memory"); /* nobody looks at the original again */
    if (entry.size == RING_SKIP) {
        ring->next = ring->at + units_to_end(ring->at);
        return units_to_end(ring->at) <= units ? -EAGAIN : -EBADMSG;
    }
    if (entry.size > RING_BODY_MOST || entry.reserved != 0 || entry.function == FRAME_NO_FUNCTION ||
        units_of(entry.size) > units || units_of(entry.size) > units_to_end(ring->at))
        return -EBADMSG;
    frame_start(frame, FRAME_CALL, 0, entry.function);
    frame->header.error_number = entry.error_number;
    frame->header.inline_size = entry.size;
    memcpy(frame->body, unit + sizeof(entry), entry.size);
    ring->next = ring->at + units_of(entry.size);
    return 0;
}

int ring_take(struct ring *ring, struct frame *frame)
{
    int rc;

    if (!ring_has_more(ring))
        return -EAGAIN;
    if (ring->seen - ring->at > RING_UNITS)
        return -EBADMSG;
    rc = take_entry(ring, frame);
    if (rc != -EAGAIN)
        return rc;

    ring_release(ring); /* the rest was skipped */
    return ring_has_more(ring) ? take_entry(ring, frame) : -EAGAIN;
}

void ring_release(struct ring *ring)
{
    ring->at = ring->next;
    atomic_store_explicit(ring->emptied, ring->at, memory_order_release); /* counterpart: has_room(), ring_is_empty() */
}

/* ---- anybody ---- */

bool ring_is_empty(const struct ring *ring)
{
    return ring->filled == NULL || atomic_load_explicit(ring->emptied, memory_order_acquire) ==
                                       atomic_load_explicit(ring->filled, memory_order_acquire);
}
