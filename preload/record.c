/* Which function a record stands for. */
#include "preload/record.h"

#include "preload/core.h"
#include "preload/elf_object.h"
#include "preload/hook.h"
#include "preload/stub_list.h"
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

void *record_bind(struct record *record)
{
    int kept_errno = errno;
    struct core *core = core_start();
    const char *name = stub_list_name(record);
    struct binding *binding;
    void *target;

    if (!core) { /* we are inside of ourselves: this call, not the next ones, runs native */
        target = elf_find_native(name);
        errno = kept_errno;
        return target ? target : (void *)stub_list_nothing;
    }
    core_enter();
    binding = core_find(core, name);
    if (binding)
        binding_bind(binding, record, hook_call, core_settings()->trace != NULL);
    target = binding ? atomic_load_explicit(&record->target, memory_order_acquire) : bind_unknown(record, name);
    if (binding && !__atomic_load_n(&record->hook, __ATOMIC_RELAXED) && binding->mode != MODE_NATIVE)
        target = (void *)stub_list_nothing; /* libffi could not; a line has said so */
    core_leave();
    errno = kept_errno;
    return target;
}
