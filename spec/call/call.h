/*
 * One call's trip through a lane, at either end: values to bytes and back, driven by the plan.
 *
 * A call is walked four times in the same order: the guest encodes the request, the host decodes it, the host encodes
 * the reply, the guest decodes that.  Each end remembers what it followed on its first walk (`struct follow`: where
 * the pointer led, how much room there is, where its bytes travel) and meets the same pointers in the same order on
 * its second, whatever the function has done to its arguments meanwhile.
 *
 * The order: parameters that are values, then pointers in the row's order; inside a struct its values, then its
 * pointers.  Bytes: docs/protocol.md, "Bodies".
 */
#ifndef WINAPI_SPEC_CALL_CALL_H
#define WINAPI_SPEC_CALL_CALL_H

#include "spec/base/error.h"
#include "spec/base/scratch.h"
#include "spec/call/difference.h"
#include "spec/call/handle.h"
#include "spec/call/plan.h"
#include "spec/wire/bytes.h"
#include "spec/wire/lane.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CALL_INLINE_MOST = 1024, /* a buffer up to this size travels in the frame while there is room */
    CALL_STRING_ROOM = PLAN_STRING_ROOM,
    CALL_BODY_MOST = 64 << 20,   /* bytes of a body that does not fit its frame */
    CALL_FOLLOWS_MOST = 1 << 20, /* pointers in one call */
};

enum place { PLACE_NULL = 0, PLACE_BODY = 1, PLACE_BUFFER = 2 };

/* One pointer that was followed. */
struct follow {
    void *address;     /* where the bytes are at this end; NULL for PLACE_NULL */
    uint64_t count;    /* elements or bytes that go in; of an out what was there before, or 0 */
    uint64_t capacity; /* elements or bytes that there is memory for: call_room() says what of it may come back */
    uint64_t
        only_in;     /* elements or bytes of those, at the end, that have no way back: more goes in than may come out */
    size_t patch;    /* guest: where in the body the place of a buffer is filled in */
    uint64_t offset; /* in the buffer */
    uint8_t place;   /* enum place */
    uint8_t buffer;  /* PLACE_BUFFER: which descriptor */
    uint8_t direction; /* enum direction */
    bool is_shared;    /* guest: lies in the arena, or is lent to the lane; not copied */
    bool is_private;   /* host: a copy of what lies in the buffer, which the guest cannot change */
};

/* One end's state of one call.  Kept per lane and used again; zeroed is ready, but for plan, lane and handles. */
struct call {
    const struct plan *plan;
    struct lane *lane;
    struct handle_door handles;
    struct scratch scratch;
    struct follow *follows;
    size_t follow_count, follow_capacity, follow_next;
    void *const *arguments; /* as libffi has them */
    int32_t error_number;   /* guest: errno before the call */
    uint32_t timeout_ms;    /* guest: what the host is told; 0: none */
    bool copies_all;        /* guest: even arena buffers are copied: compare needs two sets */
    bool compares;          /* guest: the reply is compared with what is there, not stored */
    struct difference *difference;
    /* guest: a copy of a returned string that lives as long as the process; equal strings may share one.  NULL: no
     * memory */
    const char *(*keep_string)(const char *string, size_t size);
    const void *result;                   /* host: after the call, as libffi has it */
    uint64_t limit;                       /* host: bytes of scratch and buffers that one call may take */
    uint64_t taken;                       /* host: of those */
    uint64_t buffer_sizes[FRAME_BUFFERS]; /* host: how far each descriptor was filled */
    uint64_t reply_room;                  /* guest: worst size of the reply's body */
    bool is_quick;                        /* the first walk was a quick one: quick.h */
    bool has_buffers;                     /* guest: some pointer's bytes travel in a buffer */
    const char *fault_name;               /* on error: the parameter or member at fault, or NULL */
    const char *fault_what;               /* static text */
};

/* Frees what the call keeps. */
void call_finish(struct call *call);

/* ---- guest ---- */

/*
 * Encodes the request into lane_request(); `function` is the id that the host gave.  Errors, with fault_name and
 * fault_what set: -EFAULT a NULL that may not be; -EOVERFLOW, -EDOM, -ERANGE a size that cannot be; -ENOMEM no
 * payload memory; -EBADF a handle without a counterpart.  Nothing was sent.
 */
