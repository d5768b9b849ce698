/*
 * One thread's path for calls, at either end: a request goes out, its answer comes back.
 *
 * Two media with the same frames.  Memory: both frames lie in shared memory, the payload in the arena, and the waiter
 * spins for a while before it sleeps on a futex.  Socket: the frames themselves travel, then the bytes of each
 * descriptor that goes this way, in order; payload lives in private memory at each end under the same offsets.
 *
 * Marshalling does not see the medium: it asks for payload memory and names it by offset.
 * A lane is used by one thread at a time.
 */
#ifndef WINAPI_SPEC_WIRE_LANE_H
#define WINAPI_SPEC_WIRE_LANE_H

#include "spec/base/error.h"
#include "spec/wire/arena.h"
#include "spec/wire/descriptor.h"
#include "spec/wire/frame.h"
#include "spec/wire/memory.h"
#include "spec/wire/ring.h"
#include "spec/wire/spin.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum medium { MEDIUM_MEMORY, MEDIUM_SOCKET };

enum {
    LANE_SIZE = 2 * MEMORY_PAGE, /* bytes of shared memory that a memory lane takes */
    LANE_AHEAD = 4096,           /* bytes that a socket lane reads at once: many small calls, or any frame */
};

#define LANE_LEFT UINT32_C(0x80000000) /* flipped in `taken`: the host takes no further request */

/*
 * One direction of a memory lane.  Words that change with every frame, words that seldom change, and what the sender
 * and what the receiver write lie in cache lines of their own: a small call moves one line there and one back, in which
 * the header lies.  Counterparts and orders: lane_memory.c.
 */
struct lane_page {
    _Atomic uint32_t cpu;     /* sender: where it last ran, plus one */
    _Atomic uint32_t closed;  /* sender: it has gone */
    _Atomic uint32_t opened;  /* guest: the lane has been in use */
    _Atomic uint32_t held_ns; /* sender: how long it has had the ball, if one of both slept; else 0 */
    _Atomic uint32_t ring;    /* guest: the page of the arena where its ring begins, plus one; 0: there is none */
    uint8_t unused[44];
    _Atomic uint32_t sleeping; /* receiver: enum sleep; the sender clears it; the futex word */
    uint8_t unused_too[60];
    _Atomic uint32_t taken; /* the last sequence that the host took, or that the guest withdrew; LANE_LEFT */
    uint8_t unused_also[60];
    _Atomic uint32_t ring_count; /* guest: what it has filled of the ring; host: what it has emptied */
    uint8_t unused_either[60];
    uint8_t frame[sizeof(struct frame)]; /* its parts in use, one behind the other, as on a socket */
};

_Static_assert(offsetof(struct lane_page, frame) % 128 == 0, "the header and the line behind it are fetched together");

/* How the receiver sleeps, or is about to: whether a call that nobody waits for is worth waking it. */
enum sleep { AWAKE = 0, ASLEEP = 1, NAPPING = 2 };

/* The page's word that says how many frames were sent in it: the first of the header. */
static inline _Atomic uint32_t *lane_sequence(struct lane_page *page)
{
    return (_Atomic uint32_t *)(void *)(page->frame + offsetof(struct frame_header, sequence));
}

_Static_assert(sizeof(struct lane_page) <= MEMORY_PAGE, "a lane page is one page");

/* The words of a socket lane's ring: calls.  The host tells how many are over when it is asked. */
struct lane_counts {
    _Atomic uint32_t filled, emptied;
};

/* Memory of the program's that stands for a piece of payload memory. */
struct lent {
    uint64_t offset, size;
    uint8_t *address;
};

struct lane {
    enum medium medium;
    struct lane_page *out, *in;  /* memory */
    int fd;                      /* socket; owned */
    int watch_fd;                /* memory: its hang-up means that the other end is gone; not owned; -1: none */
    struct descriptor_mark mark; /* of fd or watch_fd */
    uint32_t sent, received;     /* sequence numbers */
    struct spin spin;            /* how long the next wait spins */
    struct spin_outcome outcome; /* of the last wait; learned from when the next one begins, which has the time */
    bool has_outcome;
    uint32_t function;      /* of the call under way, or the last one */
    uint32_t cpu;           /* where the last frame was sent from, plus one */
    uint32_t other_cpu;     /* socket: where the other end sent its last frame from, plus one; 0: it does not say */
    bool woke;              /* memory: the other end slept when it was sent */
    uint64_t got_ns;        /* memory: when what this end is at work on was there, to a microsecond or so; 0: unknown */
    bool has_slept;         /* memory: for that */
    uint64_t sleeps, wakes; /* how often this end slept, and woke the other one */
    bool owed;              /* guest: the host may still work on a request, and write into its payload */
    _Atomic bool is_inherited; /* guest: it is the parent's of this process, whose call came here by a fork */

