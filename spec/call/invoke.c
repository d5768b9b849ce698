/* The jump through libffi.  The only file that calls through it. */
#include "spec/call/call.h"

#include <errno.h>
#include <string.h>

void call_through(const struct plan *plan, void (*function)(void), void *result, void *const *arguments)
{
    void *own[TABLE_PARAMETERS_MOST];
    void **passed = (void **)(uintptr_t)arguments;

    /* libffi (3.4 on x86-64) redirects the entries of structs to copies on its stack, which are gone afterwards. */
    if (!plan->quick.is_possible)
        passed = memcpy(own, arguments, plan->row->parameter_count * sizeof(*own));
#if PLAN_HAS_PLACEMENT
    if (plan->placement) {
        ffi_call_plan_invoke(plan->placement, function, result, passed);
        return;
    }
#endif
    ffi_call((ffi_cif *)&plan->cif, function, result, passed);
}

void call_invoke(struct call *call, void (*function)(void), void *result, int32_t *error_number)
{
    errno = *error_number;
    call_through(call->plan, function, result, call->arguments);
    *error_number = errno;
}
