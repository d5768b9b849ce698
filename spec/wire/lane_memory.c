/*
 * Lanes in shared memory: a page each way, a spinning look, then a futex.
 *
 * Handing over a frame.  The sender writes the frame, then stores `sequence`; the receiver loads `sequence`, then
 * reads the frame: release and acquire.  The next frame in the same page is written only after the answer has come,
 * which is after the receiver was done.
 *
 * Sleeping.  The receiver stores `sleeping` = 1, then loads `closed` and `sequence` once more, then waits on the futex
 * word `sleeping`.  The sender stores `sequence` (or `closed`), then loads `sleeping`; when it is set, it clears it and
 * wakes.  All four are sequentially consistent, so at least one of both sees the other's store: a frame between the
 * last look and the sleep finds `sleeping` set, and the cleared word keeps the kernel from putting the receiver to
 * sleep.  While both are awake nobody makes a system call.
 *
 * Leaving.  The sender stores `closed` after its last frame; the receiver loads `closed` before `sequence`, so that
 * what was sent before the end is still taken.
 *
 * Withdrawing.  `taken` counts requests that are settled.  The host moves it on by compare-and-swap when it takes a
 * request, the guest when it gives one up: exactly one of both succeeds, so the guest knows whether the host has seen
 * the request.  A host that is about to leave flips the highest bit, by compare-and-swap from the last request that it
 * has answered: then none is being served, and none can be taken any more.
 *
 * Everything read here was written by the other side and is only compared; frames are copied, then checked.
 */
#include "spec/wire/lane_medium.h"

#include "spec/wire/clock.h"
#include "spec/wire/processor.h"
#include "spec/wire/system_call.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LOOKS_PER_CLOCK = 16, /* looks between two questions for the time */
    RING_REST_NS = 2000,  /* between two looks into a ring that was empty */

    POSTED = 1, /* page_look(): there is something in the ring */

    NAPS = 9, /* of the host, before it sleeps: the last one is as long as any store needs to be seen */
    NAP_LEAST_NS = 200000,
    NAP_MOST_NS = 1000000,
    NAP_LAST_NS = 100000000,
};

static uint32_t cpu_word(void)
{
    return (uint32_t)sched_getcpu() + 1;
}

/* An earlier use of the lane ends when both ends have said so: until then either may still write to it. */
static bool pages_are_busy(const struct lane *lane)
{
    if (atomic_load(&lane->out->opened) == 0)
        return false;

    return atomic_load(&lane->out->closed) == 0 || atomic_load(&lane->in->closed) == 0;
}

static int guest_start(struct lane *lane, uint64_t offset)
{
    int rc = memory_back(lane->memory, offset, LANE_SIZE);

    if (rc < 0)
        return rc;
    if (pages_are_busy(lane))
        return -EBUSY;

    memset(lane->out, 0, offsetof(struct lane_page, frame) + sizeof(struct frame_header));
    memset(lane->in, 0, offsetof(struct lane_page, frame) + sizeof(struct frame_header));
    atomic_store(&lane->out->opened, 1);
    return 0;
}

static struct lane_page *page_at(const struct memory *memory, uint32_t index, size_t page)
{
    return (struct lane_page *)(void *)(memory->base + memory->lanes_offset + (uint64_t)index * LANE_SIZE +
                                        page * MEMORY_PAGE);
}

void lane_abandon(const struct memory *memory, uint32_t index)
{
    if (memory != NULL && index < memory->lane_count)
        atomic_store(&page_at(memory, index, 1)->closed, 1);
}

int lane_memory_start(struct lane *lane, uint32_t index)
{
    const struct memory *memory = lane->memory;
    uint64_t offset = memory->lanes_offset + (uint64_t)index * LANE_SIZE;
    struct lane_page *first, *second;
    int rc;

    if (index >= memory->lane_count)
        return -EINVAL;
    first = page_at(memory, index, 0);
    second = page_at(memory, index, 1);
    lane->out = lane->arena != NULL ? first : second;
    lane->in = lane->arena != NULL ? second : first;
    if (lane->arena == NULL)
        return 0;

    rc = guest_start(lane, offset);
    if (rc < 0)
        lane->out = lane->in = NULL;
    return rc;
}

