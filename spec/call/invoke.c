/* The jump through libffi.  The only file that calls ffi_call. */
#include "spec/call/call.h"

#include <errno.h>

void call_invoke(struct call *call, void (*function)(void), void *result, int32_t *error_number)
{
    struct plan *plan = (struct plan *)call->plan;
    /* libffi may change the array, though not what it points to. */
    void **arguments = (void **)call->arguments;

    errno = *error_number;
    ffi_call(&plan->cif, function, result, arguments);
    *error_number = errno;
}
