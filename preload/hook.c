/* The hook: decides what a call that arrived here becomes.  Cancellation waits until the call is over. */
#include "preload/hook.h"

#include "preload/compare.h"
#include "preload/core.h"
#include "preload/forward.h"
#include "preload/lost.h"
#include "preload/trace.h"

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
    uint64_t began_ns = core_now_ns();
    const char *how = call_by_mode(core, binding, result, arguments);
    uint64_t took_ns = core_now_ns() - began_ns;
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
    int cancelling;

    (void)cif;
    if (!core || core_needs_native(binding)) { /* one of our own libc calls */
        call_native(binding, result, arguments);
        return;
    }
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    if (core->settings.trace)
        call_traced(core, binding, result, arguments);
    else
        call_by_mode(core, binding, result, arguments);
    pthread_setcancelstate(cancelling, NULL);
}
