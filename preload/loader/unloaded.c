/* The records know their bindings, so a walk over them finds both.  Each is reset only from what was seen in it. */
#include "preload/loader/unloaded.h"

#include "preload/binding.h"
#include "preload/core.h"
#include "preload/gate.h"
#include "preload/loader/elf_object.h"
#include "preload/stub/entry.h"
#include "preload/stub/stub_list.h"

static _Atomic uint64_t seen;

static bool is_gone(void *address)
{
    return address && address != (void *)winapi_stub_slow && !elf_address_is_loaded(address);
}

static void forget_native(struct binding *binding)
{
    void *native = atomic_load_explicit(&binding->native, memory_order_relaxed);
    sigset_t before;

    if (!is_gone(native))
        return;
    gate_lock(&before);
    binding_unbind(binding); /* first, because records lead through it */
    atomic_compare_exchange_strong(&binding->native, &native, NULL);
    gate_unlock(&before);
}

static void forget_one(struct record *record)
{
    struct binding *binding = __atomic_load_n(&record->binding, __ATOMIC_RELAXED);
    void *target = atomic_load_explicit(&record->target, memory_order_relaxed);

    if (binding)
        forget_native(binding);
    if (is_gone(target))
        atomic_compare_exchange_strong(&record->target, &target, (void *)winapi_stub_slow);
}

void unloaded_forget(void)
{
    uint64_t count = elf_unload_count();

    if (atomic_exchange(&seen, count) == count)
        return;
    core_enter();
    stub_list_records(forget_one);
    core_leave();
}
