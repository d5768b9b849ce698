/*
 * What this process knows of one function: its row, its record, where its native twin is, and how it runs.
 *
 * One for each row of the active tables, made at start and never freed.  Routes give `mode` before the first call;
 * `winapi route PID` changes it later: control.h.
 */
#ifndef WINAPI_PRELOAD_BINDING_H
#define WINAPI_PRELOAD_BINDING_H

#include "preload/gate.h"
#include "preload/lane/given_handles.h"
#include "preload/settings.h"
#include "preload/stub/record.h"
#include "spec/call/plan.h"

#include <stdatomic.h>
#include <stdbool.h>

enum { BINDING_RECORDS = 4 };

struct binding {
    _Atomic(void *) native; /* NULL: not looked for, or none.  First, for entry_x86_64.S */
    const struct row *row;
    size_t index;                            /* among all rows of the catalog */
    _Atomic(struct plan *) plan;             /* NULL until the first call through the hook */
    _Atomic enum mode mode;                  /* of a family: what it was at the start; its gate says what it is */
    struct gate *gate;                       /* of its family, or NULL */
    enum given_handles gives;                /* in a family */
    bool closes;                             /* likewise */
    _Atomic(uint32_t *) is_direct_shown;     /* control memory's word for: calls pass us by; NULL: none */
    struct record *records[BINDING_RECORDS]; /* that lead somewhere, under gate_lock(); further ones lead to the hook */
    _Atomic uint64_t none_at;                /* objects that were loaded, plus 1, when there was no native; 0: never */
    bool is_direct;                          /* calls go to the native function past the hook; likewise */
    struct compare_entry *compare;           /* compare mode: its counts */
    _Atomic uint32_t silenced;               /* lost calls since the last line about them */
    _Atomic uint64_t silent_until_ns;        /* no line about lost calls before */
};

/* Where its calls run now. */
enum mode binding_mode(const struct binding *binding);

/* The function's native twin; NULL: there is none, which is asked again when more has been loaded. */
void *binding_native(struct binding *binding);

struct plan *binding_make_plan(struct binding *binding);

/* The plan, made at the first need.  NULL: libffi cannot make such a call, or no memory; a line has said so. */
static inline struct plan *binding_plan(struct binding *binding)
{
    struct plan *plan = atomic_load_explicit(&binding->plan, memory_order_acquire);

    return plan ? plan : binding_make_plan(binding);
}

/* Calls the native function through libffi: for native mode under trace, compare, and our own libc calls. */
void binding_call_native(struct binding *binding, void *native, void *result, void **arguments);

/* What libffi calls for a record that leads to it. */
typedef void binding_hook(ffi_cif *cif, void *result, void **arguments, void *record);

/* Where a record may lead, and whether native calls pass the hook too. */
struct binding_ways {
    binding_hook *hook;
    void *native; /* an entry that sees to changed routes, then jumps to binding->native */
    void *unbound;
    bool is_watched; /* native calls are traced, or wait for calls that were posted */
};

/*
 * Points the record at where calls go in the binding's mode.  The hook is right in any mode; the native function is led
 * to directly only while that is sure to be right: not for calls that make or close objects of a family, which count.
 * False: libffi cannot make such calls, and there is no native function to lead to; a line has said so.
 */
bool binding_bind(struct binding *binding, struct record *record, const struct binding_ways *ways);

/* Its records are bound anew by the next calls.  Under gate_lock(). */
void binding_unbind(struct binding *binding);

#endif