/* The futex is shared between processes, so not FUTEX_PRIVATE. */
void lane_memory_rouse(struct lane_page *page)
{
    (void)syscall(SYS_futex, &page->sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
}

bool lane_memory_wake(struct lane_page *page)
{
    if (atomic_load(&page->sleeping) == AWAKE) /* counterpart: page_sleep() */
        return false;
    atomic_store(&page->sleeping, AWAKE);
    lane_memory_rouse(page);
    return true;
}

/* Words that seldom change keep their cache line where it is. */
static void word_set(_Atomic uint32_t *word, uint32_t value)
{
    if (atomic_load_explicit(word, memory_order_relaxed) != value)
        atomic_store_explicit(word, value, memory_order_relaxed);
}

/* Who sleeps, or slept, cannot tell by its own clock how long the other one took. */
static uint32_t held_for(const struct lane *lane)
{
    bool is_of_use = lane->has_slept || atomic_load_explicit(&lane->out->sleeping, memory_order_relaxed) != AWAKE;
    uint64_t held_ns = is_of_use && lane->got_ns != 0 ? clock_now_ns() - lane->got_ns + 1 : 0;

    return held_ns < UINT32_MAX ? (uint32_t)held_ns : UINT32_MAX;
}

static void page_send(struct lane *lane, const struct frame *frame)
{
    lane->cpu = cpu_word();
    word_set(&lane->out->cpu, lane->cpu);
    word_set(&lane->out->held_ns, held_for(lane));
    frame_put(lane->out->frame, frame);
    lane->sent++;
    atomic_store(lane_sequence(lane->out), lane->sent); /* counterpart: page_look() */
    lane->woke = lane_memory_wake(lane->out);
    lane->wakes += lane->woke;
}

void lane_memory_leave(struct lane *lane)
{
    /* Of a host that has died nobody else can say so; its lane may then be used again with the next one. */
    if (lane->arena != NULL && lane->watch_fd >= 0 && descriptor_is_gone(&lane->mark, lane->watch_fd))
        atomic_store(&lane->in->closed, 1);
    atomic_store(&lane->out->closed, 1); /* counterpart: page_look() */
    (void)lane_memory_wake(lane->out);
}

/*
 * 0: the next frame is there; POSTED (host): something in the ring, which comes first; -EAGAIN nothing yet; -ECONNRESET
 * nothing and never again; -EBADMSG nonsense.
 */
static int page_look(const struct lane *lane)
{
    uint32_t closed, sequence;

    if (lane->ring.seen != lane->ring.at && lane->arena == NULL)
        return POSTED;
    closed = atomic_load(&lane->in->closed);         /* counterpart: lane_memory_leave() */
    sequence = atomic_load(lane_sequence(lane->in)); /* counterpart: page_send() */

    /* Counterpart: ring_publish(). */
    if (lane->arena == NULL && atomic_load_explicit(&lane->in->ring_count, memory_order_acquire) != lane->ring.at)
        return POSTED;

    if (sequence == lane->received + 1)
        return 0;
    if (sequence != lane->received)
        return -EBADMSG;

    return closed != 0 ? -ECONNRESET : -EAGAIN;
}

/*
 * Lines move one at a time: the one behind a header is asked for when the header's is here, unless it was asked for
 * before.  So a waiter keeps asking for what will follow the header, and who has taken a frame asks for the lines of
 * its own next one while it is at work on that.  The header's line is left alone: the other end looks at it.
 */
enum { LINES_AHEAD = 1 };

static void page_expect(const struct lane_page *page)
{
    for (size_t i = 1; i <= LINES_AHEAD; i++)
        processor_fetch(page->frame + i * PROCESSOR_LINE);
}

static void page_will_be_written(struct lane_page *page)
{
    for (size_t i = 1; i <= LINES_AHEAD; i++)
        processor_own(page->frame + i * PROCESSOR_LINE);
}

/*
 * A host that is quicker than its guest would follow closely, and both would take the same lines from each other for
 * each call.  So once it has emptied the ring it lets some more come together before it looks there again.
 */
static void ring_rest(const struct lane *lane)
{
    uint64_t until_ns = clock_now_ns() + RING_REST_NS;

    do
        processor_relax();
    while (atomic_load_explicit(lane_sequence(lane->in), memory_order_relaxed) == lane->received &&
           clock_now_ns() < until_ns);
}

/* -EAGAIN: nothing came, within the budget or before somebody else took the processor.  *now_ns is then. */
static int page_spin(const struct lane *lane, struct spin_budget budget, uint64_t start_ns, uint64_t *now_ns)
{
    uint64_t before_ns;

    *now_ns = start_ns;
    do {
        if (lane->naps == NAPS)
            ring_rest(lane);
        for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
            int rc = page_look(lane);

            if (rc != -EAGAIN)
                return rc;
            page_expect(lane->in);
            processor_relax();
        }
        before_ns = *now_ns;
        *now_ns = clock_now_ns();
    } while (*now_ns - start_ns < budget.ns && *now_ns - before_ns < budget.gap_ns);
    return -EAGAIN;
}

