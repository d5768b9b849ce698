/* One compared call: encode copies, let the host work, run the native function, hold the two side by side. */
#include "preload/compare/compare.h"

#include "preload/compare/compare_pairs.h"
#include "preload/compare/compare_report.h"
#include "preload/lane/forward.h"
#include "preload/lost.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void count_not_compared(struct compare_entry *entry, const char *why)
{
    bool none = false;

    if (!entry)
        return;
    atomic_fetch_add(&entry->not_compared, 1);
    if (atomic_compare_exchange_strong(&entry->has_reason, &none, true))
        snprintf(entry->reason, sizeof(entry->reason), "%s", why);
}

static const char *run_native_alone(struct compare_entry *entry, struct binding *binding, const char *why, void *result,
                                    void **arguments)
{
    count_not_compared(entry, why);
    binding_call_native(binding, binding_native(binding), result, arguments);
    return "not compared";
}

static const char *run_remote_alone(struct compare_entry *entry, struct core *core, struct binding *binding,
                                    void *result, void **arguments)
{
    struct forward forward = {0};

    count_not_compared(entry, "there is no native function of that name");
    if (forward_call(&forward, core, binding, arguments, result, false))
        lost_answer(binding, &forward.loss, result, arguments);
    return "not compared";
}

static void count_difference(struct compare_entry *entry, const struct difference *difference)
{
    bool none = false;

    atomic_fetch_add(&entry->differences, 1);
    if (atomic_compare_exchange_strong(&entry->has_first, &none, true))
        entry->first = *difference;
}

/* Pairs of handles that the call has closed belong together no more. */
static void forget_closed(const struct plan *plan, void **arguments)
{
    for (size_t i = 0; plan->has_closes && i < plan->row->parameter_count; i++)
        if (plan->row->parameters[i].passing.closes)
            compare_pairs_forget(plan->row->parameters[i].type->handle, *(void *const *)arguments[i]);
}

/* Between the host's answer and the use of it: the native call, whose result the program gets. */
static void run_native(struct compare_entry *entry, struct binding *binding, void *result, void **arguments)
{
    uint64_t began_ns = clock_now_ns();

    binding_call_native(binding, binding_native(binding), result, arguments);
    atomic_fetch_add(&entry->native_ns, clock_now_ns() - began_ns);
}

static const char *hold_side_by_side(struct forward *forward, struct compare_entry *entry, struct binding *binding,
                                     void *result, const int error_numbers[2])
{
    struct difference difference = {0};
    struct call *call = &forward->lane->call;
    int error;

    call->compares = true;
    call->difference = &difference;
    error = call_decode_reply(call, result);
    if (!lane_payload_was_sound(call->lane))
        error = -ESTALE;
    call->compares = false;
    thread_lane_give(forward->lane, error == -ENOMEM ? 0 : error);
    if (error) {
        count_not_compared(entry, "the host's answer makes no sense");
        return "not compared";
    }
    atomic_fetch_add(&entry->calls, 1);
    if (!binding->row->keeps_errno)
        difference_errno(&difference, error_numbers[0], error_numbers[1]);
    if (!difference.found)
        return "same";
    count_difference(entry, &difference);
    return "differs";
}

static const char *run_both(struct compare_entry *entry, struct core *core, struct binding *binding, void *result,
                            void **arguments)
{
    static const struct forward_options options = {.copies_all = true, .handles = &compare_pairs};
    struct forward forward = {0};
    int32_t error_numbers[2] = {errno, errno}; /* native, remote */
    uint64_t began_ns = clock_now_ns();
    const char *how;
    int error;

    error = forward_encode(&forward, core, binding, arguments, &options);
    if (!error)
        error = forward_exchange(&forward, core, binding, &error_numbers[1]);
    errno = error_numbers[0];
    if (error)
        return run_native_alone(entry, binding, forward.loss.detail ? forward.loss.detail : strerror(-error), result,
                                arguments);
    atomic_fetch_add(&entry->remote_ns, clock_now_ns() - began_ns);
    run_native(entry, binding, result, arguments);
    error_numbers[0] = errno;
    how = hold_side_by_side(&forward, entry, binding, result, error_numbers);
    forget_closed(binding_plan(binding), arguments);
    errno = error_numbers[0];
    return how;
}

const char *compare_call(struct core *core, struct binding *binding, void *result, void **arguments)
{
    struct compare_entry *entries;
    struct compare_entry *entry;
    int kept_errno = errno;

    entries = compare_report_entries(core);
    errno = kept_errno;
    entry = entries ? &entries[binding->index] : NULL;
    if (!binding_native(binding))
        return run_remote_alone(entry, core, binding, result, arguments);
    if (!binding->row->compare_safe)
        return run_native_alone(entry, binding, "its row does not say \"compare\": \"safe\"", result, arguments);
    if (!entry)
        return run_native_alone(entry, binding, "", result, arguments);
    return run_both(entry, core, binding, result, arguments);
}

void compare_finish(void)
{
    core_enter();
    compare_report_write();
    core_leave();
}
