/*
 * What this process knows of one function: its row, its record, where its native twin is, and how it runs.
 *
 * One for each row of the active tables, made at start and never freed.  Routes give `mode` before the first call.
 */
#ifndef WINAPI_PRELOAD_BINDING_H
#define WINAPI_PRELOAD_BINDING_H

#include "preload/record.h"
#include "preload/settings.h"
#include "spec/call/plan.h"

#include <stdatomic.h>
#include <stdbool.h>

struct binding {
    const struct row *row;
    size_t index;                /* among all rows of the catalog */
    _Atomic(void *) native;      /* NULL: not looked for, or none */
    _Atomic(struct plan *) plan; /* NULL until the first call through the hook */
    enum mode mode;
    struct compare_entry *compare;    /* compare mode: its counts */
    _Atomic uint32_t silenced;        /* lost calls since the last line about them */
    _Atomic uint64_t silent_until_ns; /* no line about lost calls before */
};

/* The function's native twin, looked for again while there is none; NULL: there is none. */
void *binding_native(struct binding *binding);

/* The plan, made at the first need.  NULL: libffi cannot make such a call, or no memory; a line has said so. */
struct plan *binding_plan(struct binding *binding);

/* Calls the native function through libffi: for native mode under trace, compare, and our own libc calls. */
void binding_call_native(struct binding *binding, void *native, void *result, void **arguments);

/* What libffi calls for a record that leads to it. */
typedef void binding_hook(ffi_cif *cif, void *result, void **arguments, void *record);

/* Points the record at where calls go in the binding's mode; `is_watched`: native calls pass the hook too. */
void binding_bind(struct binding *binding, struct record *record, binding_hook *hook, bool is_watched);

#endif
