/* Bindings: finding the native twin, preparing the plan, pointing the record. */
#include "preload/binding.h"

#include "preload/loader/elf_object.h"
#include "spec/base/log.h"
#include "spec/call/call.h"
#include "spec/call/entry_words.h"

#include <ffi.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(struct binding, native) == 0, "entry_x86_64.S finds it there");

/* The count is asked before the search: what is loaded meanwhile has it done again. */
static void *seek_native(struct binding *binding)
{
    uint64_t loaded = elf_load_count() + 1;
    void *native;

    if (atomic_load_explicit(&binding->none_at, memory_order_relaxed) == loaded)
        return NULL;
    native = elf_find_native(binding->row->name);
    if (native)
        atomic_store_explicit(&binding->native, native, memory_order_release);
    else
        atomic_store_explicit(&binding->none_at, loaded, memory_order_relaxed);
    return native;
}

void *binding_native(struct binding *binding)
{
    void *native = atomic_load_explicit(&binding->native, memory_order_acquire);

    return native ? native : seek_native(binding);
}

struct plan *binding_make_plan(struct binding *binding)
{
    struct plan *plan, *earlier = NULL;
    int error = plan_create(&plan, binding->row);

    if (error) {
        log_error("%s: cannot be prepared for calls: %s", binding->row->name, strerror(-error));
        return NULL;
    }
    entry_words_prepare(plan);
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

enum mode binding_mode(const struct binding *binding)
{
    return binding->gate ? gate_mode(binding->gate) : atomic_load_explicit(&binding->mode, memory_order_acquire);
}

/* ---- records ---- */

static void *unbound_entry; /* what binding_unbind() puts back; under gate_lock() */

/* Whether the native function may be called without our knowing. */
static bool may_go_direct(const struct binding *binding)
{
    const struct gate *gate = binding->gate;

    if (binding_mode(binding) != MODE_NATIVE || !atomic_load(&binding->native))
        return false;
    return !gate || (binding->gives == GIVES_NONE && !binding->closes && !gate_is_pending(gate) &&
                     !atomic_load(&gate->has_dead));
}

/* Whether the record can be unbound again: then it may lead past the hook. */
static bool remember(struct binding *binding, struct record *record)
{
    for (size_t i = 0; i < BINDING_RECORDS; i++)
        if (!binding->records[i] || binding->records[i] == record) {
            binding->records[i] = record;
            return true;
        }
    return false;
}

static void note_direct(struct binding *binding, bool is_direct)
{
    uint32_t *shown = atomic_load(&binding->is_direct_shown);

    binding->is_direct = is_direct;
    if (shown)
        __atomic_store_n(shown, is_direct, __ATOMIC_RELAXED);
}

void binding_unbind(struct binding *binding)
{
    for (size_t i = 0; i < BINDING_RECORDS && binding->records[i]; i++)
        atomic_store_explicit(&binding->records[i]->target, unbound_entry, memory_order_release);
    note_direct(binding, false);
}

/*
 * The closure's words are written before the target is: a thread that reads the new target with its jump sees them,
 * because x86 and the release store keep the order.  They never change: threads that do this at once write the same.
 */
static void point_at_hook(struct record *record, const ffi_go_closure *closure)
{
    __atomic_store_n(&record->cif, closure->cif, __ATOMIC_RELAXED);
    __atomic_store_n(&record->hook, (void *)closure->fun, __ATOMIC_RELAXED);
    atomic_store_explicit(&record->target, closure->tramp, memory_order_release);
}

/* `closure` NULL: only if it may lead past the hook; false: it may not. */
static bool point(struct binding *binding, struct record *record, const struct binding_ways *ways,
                  const ffi_go_closure *closure)
{
    sigset_t before;
    bool is_direct;

    gate_lock(&before);
    unbound_entry = ways->unbound;
    __atomic_store_n(&record->binding, binding, __ATOMIC_RELAXED);
    is_direct = remember(binding, record) && !ways->is_watched && may_go_direct(binding);
    if (is_direct)
        atomic_store_explicit(&record->target, ways->native, memory_order_release);
    else if (closure)
        point_at_hook(record, closure);
    if (is_direct || closure)
        note_direct(binding, is_direct);
    gate_unlock(&before);
    return is_direct;
}

/*
 * What may call malloc or ask the loader is done before the lock is taken.  Where libffi cannot make such calls, native
 * mode leads past the hook all the same, and its objects go uncounted.
 */
bool binding_bind(struct binding *binding, struct record *record, const struct binding_ways *ways)
{
    struct plan *plan;
    ffi_go_closure closure;
    bool is_native = binding_mode(binding) == MODE_NATIVE && binding_native(binding);

    if (point(binding, record, ways, NULL))
        return true;
    plan = binding_plan(binding);
    if (plan && ffi_prep_go_closure(&closure, &plan->entry, ways->hook) == FFI_OK)
        (void)!point(binding, record, ways, &closure);
    else if (is_native)
        atomic_store_explicit(&record->target, ways->native, memory_order_release);
    else
        return false;
    return true;
}
