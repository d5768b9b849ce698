/*
 * Gates: where the calls of a family (functions that share handles) run, switched only when nothing of it is left on
 * the other side.
 *
 * One word of 64 bits holds the mode, whether another is wished for, the calls on their way, and the live objects.  A
 * call enters by one addition, which also tells it the mode, and leaves by one subtraction; a switch is a
 * compare-and-swap that succeeds only while both counts are 0.  So no call of a family ever meets a handle of the other
 * side, and none is lost or made twice.
 */
#ifndef WINAPI_PRELOAD_GATE_H
#define WINAPI_PRELOAD_GATE_H

#include "preload/call_mark.h"
#include "preload/settings.h"
#include "spec/base/live_objects.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate {
    _Alignas(64) _Atomic uint64_t word; /* gate.c says what is where */
    _Alignas(64) enum mode wish;        /* under gate_lock() */
    _Atomic bool has_dead;              /* the program may hold handles of a session that has ended */
    _Atomic(uint32_t *) shown;          /* where control memory shows how many objects are live; NULL: nowhere */
    struct live_objects objects;
};

/* A call inside. */
struct passage {
    struct gate *gate;
    struct gate *gate_before; /* gate.c: entered_gate */
    unsigned era;             /* of forks: what a child returns from did not enter its gates */
    bool is_outermost;        /* on its thread */
    struct call_mark mark;
};

void gate_init(struct gate *gate, enum mode mode);

/*
 * Guards wishes and where records lead.  Signals wait while it is held.  No malloc, and nothing that asks
 * the dynamic loader, meanwhile: the program may be in either and wait for us.
 */
void gate_lock(sigset_t *before);
void gate_unlock(const sigset_t *before);

/* ---- calls: any thread ---- */

/* The mode in which this call runs. */
enum mode gate_enter(struct gate *gate, struct passage *passage);

/* true: the gate is empty now and a switch is wished for: gate_settle(). */
MUST_CHECK bool gate_leave(struct passage *passage);

/* The thread ends, perhaps inside a call. */
void gate_thread_ended(void);

enum mode gate_mode(const struct gate *gate);
bool gate_is_pending(const struct gate *gate);

/*
 * An object that a call inside has given the program, or is about to close.  No lock and no system call; where a
 * signal handler leaves either by longjmp, or forks in its midst, the object may count for ever.
 */
void gate_object_given(struct gate *gate, const char *class, uint64_t handle);
void gate_object_closing(struct gate *gate, const char *class, uint64_t handle);

/* How many live objects count. */
uint32_t gate_objects(const struct gate *gate);

/* Whether the handle is one of a host's, by its tag: the native library must not see it. */
bool gate_is_hosts_handle(uint64_t handle);

/* ---- switching: under gate_lock() ---- */

/* From now on the number of live objects is shown there; NULL: nowhere. */
void gate_show_objects(struct gate *gate, uint32_t *shown);

/* Asks for a mode; the one it has takes an earlier wish back. */
void gate_wish(struct gate *gate, enum mode mode);

/* Objects of sessions that have ended count no longer.  `salt_plus_one` of the one there is; 0: there is none. */
void gate_forget_dead(struct gate *gate, uint32_t salt_plus_one);

/* Switches if nothing is in the way; true: it did, just now. */
MUST_CHECK bool gate_try_switch(struct gate *gate);

/* ---- fork: in the child ---- */

/* The lock, and this thread's share in it. */
void gates_start_over(void);

/* Only this process's own calls and objects count from now on. */
void gate_start_over(struct gate *gate);

#endif
