/*
 * Which lane a call of this thread gets.  What is said of claims in lane_pool.h is the owner's half here: an idle lane
 * of its own is taken without a lock.
 */
#include "preload/lane/thread_lane.h"

#include "preload/control/control_memory.h"
#include "preload/fork.h"
#include "preload/gate.h"
#include "preload/lane/posting.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NAP_NS = 200000 };

static pthread_key_t thread_end; /* this and the next under the pool's lock until there is a key */
static bool has_thread_end;

/*
 * This thread's lane.  `own_busy` is set before the lane is looked at and cleared when the call is over: a signal
 * handler in between takes a spare one, so nothing changes under the call that it interrupted.
 */
static __thread struct thread_lane *volatile own; /* none from one moment to the next, where a handler forks */
static __thread uint64_t own_ticket;
static __thread struct call_mark *volatile own_busy; /* of the call that uses it, or is about to; NULL: none */
static __thread struct thread_lane *volatile spare;  /* the innermost spare in use */
static __thread bool is_ending;                      /* the thread: its key is gone, so no lane stays with it */

/* Not when it has been taken away meanwhile. */
static bool is_claimed(const struct thread_lane *lane)
{
    return lane && atomic_load(&lane->claim) == (own_ticket << 1 | 1);
}

static bool has_claimed_own(void)
{
    return is_claimed(own);
}

static bool is_of_this_thread(const struct thread_lane *lane)
{
    const struct thread_lane *at = spare;

    while (at && at != lane)
        at = at->outer;
    return at || (lane == own && has_claimed_own());
}

/* ---- fork ---- */

/* A lane of this thread is in use when a signal handler has forked in a call: the child returns to that. */
static void start_over(void)
{
    for (struct thread_lane *lane = spare; lane; lane = lane->outer)
        lane->is_inherited = true;
    if (has_claimed_own())
        own->is_inherited = true;
    own = NULL;
    is_ending = false;
    lane_pool_start_over();
}

static struct fork_part fork_part = {.start_over = start_over};

static void thread_ended(void *unused);

/* Before the first connection; under the pool's lock. */
static int begin(void)
{
    if (!has_thread_end)
        has_thread_end = pthread_key_create(&thread_end, thread_ended) == 0;
    return fork_watch(&fork_part);
}

void thread_lane_prepare(void)
{
    lane_pool_lock();
    (void)!begin(); /* tried again when there is a call */
    lane_pool_unlock();
}

/* ---- taking ---- */

static void use_spare(struct thread_lane *lane)
{
    lane->is_spare = true;
    lane->outer = spare;
    spare = lane;
}

/* It stays this thread's own if its end can be heard of. */
static bool keep_as_own(struct thread_lane *lane)
{
    if (is_ending || !has_thread_end || pthread_setspecific(thread_end, lane) != 0)
        return false;
    lane->is_spare = false;
    control_memory_take_shard();
    own = lane;
    own_ticket = atomic_load(&lane->claim) >> 1;
    return true;
}

struct thread_lane *thread_lane_own(void)
{
    struct thread_lane *mine = own;

    return !own_busy && mine && atomic_load(&mine->claim) == own_ticket << 1 ? mine : NULL;
}

void thread_lane_watch_end(void)
{
    static __thread bool is_watched;

    if (is_watched || !has_thread_end || is_ending)
        return;
    if (!own)
        (void)!pthread_setspecific(thread_end, &is_watched); /* whatever is not NULL */
    is_watched = true;
}

/* Normally it is the innermost. */
static void forget_spare(const struct thread_lane *lane)
{
    struct thread_lane *at = spare;

    if (at == lane) {
        spare = lane->outer;
        return;
    }
    while (at && at->outer != lane)
        at = at->outer;
    if (at)
        at->outer = lane->outer;
}

/* Whether the lane that was this thread's still is, and is in use from now on: by the caller. */
static bool claim(struct thread_lane *lane)
{
    uint64_t idle = own_ticket << 1;

    return lane && atomic_compare_exchange_strong_explicit(&lane->claim, &idle, idle | 1, memory_order_acquire,
                                                           memory_order_relaxed);
}

/* Puts it into the hands of this thread's call. */
static void give_to_call(struct thread_lane *lane, struct call_mark *mark, bool keeps)
{
    lane->mark = mark;
    if (keeps && keep_as_own(lane))
        return;
    use_spare(lane);
    if (keeps)
        own_busy = NULL;
}

/* Any lane but a usable one of this thread's own; `keeps`: it becomes that. */
static int take_slowly(struct core *core, struct thread_lane **lane, struct call_mark *mark, bool keeps)
{
    int error;

    lane_pool_lock();
    if (keeps && (has_claimed_own() || claim(own)))
        lane_pool_drop(own);
    if (keeps)
        own = NULL;
    error = begin();
    if (!error)
        error = lane_pool_find(core, lane);
    if (!error)
        give_to_call(*lane, mark, keeps);
    lane_pool_unlock();
    return error;
}

