/* Bindings: finding the native twin, preparing the plan, pointing the record. */
#include "preload/binding.h"

#include "preload/elf_object.h"
#include "spec/base/log.h"
#include "spec/call/call.h"

#include <ffi.h>
#include <stdlib.h>
#include <string.h>

void *binding_native(struct binding *binding)
{
    void *native = atomic_load_explicit(&binding->native, memory_order_acquire);

    if (native)
        return native;
    native = elf_find_native(binding->row->name);
    if (native)
        atomic_store_explicit(&binding->native, native, memory_order_release);
    return native;
}

struct plan *binding_plan(struct binding *binding)
{
    struct plan *plan = atomic_load_explicit(&binding->plan, memory_order_acquire);
    struct plan *earlier = NULL;
    int error;

    if (plan)
        return plan;
    error = plan_create(&plan, binding->row);
    if (error) {
        log_error("%s: cannot be prepared for calls: %s", binding->row->name, strerror(-error));
        return NULL;
    }
    if (atomic_compare_exchange_strong(&binding->plan, &earlier, plan))
        return plan;
    plan_destroy(plan); /* another thread was faster */
    return earlier;
}

void binding_call_native(struct binding *binding, void *native, void *result, void **arguments)
{
    struct plan *plan = binding_plan(binding);

    if (plan)
        call_through(plan, (void (*)(void))native, result, arguments);
}

/*
 * The closure's words are written before the target is: a thread that reads the new target with its jump sees them,
 * because x86 and the release store keep the order.  Two threads may do this at once; they write the same.
 */
void binding_bind(struct binding *binding, struct record *record, binding_hook *hook, bool is_watched)
{
    struct plan *plan;
    ffi_go_closure closure;
    void *native = binding->mode == MODE_NATIVE && !is_watched ? binding_native(binding) : NULL;

    __atomic_store_n(&record->binding, binding, __ATOMIC_RELAXED);
    if (native) {
        atomic_store_explicit(&record->target, native, memory_order_release);
        return;
    }
    plan = binding_plan(binding);
    if (!plan || ffi_prep_go_closure(&closure, &plan->cif, hook) != FFI_OK)
        return;
    __atomic_store_n(&record->cif, closure.cif, __ATOMIC_RELAXED);
    __atomic_store_n(&record->hook, (void *)closure.fun, __ATOMIC_RELAXED);
    atomic_store_explicit(&record->target, closure.tramp, memory_order_release);
}