    const struct memory *memory;     /* memory medium: where descriptors point */
    struct arena *arena;             /* memory medium, guest: where payload comes from */
    uint8_t *payload;                /* this call's payload memory */
    uint64_t payload_offset;         /* of payload in the lane's payload memory */
    uint64_t payload_size;           /* bytes there; kept for the next call */
    struct ring ring;                /* calls that nobody waits for; over a socket its words only */
    uint64_t ring_offset;            /* guest: of it, in the arena */
    uint32_t naps;                   /* host: how many more there are before it sleeps for long */
    bool has_exchanged;              /* guest: since it last posted */
    bool is_posted;                  /* host: lane->request is one of those */
    uint64_t payload_most;           /* host, socket medium: bytes that a client may make us keep */
    struct lent lent[FRAME_BUFFERS]; /* guest, socket medium: of this call */
    uint32_t lent_count;
    bool left_unread;            /* socket: the other end closed it without having read all that was sent */
    size_t ahead_at, ahead_size; /* socket: of ahead[], what is used and what is there */

    struct frame request; /* guest: what goes out.  Host: private copy of what came */
    struct frame reply;   /* host: what goes out.  Guest: private copy of what came */

    /* Not cleared when the lane is opened again. */
    uint8_t ahead[LANE_AHEAD]; /* socket: what came with, or behind, the last frame */
    struct lane_counts counts; /* socket: others may be looking */
    _Atomic bool is_answering; /* host, socket: a call that is waited for is under way */
    _Atomic bool is_sending;   /* host, socket: its answer is */
};

/* Whether lane_inherit() was called, which a fork may do between any two instructions. */
static inline bool lane_is_inherited(const struct lane *lane)
{
    atomic_signal_fence(memory_order_seq_cst); /* what comes before this was done before, and is not undone */
    return atomic_load_explicit(&lane->is_inherited, memory_order_relaxed);
}

/*
 * Guest and host ends over lane number `index` of a shared memory.  `arena` NULL at the host.  The guest's end comes
 * first: it clears the lane, then asks the host to open it.
 * -EINVAL there is no such lane.  Guest: -EBUSY an earlier use of it has not ended at both ends yet: take another;
 * -ENOSPC, -ENOMEM no pages for it.
 */
MUST_CHECK int lane_open_memory(struct lane *lane, const struct memory *memory, uint32_t index, struct arena *arena,
                                int watch_fd);

/* Either end over a stream socket, which the lane then owns. */
MUST_CHECK int lane_open_socket(struct lane *lane, int fd, uint64_t payload_most);

/*
 * Tells the other end, wakes it, and gives back descriptor and payload.  Payload in an arena that the host may still
 * write to stays taken until the memory goes.
 */
void lane_close(struct lane *lane);

/*
 * For the host, from another thread than the lane's: has the guest's next request refused, unsent, unless one is being
 * served.  true: none is.  Over a socket the lane's own thread ends when it has answered, and closes the lane.
 */
MUST_CHECK bool lane_leave_when_idle(struct lane *lane);

/*
 * The same without a word to the other end: in the child of a fork, whose lanes are its parent's.  The arena keeps
 * what the lane had.
 */
void lane_forget(struct lane *lane);

/*
 * In the child of a fork from a signal handler: the lane is in use by the call that the child returns to.  From now on
 * that call touches nothing of the parent's, and ends with -ESTALE.  What it has of an answer, it keeps; but over
 * memory not the payload.  Safe in a signal handler; again is no harm.
 */
void lane_inherit(struct lane *lane);

/* ---- guest ---- */

/* Says for a host that is no more that it has closed lane number `index`, so that the lane may be used again. */
void lane_abandon(const struct memory *memory, uint32_t index);

