/* WINAPI_TRACE: a line for each call, the way strace writes it, decoded by its row. */
#ifndef WINAPI_PRELOAD_CONTROL_TRACE_H
#define WINAPI_PRELOAD_CONTROL_TRACE_H

#include "preload/core.h"
#include "spec/call/plan.h"

#include <stdint.h>

struct traced {
    void *const *arguments; /* after the call */
    const void *result;     /* as libffi has it */
    const char *how;        /* "remote", "native", "same", "differs", "lost" */
    uint64_t took_ns;
    int error_number;
};

/* Writes the line, in one write(2). */
void trace_call(const struct core *core, const struct plan *plan, const struct traced *traced);

#endif
