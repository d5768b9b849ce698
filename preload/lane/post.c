/* Who waits for posted calls, and for which. */
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

static __thread uint64_t posted_with; /* by this thread, the last time: the lane's ticket; handlers change it too */

static _Atomic(struct core *) core_of_posts; /* of whoever has posted; NULL: nobody has */

/* ---- posting ---- */

static void settle_before_fork(void)
{
    fork_check();
    if (!posting_are_over(atomic_load(&winapi_posting_count), NULL))
        post_settle(core_of_posts, NULL, false);
}

static void start_over(void)
{
    posting_start_over();
    posted_with = 0;
}

static struct fork_part fork_part = {.before = settle_before_fork, .start_over = start_over};

/* A call of no function: the host learns of the ring, or tells of failed calls, which are said in a line. */
static int exchange_nothing(struct core *core, struct thread_lane *lane, uint64_t deadline_ns)
{
    struct frame *request = lane_request(&lane->lane);
    bool sent;
    int error;

    frame_start(request, FRAME_CALL, ++lane->request, FRAME_NO_FUNCTION);
    request->header.flags = lane->posted_with ? FRAME_MAY_TELL : 0;
    error = lane_exchange(&lane->lane, deadline_ns, &sent);
    if (!error)
        forward_say_failure(core, lane);
    return error;
}

int post_prepare(struct core *core, struct thread_lane *lane, uint64_t deadline_ns)
{
    int error = 0;

    if (lane->posted_with == lane_ticket(lane))
        return 0;
    if (!lane->posted_with) {
        lane_pool_lock();
        error = posting_begin(lane);
        lane_pool_unlock();
    }
    if (!error && (lane->posted_with || lane->lane.medium == MEDIUM_MEMORY))
        error = exchange_nothing(core, lane, deadline_ns);
    if (!error)
        lane->posted_with = lane_ticket(lane);
    return error;
}

/*
 * Calls of one thread have one lane as a rule.  A signal handler's, while its thread is in a call, have another; so
 * have those of a thread whose lane was taken away, or that is about to end.
 */
void post_keep_order(struct core *core, const struct thread_lane *lane)
{
    uint64_t ticket = lane_ticket(lane);

    if (posted_with != ticket && __atomic_exchange_n(&posted_with, ticket, __ATOMIC_RELAXED))
        post_settle(core, NULL, false);
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
    struct posting_marks marks; /* of what was posted before */
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
        if (posting_are_over_until(&wait->marks, wait->but))
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
    struct wait wait = {.core = core, .but = but, .on_own = on_own, .deadline_ns = clock_deadline_ns(timeout_ms)};
    bool asks;

    posting_mark(&wait.marks);
    while (!pending_are_over(&wait.marks, but, &asks))
        if (wait_on(&wait, asks) == -ETIMEDOUT) {
            log_error("calls that nobody waits for are not over after %llu ms; what waited for them goes on",
                      (unsigned long long)timeout_ms);
            return false;
        }
    return true;
}

/* A question behind a call that hangs costs the lane, and with it the order of what the thread has posted there. */
void post_settle(struct core *core, const struct thread_lane *but, bool is_remote)
{
    int kept_errno = errno;

    (void)settle(core, but, is_remote && posting_is_settled(but));
    errno = kept_errno;
}

void post_settle_behind(struct core *core, const struct thread_lane *lane)
{
    uint32_t count = atomic_load_explicit(&winapi_posting_count, memory_order_acquire);

    if (count && !posting_are_over(count, lane))
        post_settle(core, lane, false);
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

static void ask_for_failures(struct core *core, uint64_t deadline_ns)
{
    const struct thread_lane *own = thread_lane_own();
    struct thread_lane *lane;
    struct call_mark mark;

    if (lane_is_usable(own) && own->posted_with == lane_ticket(own) && thread_lane_take(core, &lane, &mark) == 0)
        thread_lane_give(lane, exchange_nothing(core, lane, deadline_ns));
}

void post_finish(void)
{
    struct core *core = core_of_posts;

    if (!core)
        return;
    fork_check();
    if (posting_are_over(atomic_load(&winapi_posting_count), NULL) || settle(core, NULL, true))
        ask_for_failures(core, clock_deadline_ns(settle_ms(core)));
}