MUST_CHECK int call_encode_request(struct call *call, void *const *arguments, uint32_t request, uint32_t function);

/*
 * Decodes lane->reply: outs into the caller's memory, the result into `result` (plan->result_size bytes, as libffi
 * wants it).  With call->compares nothing is stored; the first difference goes to call->difference.
 * -EBADMSG the host answers nonsense: what was decoded until then is stored.
 */
MUST_CHECK int call_decode_reply(struct call *call, void *result);

/* ---- host ---- */

/*
 * Makes arguments from lane->request, in scratch memory, for call_invoke(); good until call_encode_reply() is done.
 * -EBADMSG, -EBADF, -ERANGE, -ENOMEM, -E2BIG (over the limit), with fault_name and fault_what set.
 */
MUST_CHECK int call_decode_request(struct call *call);

/* Calls any function of the plan's signature with arguments as libffi has them, errno as it is. */
void call_through(const struct plan *plan, void (*function)(void), void *result, void *const *arguments);

/* Calls the function with errno as the guest had it; *error_number is errno afterwards. */
void call_invoke(struct call *call, void (*function)(void), void *result, int32_t *error_number);

/* Encodes result and outs into lane_reply(), which frame_start() has made ready. */
MUST_CHECK int call_encode_reply(struct call *call, const void *result);

/* ---- all four, for the files of this room ---- */

/* Room for a new follow, or NULL.  What it points to is good until the next one. */
struct follow *call_follow(struct call *call);

/* The next follow of the second walk, or NULL when there are no more. */
static inline struct follow *call_follow_next(struct call *call)
{
    return call->follow_next < call->follow_count ? &call->follows[call->follow_next++] : NULL;
}

/* Remembers what is at fault and gives the error back. */
MUST_CHECK int call_fault(struct call *call, const char *name, const char *what, int error);

/* How many bytes one element behind a pointer has: its type's size, 1 for void and for incomplete types. */
static inline size_t call_element_size(const struct type *pointer)
{
    return pointer->target->size ? pointer->target->size : 1;
}

/* Writes the wire's value of the handle at this address.  Errors: what the door's export says, as a fault. */
MUST_CHECK int call_encode_handle(struct call *call, struct writer *writer, const struct type *type,
                                  const void *address);

/* Places the buffers that were noted, and a body that does not fit the frame.  Errors, as faults: -EOVERFLOW, -ENOMEM.
 */
MUST_CHECK int call_place(struct call *call, struct frame *frame, struct writer *writer);

/* Starts the reader on a frame's body, which is copied into memory of our own where it lies in a buffer.  Errors:
 * -EBADMSG, -E2BIG, -ENOMEM. */
MUST_CHECK int call_find_body(struct call *call, const struct frame *frame, struct reader *reader);

/* How many elements or bytes may come back. */
static inline uint64_t call_room(const struct follow *follow)
{
    return follow->direction & DIRECTION_OUT ? follow->capacity - follow->only_in : 0;
}

/* Whether the elements behind it travel as plain bytes. */
static inline bool call_is_bytes(const struct type *pointer, const struct passing *passing)
{
    if (passing->extent != EXTENT_COUNT)
        return passing->extent == EXTENT_ENDED;
    return pointer->target->size == 0 || type_is_plain(pointer->target);
}

/*
 * Bytes up to and with the first element of the EXTENT_ENDED pointer that is its end; 0: it is not within `room` bytes.
 * Nothing behind that element is looked at.
 */
uint64_t call_measure_ended(const struct parameter *pointer, const void *elements, uint64_t room);

/*
 * How far `result`, a pointer, lies behind what the parameter points to that the row's result points into; one past its
 * end is the most.  -ERANGE: it does not lie there.
 */
MUST_CHECK int call_distance_into(const struct call *call, const void *result, uint64_t *distance);

/* The other way round: the address at this distance.  NULL: it does not lie there. */
void *call_address_into(const struct call *call, uint64_t distance);

/* Whether an array inside a struct travels element by element: structs and handles do, numbers are plain bytes. */
static inline bool call_is_list(const struct type *type)
{
    return type->kind == TYPE_ARRAY && !type_is_plain(type);
}

/* Whether a value travels as one word: a number that is not wider. */
static inline bool call_is_word(const struct type *type)
{
    return type_is_scalar(type) && type->size <= sizeof(uint64_t);
}

#endif