/* The frame to encode the next call into; private until it is sent. */
struct frame *lane_request(struct lane *lane);

/*
 * Payload memory for this call, page-aligned, its place in *offset; once per call, good until the next
 * lane_request().  Kept for later calls, so its pages are touched afresh only when it grows.  NULL: out of memory.
 */
void *lane_reserve(struct lane *lane, uint64_t size, uint64_t *offset);

/*
 * Socket medium: `size` bytes of payload memory from `offset` on are these of the program's, so that they are sent from
 * there, and answered to there, without a copy.  At most FRAME_BUFFERS in a call, none over another, all behind what
 * lane_reserve() was asked for; until they are taken back, all at once, before the next call is made.
 */
void lane_lend(struct lane *lane, uint64_t offset, void *address, uint64_t size);
void lane_take_back(struct lane *lane);

/*
 * Sends the request and waits for lane->reply, which is checked: frame_check() and
 * frame_check_reply().
 * -ETIMEDOUT the deadline came first: the lane must be closed, its payload not reused while the host may still write.
 * -ECONNRESET the other end is gone.  -EBADMSG it answers nonsense: close.
 * -ESTALE lane_inherit() was called meanwhile: the answer, if *sent, is the parent's.
 * *sent: whether the host may have seen the request.  A signal does not end the wait.
 */
MUST_CHECK int lane_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent);

/*
 * Before the first lane_post().  Over memory it takes some, of which the host learns with the next lane_exchange(),
 * which must come first (of FRAME_NO_FUNCTION, say).  -ENOMEM, -ENOSPC; -ESTALE as above.
 */
MUST_CHECK int lane_ring_open(struct lane *lane);

/*
 * Hands lane->request to the host, and waits only while the host is far behind.  Nothing tells how the call ends but
 * FRAME_EARLIER_FAILED.  -ENOTSUP there is no ring, or the call does not fit there: lane_exchange(); -ETIMEDOUT the
 * host is still far behind at the deadline, and the lane of no more use; -ECONNRESET the host has closed the lane;
 * -ESTALE lane_inherit() was called before it was handed over.
 */
MUST_CHECK int lane_post(struct lane *lane, uint64_t deadline_ns);

/*
 * Whether every call that was posted is over, as far as is known: over a socket all are that came before an answer, or
 * of which lane_counts_note_over() tells.  Any thread, while the lane is open.
 */
bool lane_is_settled(const struct lane *lane);

/* The host's word that so many calls are over of those that were posted on a socket lane since it was opened. */
void lane_counts_note_over(struct lane_counts *counts, uint32_t count);

/*
 * Whether lane_payload() gave what the host had left there: not if lane_inherit() was called before.  Asked when all of
 * it has been used.
 */
bool lane_payload_was_sound(const struct lane *lane);

/* Wakes the host for what was posted.  Any thread, while the lane is open. */
void lane_nudge(const struct lane *lane);

/* ---- host ---- */

/*
 * Waits for the next request, in lane->request, checked as above; every descriptor lies in the payload memory, and
 * on a socket its bytes are there.  -ECONNRESET the guest closed the lane; -EBADMSG, -EMSGSIZE
 * (payload over payload_most), -ENOMEM: answer with FRAME_REFUSED_MESSAGE or FRAME_REFUSED_LIMIT, then close.
 */
MUST_CHECK int lane_receive(struct lane *lane);

/* The frame to encode the answer into. */
struct frame *lane_reply(struct lane *lane);

/* The request was posted, and is over: nobody waits for an answer. */
void lane_release(struct lane *lane);

/*
 * For who wants to end: whether the guest has posted what is not over yet.  Over a socket what the guest sends from now
 * on is refused, and the lane's own thread ends when it has made what was sent before; until then there may be some.
 * Any thread, while the lane is open.
 */
bool lane_has_posted(struct lane *lane);

/* Sends the answer.  -EINVAL a descriptor lies outside the payload memory; -ECONNRESET the guest closed the lane. */
MUST_CHECK int lane_answer(struct lane *lane);

/* ---- both ---- */

/* Where `size` bytes at this offset of the payload memory are, or NULL when they do not lie inside it. */
void *lane_payload(const struct lane *lane, uint64_t offset, uint64_t size);

#endif
