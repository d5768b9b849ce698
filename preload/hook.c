/*
 * The hook: decides what a call that arrived here becomes.
 *
 * Cancellation waits until a call is over, without being disabled: nothing on a call's way is a cancellation point
 * (lanes make their system calls themselves), and asynchronous cancellation is made to wait for one.  So a call that is
 * left by longjmp leaves a thread behind that can be cancelled.
 */
#include "preload/hook.h"

#include "preload/compare.h"
#include "preload/core.h"
#include "preload/forward.h"
#include "preload/lost.h"
#include "preload/trace.h"
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

/* How the call was answered, for the trace. */
static const char *call_remote(struct core *core, struct binding *binding, void *result, void **arguments)
{
    struct forward forward = {0};
    int kept_errno = errno;

    if (forward_call(&forward, core, binding, arguments, result) == 0)
        return "remote";
    errno = kept_errno; /* what the native function finds if it runs instead */
    lost_answer(binding, &forward.loss, result, arguments);
    return "lost";
}

static const char *call_by_mode(struct core *core, struct binding *binding, void *result, void **arguments)
{
    switch (binding->mode) {
    case MODE_NATIVE:
        call_native(binding, result, arguments);
        return "native";
    case MODE_COMPARE:
        return compare_call(core, binding, result, arguments);
    case MODE_REMOTE:
        break;
    }
    return call_remote(core, binding, result, arguments);
}

static void call_traced(struct core *core, struct binding *binding, void *result, void **arguments)
{
    uint64_t began_ns = clock_now_ns();
    const char *how = call_by_mode(core, binding, result, arguments);
    uint64_t took_ns = clock_now_ns() - began_ns;
    int kept_errno = errno;

    core_enter();
    trace_call(core, binding_plan(binding), &(struct traced){arguments, result, how, took_ns, kept_errno});
    core_leave();
    errno = kept_errno;
}

void hook_call(ffi_cif *cif, void *result, void **arguments, void *closure)
{
    struct binding *binding = __atomic_load_n(&((struct record *)closure)->binding, __ATOMIC_RELAXED);
    struct core *core = core_start();
    bool may_leave = core && binding->mode == MODE_NATIVE; /* like the native function, at its cancellation points */
    int cancel_type;

    (void)cif;
    if (!core) { /* libc's call on our behalf */
        call_native(binding, result, arguments);
        return;
    }
    if (!may_leave)
        pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &cancel_type);
    if (core->settings.trace)
        call_traced(core, binding, result, arguments);
    else
        call_by_mode(core, binding, result, arguments);
    if (!may_leave)
        pthread_setcanceltype(cancel_type, NULL);
}
