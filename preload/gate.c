/*
 * The word: bits 0-31 live objects, 32-55 calls on their way, 56 a switch is wished for, 57-58 the mode.
 *
 * Orders: entering acquires and leaving releases, so that who switches, by a compare-and-swap of both orders, comes
 * after every call that has left and before every call that enters then.  The counts cannot overflow: there are fewer
 * threads than 2^24, and objects have memory of their own.
 */
#include "preload/gate.h"

#include "spec/base/log.h"
#include "spec/base/quiet_lock.h"

#define OBJECT     UINT64_C(1)
#define CALL       (UINT64_C(1) << 32)
#define COUNTS     ((UINT64_C(1) << 56) - 1)
#define WISHED     (UINT64_C(1) << 56)
#define MODE_SHIFT 57
#define HANDLE_TAG UINT64_C(0x5741) /* spec/call/handle.h */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic unsigned era;

/*
 * This thread's outermost call inside a gate: its mark on the stack, NULL for none, and its gate.  One that a signal
 * handler leaves by longjmp never comes back to leave its gate.
 *
 * A handler may interrupt, between any two instructions, who changes these.  So the mark is set last, and who takes it
 * away, in one instruction, takes the call off the gate; a call that comes to be the outermost one in a handler puts
 * back the gate that it found.  A call is counted before it has a mark here, and until it has none: one that is left
 * just then counts for ever, which is safe.
 */
static __thread struct call_mark *volatile entered;
static __thread struct gate *volatile entered_gate;

static unsigned era_now(void)
{
    return atomic_load_explicit(&era, memory_order_relaxed);
}

void gate_init(struct gate *gate, enum mode mode)
{
    *gate = (struct gate){.wish = mode};
    atomic_store(&gate->word, (uint64_t)mode << MODE_SHIFT);
}

void gate_lock(sigset_t *before)
{
    quiet_lock(&lock, before);
}

void gate_unlock(const sigset_t *before)
{
    quiet_unlock(&lock, before);
}

static enum mode mode_in(uint64_t word)
{
    return (enum mode)(word >> MODE_SHIFT & 3);
}

enum mode gate_mode(const struct gate *gate)
{
    return mode_in(atomic_load_explicit(&gate->word, memory_order_acquire));
}

bool gate_is_pending(const struct gate *gate)
{
    return atomic_load_explicit(&gate->word, memory_order_acquire) & WISHED;
}

/* ---- calls ---- */

static bool take_off(struct gate *gate, uint64_t what)
{
    uint64_t left = atomic_fetch_sub_explicit(&gate->word, what, memory_order_acq_rel) - what;

    return left & WISHED && (left & COUNTS) == 0;
}

