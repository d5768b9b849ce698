/*
 * Calls that nobody waits for, on a memory lane: a ring that the guest fills and the host empties.
 *
 * Entries lie one behind the other in units of half a cache line, each in one piece; a small call takes one.  `filled`
 * and `emptied` count units and wrap; the guest stores one after it has written, the host the other after the function
 * has run: release and acquire.  What lies between them is the host's.  The ring is memory of the arena, which the
 * guest takes at the first such call.
 */
#ifndef WINAPI_SPEC_WIRE_RING_H
#define WINAPI_SPEC_WIRE_RING_H

#include "spec/base/error.h"
#include "spec/wire/frame.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RING_UNIT = 32,
    RING_UNITS = 2048,
    RING_SIZE = RING_UNIT * RING_UNITS,
    RING_BODY_MOST = 2048, /* bytes of a call that may lie in it */
};

/* What begins an entry. */
struct ring_entry {
    uint32_t size; /* of the body; RING_SKIP: the rest of the ring is not used, the next entry lies at its start */
    uint32_t function;
    int32_t error_number; /* errno before the call */
    uint32_t reserved;    /* zero */
};

#define RING_SKIP UINT32_MAX

struct ring {
    uint8_t *bytes;                     /* RING_SIZE of them; NULL: there are none */
    _Atomic uint32_t *filled, *emptied; /* NULL: there is no ring */
    uint32_t at;                        /* guest: filled so far; host: where the next entry begins */
    uint32_t seen; /* the other end's word, as of the last look; host: another one than `at` means that there is more */
    uint32_t next; /* host: where the one after it begins */
};

void ring_start(struct ring *ring, void *bytes, _Atomic uint32_t *filled, _Atomic uint32_t *emptied);

/* ---- guest ---- */

/* Room for a body of `size` bytes, at most RING_BODY_MOST, or NULL: the ring is full. */
void *ring_reserve(struct ring *ring, uint32_t size);

/* Hands over what was written there.  `order` of the store: release, or sequentially consistent. */
void ring_publish(struct ring *ring, uint32_t size, uint32_t function, int32_t error_number, memory_order order);

/* Whether the host is so far behind that it should be woken, if it only naps. */
bool ring_is_half_full(const struct ring *ring);

/* ---- host ---- */

/*
 * Looks at the guest's word only when all that was there at the last look is done: as long as the host leaves that line
 * alone, the guest need not fetch it back for each call.
 */
static inline bool ring_has_more(struct ring *ring)
{
    if (ring->seen == ring->at)
        ring->seen = atomic_load_explicit(ring->filled, memory_order_acquire); /* counterpart: ring_publish() */
    return ring->seen != ring->at;
}

/* The next call, as a frame that was checked.  -EAGAIN there is none; -EBADMSG the ring makes no sense. */
MUST_CHECK int ring_take(struct ring *ring, struct frame *frame);

/* The call that was taken last is over. */
void ring_release(struct ring *ring);

/* ---- anybody ---- */

/* Whether everything that the guest has handed over until now is over. */
bool ring_is_empty(const struct ring *ring);

#endif
