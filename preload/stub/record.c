/* Which function a record stands for. */
#include "preload/stub/record.h"

#include "preload/control/control.h"
#include "preload/core.h"
#include "preload/hook.h"
#include "preload/loader/elf_object.h"
#include "preload/stub/entry.h"
#include "preload/stub/stub_list.h"
#include "spec/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A name without a row: a stub whose spec files are not active.  There is nothing to marshal it by. */
static void *bind_unknown(struct record *record, const char *name)
{
    void *native = elf_find_native(name);

    if (native) {
        atomic_store_explicit(&record->target, native, memory_order_release);
        return native;
    }
    log_error("%s: no active spec file has it, and there is no native function of that name", name);
    return (void *)stub_list_nothing;
}

/* Bound before, or the first call. */
static struct binding *find_binding(struct core *core, struct record *record)
{
    struct binding *binding = __atomic_load_n(&record->binding, __ATOMIC_RELAXED);

    return binding ? binding : core_find(core, stub_list_name(record));
}

static void *target_of(struct record *record)
{
    return atomic_load_explicit(&record->target, memory_order_acquire);
}

static void *bind(struct core *core, struct record *record)
{
    const struct binding_ways ways = {.hook = hook_call,
                                      .native = (void *)winapi_native_entry,
                                      .unbound = (void *)winapi_stub_slow,
                                      .is_watched = core_settings()->trace != NULL || core->has_async};
    struct binding *binding = find_binding(core, record);
    void *target;

    if (!binding)
        return bind_unknown(record, stub_list_name(record));
    if (!binding_bind(binding, record, &ways))
        return (void *)stub_list_nothing; /* libffi could not; a line has said so */
    target = target_of(record);
    if (target == ways.native) /* straight on: it would ask once more whether routes have changed */
        return atomic_load_explicit(&binding->native, memory_order_acquire);
    return target;
}

/* A call from inside of ourselves: this one, not the next ones, runs native. */
static void *native_of(struct record *record)
{
    struct binding *binding = __atomic_load_n(&record->binding, __ATOMIC_RELAXED);
    void *native = binding ? binding_native(binding) : elf_find_native(stub_list_name(record));

    return native ? native : (void *)stub_list_nothing;
}

void *record_bind(struct record *record)
{
    int kept_errno = errno;
    struct core *core = core_start();
    void *target;

    if (core) {
        control_follow(core);
        core_enter();
        target = bind(core, record);
        core_leave();
    } else {
        target = native_of(record);
    }
    errno = kept_errno;
    return target;
}
