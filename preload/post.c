/*
 * Who waits for posted calls.  The word that says that there may be some is cleared before the lanes are looked at, and
 * a thread posts before it sets the word: so a call that is posted meanwhile is seen by one or the other.
 */
#include "preload/post.h"

#include "preload/fork.h"
#include "preload/forward.h"
#include "spec/base/log.h"
#include "spec/wire/clock.h"
#include "spec/wire/system_call.h"

#include <errno.h>

enum { NAP_NS = 50000, SETTLE_MS = 10000 };

_Atomic(struct thread_lane *) winapi_post_only;
_Atomic unsigned winapi_post_waiters;

static __thread struct thread_lane *posted_on; /* by this thread, the last time; handlers change it too */

static struct core *core_of_posts; /* of whoever has posted; NULL: nobody has */

/* ---- posting ---- */

static void settle_before_fork(void)
{
    if (atomic_load(&winapi_post_only))
        post_settle(core_of_posts, false);
}

/* In the child nothing is under way: the lanes are its parent's. */
static void start_over(void)
{
    atomic_store(&winapi_post_only, NULL);
    atomic_store(&winapi_post_waiters, 0);
    posted_on = NULL;
}

static struct fork_part fork_part = {.before = settle_before_fork, .start_over = start_over};

int post_prepare(struct thread_lane *lane, uint64_t deadline_ns)
{
    bool sent;
    int error;

    if (atomic_load_explicit(&lane->has_posted, memory_order_relaxed))
        return 0;
    error = lane_ring_open(&lane->lane);
    if (error)
        return -ENOTSUP;
    frame_start(lane_request(&lane->lane), FRAME_CALL, ++lane->request, FRAME_NO_FUNCTION);
    error = lane_exchange(&lane->lane, deadline_ns, &sent);
    if (!error)
        atomic_store_explicit(&lane->has_posted, true, memory_order_release); /* counterpart: lane_pool_is_settled() */
    return error;
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

/* An exchange, so that of two lanes at once each sees the other.  Only other threads look before "several" is there. */
static void note_posted(struct thread_lane *lane)
{
    const struct thread_lane *before = atomic_exchange(&winapi_post_only, lane);

    if (before && before != lane)
        atomic_store(&winapi_post_only, POST_SEVERAL);
}

int post_send(struct thread_lane *lane, uint64_t deadline_ns)
{
    int error = lane_post(&lane->lane);

    while (error == -EAGAIN) {
        error = lane_catch_up(&lane->lane, deadline_ns);
        if (!error)
            error = lane_post(&lane->lane);
    }
    if (!error)
        note_posted(lane);
    return error;
}

/* ---- waiting ---- */

static void settle(struct core *core, const struct thread_lane *but)
{
    uint64_t timeout_ms = core->settings.call_timeout_ms ? core->settings.call_timeout_ms : SETTLE_MS;
    uint64_t deadline_ns = clock_deadline_ns(timeout_ms);

    while (!lane_pool_are_settled(but)) {
        if (clock_is_past(deadline_ns)) {
            log_error("calls that nobody waits for are not over after %llu ms; the next call does not wait for them",
                      (unsigned long long)timeout_ms);
            return;
        }
        system_nap(NAP_NS);
    }
}

void post_settle(struct core *core, bool is_remote)
{
    struct thread_lane *own = is_remote ? thread_lane_own() : NULL;
    int kept_errno = errno;

    atomic_fetch_add(&winapi_post_waiters, 1);
    (void)atomic_exchange(&winapi_post_only, NULL); /* counterpart: post_send() */
    settle(core, own);
    if (own && atomic_load(&own->has_posted) && !lane_is_settled(&own->lane))
        note_posted(own);
    atomic_fetch_sub(&winapi_post_waiters, 1);
    errno = kept_errno;
}

void post_begin(struct core *core)
{
    if (!core_of_posts && fork_watch(&fork_part) == 0)
        core_of_posts = core;
}

void post_finish(void)
{
    struct core *core = core_of_posts;

    if (!core)
        return;
    if (atomic_load(&winapi_post_only))
        post_settle(core, false);
    forward_ask_for_failures(core);
}
