/*
 * Who waits for posted calls, and for which.  A lane that has posted once is listed for good; its words tell whether
 * all is over.  What the lists say may be old only for calls that are being posted at this very moment, and no thread
 * can know of those.
 */
#include "preload/lane/post.h"

#include "preload/fork.h"
#include "preload/lane/forward.h"
#include "preload/lane/pending.h"
#include "spec/base/log.h"
#include "spec/wire/clock.h"
#include "spec/wire/processor.h"
#include "spec/wire/system_call.h"

#include <errno.h>

enum { LOOK_NS = 20000, NAP_NS = 50000, SETTLE_MS = 10000 };

struct posting winapi_postings[POSTINGS_MOST];
_Atomic uint32_t winapi_posting_count;

static __thread struct thread_lane *posted_on; /* by this thread, the last time; handlers change it too */

static _Atomic(struct core *) core_of_posts; /* of whoever has posted; NULL: nobody has */

/* ---- posting ---- */

static void settle_before_fork(void)
{
    if (!post_are_over(atomic_load(&winapi_posting_count), NULL))
        post_settle(core_of_posts, false);
}

/* In the child nothing is under way: the lanes are its parent's. */
static void start_over(void)
{
    atomic_store(&winapi_posting_count, 0);
    for (size_t i = 0; i < POSTINGS_MOST; i++) {
        atomic_store(&winapi_postings[i].lane, NULL);
        atomic_store(&winapi_postings[i].filled, NULL);
    }
    posted_on = NULL;
}

static struct fork_part fork_part = {.before = settle_before_fork, .start_over = start_over};

/* The lane's, from an earlier use, or a new one; NULL: there are too many. */
static struct posting *find_posting(const struct thread_lane *lane)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count && i < POSTINGS_MOST; i++)
        if (atomic_load(&winapi_postings[i].lane) == lane)
            return &winapi_postings[i];
    count = atomic_fetch_add(&winapi_posting_count, 1);
    return count < POSTINGS_MOST ? &winapi_postings[count] : NULL;
}

/* Before the lane's first call is posted. */
static void list_lane(const struct thread_lane *lane)
{
    struct posting *posting = find_posting(lane);

    if (!posting)
        return;
    atomic_store(&posting->lane, lane);
    atomic_store(&posting->emptied, lane->lane.ring.emptied);
    atomic_store(&posting->filled, lane->lane.ring.filled);
}

static bool is_over(const struct posting *posting)
{
    _Atomic uint32_t *filled = atomic_load_explicit(&posting->filled, memory_order_acquire);
    uint32_t until;

    if (!filled)
        return true;
    until = atomic_load_explicit(filled, memory_order_acquire);
    return atomic_load_explicit(atomic_load_explicit(&posting->emptied, memory_order_relaxed), memory_order_acquire) ==
           until;
}

bool post_are_over(uint32_t count, const struct thread_lane *but)
{
    for (uint32_t i = 0; i < count && i < POSTINGS_MOST; i++)
        if (atomic_load_explicit(&winapi_postings[i].lane, memory_order_relaxed) != but &&
            !is_over(&winapi_postings[i]))
            return false;
    return count <= POSTINGS_MOST;
}

int post_prepare(struct thread_lane *lane, uint64_t deadline_ns)
{
    bool sent;
    int error;

    if (atomic_load_explicit(&lane->has_posted, memory_order_relaxed))
        return 0;
    error = lane_ring_open(&lane->lane);
    if (error)
        return -ENOTSUP;
    if (lane->lane.medium == MEDIUM_MEMORY) { /* the host learns of the ring */
        frame_start(lane_request(&lane->lane), FRAME_CALL, ++lane->request, FRAME_NO_FUNCTION);
        error = lane_exchange(&lane->lane, deadline_ns, &sent);
    }
    if (error)
        return error;
    list_lane(lane);
    atomic_store_explicit(&lane->has_posted, true, memory_order_release); /* counterpart: pending_are_over() */
    return 0;
}

/*
 * Calls of one thread have one lane as a rule.  A signal handler's, while its thread is in a call, have another; so
 * have those of a thread whose lane was taken away, or that is about to end.
 */
void post_keep_order(struct core *core, struct thread_lane *lane)
{
    if (posted_on != lane && __atomic_exchange_n(&posted_on, lane, __ATOMIC_RELAXED))
        post_settle(core, false);
}

/* ---- waiting ---- */

static uint64_t settle_ms(const struct core *core)
{
    return core->settings.call_timeout_ms ? core->settings.call_timeout_ms : SETTLE_MS;
}

struct wait {
    struct core *core;
    const struct thread_lane *but; /* its calls are not waited for */
    bool on_own;                   /* the host may be asked on the thread's own lane, behind the calls there */
    uint64_t deadline_ns;
    bool has_looked;
};

/* -EAGAIN: there is no lane just now; as lane_exchange(). */
static int ask(const struct wait *wait)
{
    struct thread_lane *lane;
    struct call_mark mark;
    int error =
        wait->on_own ? thread_lane_take(wait->core, &lane, &mark) : thread_lane_take_other(wait->core, &lane, &mark);

    if (error)
        return -EAGAIN;
    error = pending_ask(lane, wait->but, wait->deadline_ns);
    thread_lane_give(lane, error);
    return error;
}

/* Mostly it is a matter of a few calls: so the words are looked at for a moment first. */
static void rest(struct wait *wait)
{
    uint64_t until_ns = clock_now_ns() + LOOK_NS;

    while (!wait->has_looked && clock_now_ns() < until_ns) {
        if (post_are_over(atomic_load(&winapi_posting_count), wait->but))
            return;
        processor_relax();
    }
    wait->has_looked = true;
    system_nap(NAP_NS);
}

/* -ETIMEDOUT: it is time to give up. */
static int wait_on(struct wait *wait, bool asks)
{
    int error = -EAGAIN;

    if (clock_is_past(wait->deadline_ns))
        return -ETIMEDOUT;
    if (asks)
        error = ask(wait);
    if (error == -EAGAIN)
        rest(wait);
    return error;
}

/* false: they are not over in time. */
static bool settle(struct core *core, const struct thread_lane *but, bool on_own)
{
    uint64_t timeout_ms = settle_ms(core);
    struct wait wait = {core, but, on_own, clock_deadline_ns(timeout_ms), false};
    bool asks;

    while (!pending_are_over(but, &asks))
        if (wait_on(&wait, asks) == -ETIMEDOUT) {
            log_error("calls that nobody waits for are not over after %llu ms; what waited for them goes on",
                      (unsigned long long)timeout_ms);
            return false;
        }
    return true;
}

/* A question behind a call that hangs costs the lane, and with it the order of what the thread has posted there. */
void post_settle(struct core *core, bool is_remote)
{
    struct thread_lane *own = is_remote ? thread_lane_own() : NULL;
    int kept_errno = errno;

    (void)settle(core, own, is_remote && (!own || lane_is_settled(&own->lane)));
    errno = kept_errno;
}

void post_begin(struct core *core)
{
    if (atomic_load_explicit(&core_of_posts, memory_order_relaxed))
        return;
    lane_pool_lock();
    if (fork_watch(&fork_part) == 0)
        atomic_store(&core_of_posts, core);
    lane_pool_unlock();
}

void post_finish(void)
{
    struct core *core = core_of_posts;

    if (!core)
        return;
    if (post_are_over(atomic_load(&winapi_posting_count), NULL) || settle(core, NULL, true))
        forward_ask_for_failures(core, clock_deadline_ns(settle_ms(core)));
}
