/*
 * The hook: decides what a call that arrived here becomes.
 *
 * Cancellation waits until a call is over, without being disabled: nothing on a call's way is a cancellation point
 * (lanes make their system calls themselves), and asynchronous cancellation is made to wait for one.  So a call that is
 * left by longjmp leaves a thread behind that can be cancelled.
 */
#include "preload/hook.h"

#include "preload/compare/compare.h"
#include "preload/control/control.h"
#include "preload/control/trace.h"
#include "preload/core.h"
#include "preload/lane/forward.h"
#include "preload/lane/post.h"
#include "preload/lost.h"
#include "spec/call/entry_words.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <pthread.h>

static void call_native(struct binding *binding, void *result, void **arguments)
{
    static const struct loss none = {.error = -ENOSYS, .detail = "there is no native function of that name"};
    void *native = binding_native(binding);

    if (native)
        binding_call_native(binding, native, result, arguments);
    else
        lost_answer(binding, &none, result, arguments);
}

/* This and what follows give how the call was answered, for the trace. */
static const char *call_remote(struct core *core, struct binding *binding, void *result, void **arguments,
                               struct call_cost *cost)
{
    struct forward forward = {0};
    int kept_errno = errno;
    int error;

    if (binding->row->is_async)
        post_begin(core);
    else
        forward.behind = post_settle_others(core);
    error = forward_call(&forward, core, binding, arguments, result, binding->row->is_async);

    cost->sent = forward.sent;
    cost->received = forward.received;
    cost->sleeps = forward.sleeps;
    cost->wakes = forward.wakes;
    if (error == 0)
        return forward.is_posted ? "posted" : "remote";
    cost->is_error = true;
    errno = kept_errno; /* what the native function finds if it runs instead */
    lost_answer(binding, &forward.loss, result, arguments);
    return "lost";
}

static inline __attribute__((always_inline)) const char *call_in(enum mode mode, struct core *core,
                                                                 struct binding *binding, void *result,
                                                                 void **arguments, struct call_cost *cost)
{
    switch (mode) {
    case MODE_NATIVE:
        post_settle_all(core);
        call_native(binding, result, arguments);
        return "native";
    case MODE_COMPARE:
        post_settle_all(core);
        return compare_call(core, binding, result, arguments);
    case MODE_REMOTE:
        break;
    }
    return call_remote(core, binding, result, arguments, cost);
}

/* ---- families ---- */

static void note_given(void *gate, const char *class, uint64_t handle)
{
    gate_object_given(gate, class, handle);
}

/* Before the call: once an object has been freed, another thread may be given a new one at the same address. */
static void note_closing(const struct binding *binding, void **arguments)
{
    for (size_t i = 0; binding->closes && i < binding->row->parameter_count; i++) {
        const struct parameter *parameter = &binding->row->parameters[i];

        if (parameter->passing.closes && parameter->type->kind == TYPE_HANDLE)
            gate_object_closing(binding->gate, parameter->type->handle, (uintptr_t) * (void **)arguments[i]);
    }
}

/* Whether a handle among the arguments was given by a host: to the native library it would be an address. */
static bool has_hosts_handle(const struct row *row, void **arguments)
{
    for (size_t i = 0; i < row->parameter_count; i++)
        if (row->parameters[i].type->kind == TYPE_HANDLE && gate_is_hosts_handle((uintptr_t) * (void **)arguments[i]))
            return true;
    return false;
}

static const char *call_inside(enum mode mode, struct core *core, struct binding *binding, void *result,
                               void **arguments, struct call_cost *cost)
{
    static const struct loss dead = {.error = -EBADF,
                                     .detail = "invalid handle: of a host that has ended, or from before a fork"};

    if (mode == MODE_REMOTE || !atomic_load(&binding->gate->has_dead) || !has_hosts_handle(binding->row, arguments))
        return call_in(mode, core, binding, result, arguments, cost);
    cost->is_error = true;
    lost_answer(binding, &dead, result, arguments);
    return "lost";
}