/* As many lanes as may be, each with a call: one of these ends soon, or else the limit is too low. */
static int take_patiently(struct core *core, struct thread_lane **lane, struct call_mark *mark, bool keeps)
{
    uint64_t deadline_ns = 0;
    int error = take_slowly(core, lane, mark, keeps);

    while (error == -EAGAIN && lane_pool_may_have_one(is_of_this_thread)) {
        if (!deadline_ns)
            deadline_ns = clock_deadline_ns(core->settings.connect_timeout_ms);
        if (clock_is_past(deadline_ns))
            break;
        syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = NAP_NS}, NULL);
        error = take_slowly(core, lane, mark, keeps);
    }
    return error;
}

/* It is in use although `own_busy` says otherwise: by a call that is just giving it back, or was left at that. */
static bool is_being_given_back(const struct call_mark *mark)
{
    const struct thread_lane *mine = own;

    return is_claimed(mine) && !call_mark_is_left(mine->mark, mark);
}

static int take_own(struct core *core, struct thread_lane **lane, struct call_mark *mark)
{
    struct thread_lane *mine;
    int error;

    own_busy = mark;
    mine = own;
    if (claim(mine)) {
        mine->mark = mark;
        if (lane_is_usable(mine)) {
            *lane = mine;
            return 0;
        }
    } else if (is_being_given_back(mark)) {
        own_busy = NULL;
        return take_patiently(core, lane, mark, false);
    }
    error = take_patiently(core, lane, mark, true);
    if (error)
        own_busy = NULL;
    return error;
}

/* ---- calls that were left ---- */

static void retire(struct thread_lane *lane)
{
    forget_spare(lane);
    if (lane == own)
        own = NULL;
    lane_pool_retire(lane);
}

static void retire_what_was_left(const struct call_mark *mark)
{
    struct thread_lane *outer;

    lane_pool_lock();
    for (struct thread_lane *lane = spare; lane; lane = outer) {
        outer = lane->outer;
        if (!lane->is_inherited && call_mark_is_left(lane->mark, mark))
            retire(lane);
    }
    if (own_busy && call_mark_is_left(own_busy, mark)) {
        if (has_claimed_own())
            retire(own);
        own_busy = NULL;
    }
    lane_pool_unlock();
}

/*
 * The thread's key destructor: its lane goes to whoever needs one next.  A thread that ends inside a call, from a
 * signal handler, leaves an answer behind that nobody is to take for another.
 */
static void thread_ended(void *unused)
{
    (void)unused;
    lane_pool_lock();
    gate_thread_ended();
    control_memory_give_shard();
    is_ending = true;
    while (spare)
        if (spare->is_inherited)
            forget_spare(spare);
        else
            retire(spare);
    if (has_claimed_own())
        retire(own);
    else if (claim(own))
        lane_pool_free(own);
    own = NULL;
    lane_pool_unlock();
}

/* ---- the door ---- */

static inline void begin_call(struct call_mark *mark)
{
    fork_check();
    if (own_busy || spare)
        retire_what_was_left(mark);
    call_mark_set(mark);
}

int thread_lane_take_other(struct core *core, struct thread_lane **lane, struct call_mark *mark)
{
    begin_call(mark);
    return take_patiently(core, lane, mark, false);
}

int thread_lane_take(struct core *core, struct thread_lane **lane, struct call_mark *mark)
{
    begin_call(mark);
    return own_busy ? take_patiently(core, lane, mark, false) : take_own(core, lane, mark);
}

static void give_away(struct thread_lane *lane, int error)
{
    lane_pool_lock();
    forget_spare(lane);
    if (error && error != -ETIMEDOUT)
        atomic_store(&lane->connection->is_lost, true);
    if (lane == own)
        own = NULL;
    if (error == -ETIMEDOUT) /* whoever waited for it has waited long enough */
        posting_forget_lane(lane);
    if (lane->is_inherited) /* since just now */
        lane_forget(&lane->lane);
    else if (error)
        lane_pool_drop(lane);
    else
        lane_pool_free(lane);
    lane_pool_unlock();
}

/* In this order: as long as the mark stands, nobody else changes `own_busy`; and it stands until the lane is given. */
void thread_lane_give(struct thread_lane *lane, int error)
{
    struct call_mark *mark = lane->mark;

    if (own_busy == mark)
        own_busy = NULL;
    if (error || lane->is_inherited || lane->is_spare || lane_pool_is_wanted())
        give_away(lane, error);
    else
        atomic_store_explicit(&lane->claim, atomic_load_explicit(&lane->claim, memory_order_relaxed) & ~UINT64_C(1),
                              memory_order_release);
    call_mark_clear(mark);
}