static bool take_mark(struct call_mark *mark)
{
    return mark && __atomic_compare_exchange_n(&entered, &mark, NULL, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void end_call(struct call_mark *mark)
{
    struct gate *gate = entered_gate;

    if (take_mark(mark))
        (void)!take_off(gate, CALL); /* whoever calls next sees to the rest */
}

void gate_thread_ended(void)
{
    end_call(entered);
}

static void enter_on_thread(struct passage *passage)
{
    passage->gate_before = entered_gate;
    entered_gate = passage->gate;
    entered = &passage->mark;
}

enum mode gate_enter(struct gate *gate, struct passage *passage)
{
    struct call_mark *outer = entered;
    uint64_t word;

    *passage = (struct passage){.gate = gate, .era = era_now()};
    call_mark_set(&passage->mark);
    if (outer && call_mark_is_left(outer, &passage->mark))
        end_call(outer);
    passage->is_outermost = !entered;
    word = atomic_fetch_add_explicit(&gate->word, CALL, memory_order_acq_rel);
    if (passage->is_outermost)
        enter_on_thread(passage);
    return mode_in(word);
}

bool gate_leave(struct passage *passage)
{
    bool was_left_for_it = passage->is_outermost && !take_mark(&passage->mark) && !entered;

    call_mark_clear(&passage->mark);
    if (passage->is_outermost)
        entered_gate = passage->gate_before;
    if (was_left_for_it || passage->era != era_now())
        return false;
    return take_off(passage->gate, CALL);
}

/* ---- objects ---- */

/*
 * An object is counted before it is in the set, and counts until after it has left it.  So who is interrupted in the
 * midst, and does not come back, leaves a family that stays where it is, which is safe, and never one that is switched
 * while an object lives.  A child that was forked in the midst has counted anew: what its thread has still to add or
 * to take off belongs to the parent.
 */

uint32_t gate_objects(const struct gate *gate)
{
    return (uint32_t)atomic_load(&gate->word);
}

/* Each thread shows until what it has shown is still true: so what is shown last is. */
static void show_objects(struct gate *gate)
{
    uint32_t *shown = atomic_load(&gate->shown);
    uint32_t count;

    if (!shown)
        return;
    do {
        count = gate_objects(gate);
        __atomic_store_n(shown, count, __ATOMIC_SEQ_CST);
    } while (gate_objects(gate) != count);
}

void gate_show_objects(struct gate *gate, uint32_t *shown)
{
    atomic_store(&gate->shown, shown);
    show_objects(gate);
}

/* Without memory for it the object counts for ever: the family then stays where it is. */
void gate_object_given(struct gate *gate, const char *class, uint64_t handle)
{
    unsigned then = era_now();
    struct live_view view;

    atomic_fetch_add(&gate->word, OBJECT);
    if (live_objects_add(&gate->objects, class, handle, &view) == 0 && then == era_now())
        atomic_fetch_sub(&gate->word, OBJECT); /* it was there */
    show_objects(gate);
}

void gate_object_closing(struct gate *gate, const char *class, uint64_t handle)
{
    unsigned then = era_now();

    if (!live_objects_remove(&gate->objects, class, handle) || then != era_now())
        return;
    atomic_fetch_sub(&gate->word, OBJECT);
    show_objects(gate);
}

bool gate_is_hosts_handle(uint64_t handle)
{
    return handle >> 48 == HANDLE_TAG;
}

static bool is_of_no_session(uint64_t handle, const void *salt_plus_one)
{
    return gate_is_hosts_handle(handle) && (uint32_t)(handle >> 32 & 0xffff) + 1 != *(const uint32_t *)salt_plus_one;
}

void gate_forget_dead(struct gate *gate, uint32_t salt_plus_one)
{
    size_t dead = live_objects_sweep(&gate->objects, is_of_no_session, &salt_plus_one);

    if (dead == 0)
        return;
    atomic_store(&gate->has_dead, true);
    atomic_fetch_sub(&gate->word, dead * OBJECT);
    show_objects(gate);
}

/* ---- switching ---- */

void gate_wish(struct gate *gate, enum mode mode)
{
    gate->wish = mode;
    if (mode == gate_mode(gate))
        atomic_fetch_and(&gate->word, ~WISHED);
    else
        atomic_fetch_or(&gate->word, WISHED);
}

bool gate_try_switch(struct gate *gate)
{
    uint64_t word = atomic_load(&gate->word);
    uint64_t switched = (uint64_t)gate->wish << MODE_SHIFT;

    while (word & WISHED && (word & COUNTS) == 0)
        if (atomic_compare_exchange_weak_explicit(&gate->word, &word, switched, memory_order_acq_rel,
                                                  memory_order_acquire))
            return true;
    return false;
}

/* ---- fork ---- */

void gates_start_over(void)
{
    pthread_mutex_init(&lock, NULL);
    atomic_fetch_add(&era, 1);
    entered = NULL;
}

void gate_start_over(struct gate *gate)
{
    uint64_t word;

    gate_forget_dead(gate, 0);
    word = atomic_load(&gate->word) & ~COUNTS;
    atomic_store(&gate->word, word | live_objects_count(&gate->objects));
}