/* What it closes is gone before, what it gives is there before the call has left. */
static const char *call_among_objects(enum mode mode, struct core *core, struct binding *binding, void *result,
                                      void **arguments, struct call_cost *cost)
{
    struct given_room room;
    const char *how;
    int kept_errno;

    note_closing(binding, arguments);
    if (binding->gives == GIVES_SEEN)
        given_handles_prepare(binding->row, arguments, &room);
    how = call_inside(mode, core, binding, result, arguments, cost);
    if (binding->gives != GIVES_SEEN || cost->is_error)
        return how;
    kept_errno = errno;
    given_handles_each(binding->row, arguments, result, &room, note_given, binding->gate);
    errno = kept_errno;
    return how;
}

static const char *call_in_family(struct core *core, struct binding *binding, void *result, void **arguments,
                                  struct call_cost *cost)
{
    struct passage passage;
    enum mode mode = gate_enter(binding->gate, &passage);
    const char *how;

    thread_lane_watch_end();
    if (binding->gives != GIVES_NONE || binding->closes)
        how = call_among_objects(mode, core, binding, result, arguments, cost);
    else
        how = call_inside(mode, core, binding, result, arguments, cost);
    if (gate_leave(&passage) || (cost->is_error && gate_is_pending(binding->gate)))
        control_settle(core, binding->gate); /* empty; or its objects may have ended with their host */
    return how;
}

static const char *call_by_mode(struct core *core, struct binding *binding, void *result, void **arguments,
                                struct call_cost *cost)
{
    if (binding->gate)
        return call_in_family(core, binding, result, arguments, cost);
    return call_in(atomic_load_explicit(&binding->mode, memory_order_relaxed), core, binding, result, arguments, cost);
}

/* ---- every call ---- */

/* `took_ns` NULL: nobody wants to know. */
static const char *call_counted(struct core *core, struct binding *binding, void *result, void **arguments,
                                uint64_t *took_ns)
{
    struct call_cost cost = {0};
    struct control_counts *counts = control_counts_of(binding, &cost.is_own);
    uint64_t began_ns = 0;
    bool is_timed;
    const char *how;

    if (counts)
        call_counts_begin(counts, &cost);
    is_timed = cost.weight || took_ns;
    if (is_timed)
        began_ns = clock_now_ns();
    how = call_by_mode(core, binding, result, arguments, &cost);
    if (is_timed)
        cost.took_ns = clock_now_ns() - began_ns;
    if (counts)
        call_counts_end(counts, &cost);
    if (took_ns)
        *took_ns = cost.took_ns;
    return how;
}

static void call_traced(struct core *core, struct binding *binding, void *result, void **arguments)
{
    uint64_t took_ns;
    const char *how = call_counted(core, binding, result, arguments, &took_ns);
    int kept_errno = errno;

    core_enter();
    trace_call(core, binding_plan(binding), &(struct traced){arguments, result, how, took_ns, kept_errno});
    core_leave();
    errno = kept_errno;
}

void hook_call(ffi_cif *cif, void *result, void **arguments, void *closure)
{
    struct binding *binding = __atomic_load_n(&((struct record *)closure)->binding, __ATOMIC_RELAXED);
    const struct plan *plan = atomic_load_explicit(&binding->plan, memory_order_acquire); /* there is one by now */
    struct core *core = core_start();
    void *places[ENTRY_WORDS_MOST];
    int cancel_type;
    bool may_leave;

    (void)cif;
    arguments = entry_words_each(&plan->entry, binding->row->parameter_count, arguments, places);
    if (!core) { /* libc's call on our behalf */
        call_native(binding, result, arguments);
        return;
    }
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &cancel_type);
    control_follow(core);
    may_leave =
        !binding->gate && binding_mode(binding) == MODE_NATIVE; /* at the native function's cancellation points */
    if (may_leave)
        pthread_setcanceltype(cancel_type, NULL);
    if (core->settings.trace)
        call_traced(core, binding, result, arguments);
    else
        call_counted(core, binding, result, arguments, NULL);
    if (!may_leave && cancel_type != PTHREAD_CANCEL_DEFERRED)
        pthread_setcanceltype(cancel_type, NULL);
}
