/*
 * What `winapi route PID` and `winapi stat PID` do to this process: docs/architecture.md, "Toggling a running process".
 *
 * The command writes wishes into control memory (control_layout.h) and raises its epoch.  Every call compares that
 * epoch with the one last seen, the hook here and native calls in entry_x86_64.S, and the first to find another sees to
 * the wishes.  The word last seen lies in a page that the kernel wipes in a forked child, so the same comparison finds
 * a child's first call, which makes control memory of its own.
 */
#ifndef WINAPI_PRELOAD_CONTROL_CONTROL_H
#define WINAPI_PRELOAD_CONTROL_CONTROL_H

#include "preload/control/call_counts.h"
#include "preload/core.h"

#include <stdbool.h>
#include <stdint.h>

/* Gates for the families; control memory comes with the first call.  Once, when there are bindings. */
void control_start(struct core *core);

/* Sees to changed wishes and to having been forked; nearly always finds neither. */
static inline void control_follow(struct core *core);

/* A gate says that it can switch now. */
void control_settle(struct core *core, struct gate *gate);

/* Where this thread counts calls of the function; NULL: nowhere.  Any thread. */
struct control_counts *control_counts_of(const struct binding *binding, bool *is_own);

/* ---- for the above, and for the assembly ---- */

extern uint32_t *winapi_control_epoch; /* control memory's; before there is any, a word of our own */
extern uint32_t winapi_control_seen[]; /* the first: the epoch last seen to; 0 in a child of a process that has seen */

void control_follow_now(struct core *core);

static inline void control_follow(struct core *core)
{
    const uint32_t *epoch = __atomic_load_n(&winapi_control_epoch, __ATOMIC_ACQUIRE); /* begin() releases it */

    if (__builtin_expect(
            __atomic_load_n(epoch, __ATOMIC_RELAXED) != __atomic_load_n(&winapi_control_seen[0], __ATOMIC_RELAXED), 0))
        control_follow_now(core);
}

#endif
