/*
 * One call or one answer on a lane: docs/protocol.md, "Frames".
 *
 * The layout is the wire's: little-endian, no padding, the same on every machine.  A frame in shared memory belongs
 * to the other side too: copy it with frame_copy(), then look.
 */
#ifndef WINAPI_SPEC_WIRE_FRAME_H
#define WINAPI_SPEC_WIRE_FRAME_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_BUFFERS = 8,   /* descriptors in a frame */
    FRAME_INLINE = 3072, /* bytes of payload in a frame */
};

/* A stream that is none, or has lost its place, is known by it. */
enum frame_kind { FRAME_CALL = 'C', FRAME_RESULT = 'R' };

enum frame_flag {
    FRAME_BODY_IN_BUFFER = 1 << 0, /* the body did not fit: descriptor `body_buffer` holds it, inline_size is 0 */
    FRAME_ROOM_FOR_BODY = 1 << 1,  /* calls: descriptor `room_buffer` is room for the answer's body */
    FRAME_MAY_TELL = 1 << 2,       /* calls: FRAME_EARLIER_FAILED may be the answer */
    FRAME_POSTED = 1 << 3,         /* calls, over a socket: nobody waits, and there is no answer */
};

#define FRAME_NO_FUNCTION UINT32_MAX /* a call of nothing: it is answered when all before it are over */

/*
 * The body of such a call, any number of times: calls that were posted on another lane.  It is answered when so many
 * are over, or a while later; the answer's body says in as many words of 4 bytes how many are.  Counts wrap.
 */
struct frame_pending {
    uint32_t lane; /* its number */
    uint32_t count;
};

/* How a call ended, apart from what the function itself says.  Never an errno: those differ between systems. */
enum frame_status {
    FRAME_OK = 0,
    FRAME_REFUSED_FUNCTION, /* no such function id, or the host could not load it */
    FRAME_REFUSED_MESSAGE,  /* malformed: sizes, offsets, counts */
    FRAME_REFUSED_HANDLE,   /* a handle that is stale, of another type, or forged */
    FRAME_REFUSED_LIMIT,    /* memory, buffer size, call time */
    FRAME_EARLIER_FAILED, /* not called: a call before it, which nobody waited for, has failed; struct frame_earlier */
    FRAME_STATUSES
};

/* The body of FRAME_EARLIER_FAILED. */
struct frame_earlier {
    uint32_t function;    /* the first one that failed */
    uint32_t count;       /* of those that failed since it was last told */
    int32_t error_number; /* errno after that call; 0: it was refused, or says nothing */
    uint32_t reserved;
};

/*
 * It is small, so that a small call and its answer take one cache line each where they lie in shared memory.  The first
 * word is the one that a waiter looks at.
 */
struct frame_header {
    uint32_t sequence;    /* in shared memory: frames sent in this page, stored last; over a socket: a processor */
    uint32_t request;     /* chosen by the caller, repeated by the answer */
    uint32_t function;    /* the id that the welcome gave */
    int32_t error_number; /* errno before the call, and after it */
    union {
        uint32_t timeout_ms; /* calls: what is left when the call was sent; 0: none */
        uint32_t last_error; /* answers: GetLastError after it; 0 on Linux */
    };
    uint16_t inline_size; /* bytes of the body, at most FRAME_INLINE */
    uint8_t kind;         /* enum frame_kind */
    uint8_t status;       /* answers: enum frame_status */
    uint8_t flags;        /* enum frame_flag; unknown bits are refused */
    uint8_t buffer_count; /* at most FRAME_BUFFERS */
    uint8_t body_buffer;  /* index of a descriptor; 0 without its flag */
    uint8_t room_buffer;
};

enum buffer_flag {
    BUFFER_IN = 1 << 0,  /* travels with the call */
    BUFFER_OUT = 1 << 1, /* travels with the answer */
};

/* Bytes in the lane's payload memory: the arena of a memory lane, the private area of a socket lane. */
struct frame_buffer {
    uint64_t offset; /* from the start of the payload memory */
    uint64_t size;
    uint32_t flags; /* enum buffer_flag */
    uint32_t reserved;
};

struct frame {
    uint32_t unused; /* what follows lies as on the wire, and descriptors are aligned */
    struct frame_header header;
    struct frame_buffer buffers[FRAME_BUFFERS];
    uint8_t body[FRAME_INLINE];
};

_Static_assert(sizeof(struct frame_header) == 28, "the header is 28 bytes on the wire");
_Static_assert(sizeof(struct frame) == 4 + 28 + 24 * FRAME_BUFFERS + FRAME_INLINE, "a frame has no padding");

/* Header and descriptors ready for a call or an answer with an empty body. */
void frame_start(struct frame *frame, enum frame_kind kind, uint32_t request, uint32_t function);

/* Bytes that travel this way with it: the body, and what its descriptors name in this direction. */
uint64_t frame_travelling(const struct frame *frame, enum buffer_flag direction);

/*
 * Copies the parts of a frame that are in use out of shared memory, where they lie as on a socket, then checks the
 * copy: kind, counts, sizes, flags, reserved bytes; -EBADMSG.  Whether descriptors lie inside the payload memory is the
 * lane's to check.  `kind` is what may come.
 */
MUST_CHECK int frame_copy(struct frame *frame, const volatile void *shared, enum frame_kind kind);

/* The same check for a frame that is private already. */
MUST_CHECK int frame_check(const struct frame *frame, enum frame_kind kind);

/*
 * Whether a checked answer fits the request: its number, and descriptors that are the request's own, with no larger
 * size and no flag that the request did not give them.  -EBADMSG: it does not.
 */
MUST_CHECK int frame_check_reply(const struct frame *reply, const struct frame *request);

/*
 * Copies the parts of a frame that are in use into shared memory, one behind the other, but for the header's sequence.
 * Its counts must have been checked, or be one's own.
 */
void frame_put(void *shared, const struct frame *frame);

/* Bytes of a frame as it travels: header and descriptors in use, and those with the body.  Counts as above. */
size_t frame_head_size(const struct frame_header *header);
size_t frame_wire_size(const struct frame_header *header);

/* Whether the counts are within bounds: what must be known before the sizes above may be asked. */
bool frame_counts_fit(const struct frame_header *header);

/* "no such function", for messages. */
const char *frame_status_text(uint32_t status);

#endif