/* Sleeps until woken or until `until_ns`, 0 for ever.  Comes back for many reasons: look again. */
static void page_doze(struct lane_page *page, enum sleep depth, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000)};

    (void)syscall(SYS_futex, &page->sleeping, FUTEX_WAIT_BITSET, depth, until_ns != 0 ? &until : NULL, NULL,
                  FUTEX_BITSET_MATCH_ANY);
}

static uint64_t earlier(uint64_t one_ns, uint64_t other_ns)
{
    if (one_ns == 0 || other_ns == 0)
        return one_ns + other_ns;
    return one_ns < other_ns ? one_ns : other_ns;
}

/* After the other end has gone there may still be what it wrote before. */
static int page_look_last(const struct lane *lane)
{
    int rc = page_look(lane);

    return rc == -EAGAIN ? -ECONNRESET : rc;
}

/*
 * A host whose guest posts naps before it sleeps, a few times, longer and longer.  The guest does not wake it from
 * that, so many calls share one awakening, and none waits for longer than a nap.  Nor does the guest pay for a barrier
 * between its store to the ring and its look at `sleeping`, but for the first call that it posts after one that was
 * answered.  Later ones the host may miss while it falls asleep: the last nap, which counts as sleep already and is
 * longer than any store needs to be seen, finds them.
 */
static uint64_t nap_until(const struct lane *lane)
{
    uint64_t length_ns = (uint64_t)NAP_LEAST_NS << (NAPS - lane->naps);

    if (lane->naps == 0)
        return 0;
    if (length_ns > NAP_MOST_NS)
        length_ns = NAP_MOST_NS;
    return clock_now_ns() + (lane->naps == 1 ? NAP_LAST_NS : length_ns);
}

static int page_sleep(struct lane *lane, uint64_t deadline_ns)
{
    uint64_t watch_ns = lane->watch_fd >= 0 ? clock_now_ns() + LANE_WATCH_NS : 0;
    uint64_t nap_ns = 0;
    int rc;

    lane->sleeps++;
    for (;;) {
        enum sleep depth = lane->naps > 1 ? NAPPING : ASLEEP;

        atomic_store(&lane->in->sleeping, depth); /* counterpart: lane_memory_wake() */
        rc = page_look(lane);
        if (rc != -EAGAIN)
            break;
        if (clock_is_past(deadline_ns)) {
            rc = -ETIMEDOUT;
            break;
        }
        if (nap_ns == 0)
            nap_ns = nap_until(lane);
        page_doze(lane->in, depth, earlier(earlier(deadline_ns, watch_ns), nap_ns));
        if (clock_is_past(nap_ns)) {
            nap_ns = 0;
            lane->naps--;
        }
        if (!clock_is_past(watch_ns))
            continue;
        if (descriptor_is_gone(&lane->mark, lane->watch_fd)) {
            rc = page_look_last(lane);
            break;
        }
        watch_ns = clock_now_ns() + LANE_WATCH_NS;
    }
    atomic_store_explicit(&lane->in->sleeping, AWAKE, memory_order_relaxed);
    return rc;
}

/* The other end cannot run while we spin where it last ran, and where we are. */
static bool is_alone(const struct lane *lane)
{
    return atomic_load_explicit(&lane->in->cpu, memory_order_relaxed) == lane->cpu;
}

/* Spins, then sleeps. */
static int page_await(struct lane *lane, uint64_t deadline_ns)
{
    struct spin_outcome *outcome = &lane->outcome;
    uint64_t start_ns = clock_now_ns(), now_ns = start_ns;
    struct spin_budget budget = lane_spin_budget(lane, start_ns, deadline_ns);
    int rc = -EAGAIN;

    if (outcome->spun)
        rc = page_spin(lane, budget, start_ns, &now_ns);
    outcome->won = rc != -EAGAIN;
    if (!outcome->won) {
        rc = page_sleep(lane, deadline_ns);
        now_ns = clock_now_ns();
    }
    lane->got_ns = now_ns;
    lane->has_slept = !outcome->won;
    outcome->took_ns = now_ns - start_ns;
    outcome->held_ns = atomic_load_explicit(&lane->in->held_ns, memory_order_relaxed);
    return rc;
}

/* Waits for the next frame in the other end's page; 0: it is there. */
static int page_wait(struct lane *lane, uint64_t deadline_ns)
{
    int rc;

    if (lane->naps == NAPS && lane->ring.seen == lane->ring.at && !is_alone(lane))
        ring_rest(lane);
    rc = page_look(lane);
    lane->got_ns = 0;
    if (rc == -EAGAIN)
        rc = is_alone(lane) ? page_sleep(lane, deadline_ns) : page_await(lane, deadline_ns);
    if (rc == 0)
        lane->received++;
    return rc;
}

/* Settles request `sequence` for whoever comes first; true for that one. */
static bool request_settle(struct lane_page *page, uint32_t sequence)
{
    uint32_t before = sequence - 1;

    return atomic_compare_exchange_strong(&page->taken, &before, sequence);
}

/* The guest's: whether the host has not seen it, and will not. */
static bool request_withdraw(struct lane_page *page, uint32_t sequence)
{
    return request_settle(page, sequence) || atomic_load(&page->taken) == ((sequence - 1) ^ LANE_LEFT);
}

int lane_memory_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent)
{
    int rc = page_look(lane);

    if (rc != -EAGAIN)
        return rc == 0 ? -EBADMSG : rc; /* an answer before the request */

    lane->function = lane->request.header.function;
    page_send(lane, &lane->request);
    lane->has_exchanged = true;
    lane->owed = true;
    rc = page_wait(lane, deadline_ns);
    page_will_be_written(lane->out);
    if (rc < 0) {
        lane->owed = !request_withdraw(lane->out, lane->sent);
        *sent = lane->owed;
        return rc;
    }

    *sent = true;
    rc = frame_copy(&lane->reply, lane->in->frame, FRAME_RESULT);
    if (rc == 0)
        rc = frame_check_reply(&lane->reply, &lane->request);
    lane->owed = rc < 0;
    return rc;
}

bool lane_memory_leave_when_idle(struct lane *lane)
{
    uint32_t answered = atomic_load(lane_sequence(lane->out)); /* counterpart: page_send() */
    uint32_t taken = answered;

    if (!atomic_compare_exchange_strong(&lane->in->taken, &taken, answered ^ LANE_LEFT) &&
        taken != (answered ^ LANE_LEFT)) /* counterpart: request_settle() */
        return false;
    lane_memory_leave(lane);
    return true;
}

static int descriptors_check(const struct lane *lane)
{
    const struct frame *request = &lane->request;

    for (uint32_t i = 0; i < request->header.buffer_count; i++) {
        if (memory_at(lane->memory, request->buffers[i].offset, request->buffers[i].size) == NULL)
            return -EBADMSG;
    }
    return 0;
}

/* -EAGAIN: there was nothing but the end of the ring. */
static int posted_receive(struct lane *lane)
{
    int rc = lane_memory_ring_adopt(lane);

    lane->naps = NAPS;
    if (rc == 0 && lane->ring.bytes == NULL)
        rc = -EBADMSG;
    if (rc == 0)
        rc = ring_take(&lane->ring, &lane->request);
    lane->is_posted = rc == 0;
    return rc;
}

/* 0: lane->request is posted; POSTED: nothing but the end of the ring; a frame is there when *is_frame. */
static int request_await(struct lane *lane)
{
    int rc;

    do {
        rc = page_wait(lane, 0);
        if (rc == POSTED)
            rc = posted_receive(lane);
        else if (rc == 0)
            lane->is_posted = false;
    } while (rc == -EAGAIN || (rc == 0 && !lane->is_posted &&
                               !request_settle(lane->in, lane->received))); /* a withdrawn request is passed over */
    return rc;
}

int lane_memory_receive(struct lane *lane)
{
    int rc = request_await(lane);

    lane->function = lane->request.header.function;
    if (rc < 0 || lane->is_posted)
        return rc;
    rc = lane_memory_ring_adopt(lane);
    if (rc < 0)
        return rc;
    lane->naps = 0;
    page_will_be_written(lane->out);
    rc = frame_copy(&lane->request, lane->in->frame, FRAME_CALL);
    lane->function = lane->request.header.function;
    return rc < 0 ? rc : descriptors_check(lane);
}

int lane_memory_answer(struct lane *lane)
{
    page_send(lane, &lane->reply);
    return 0;
}
