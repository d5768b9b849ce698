/*
 * Sessions.  A session has no state of its own, but a handle must be known for what it is: one that is NULL, made
 * up or cleaned up already has to be told from an open one.
 *
 * So a handle is not an address but a number that is given out once: which slot it lives in, and above that a count
 * that never repeats.  It is open while its slot holds it; looking costs one load and touches no foreign memory.
 */
#include "host/libwinapi/libwinapi_parts.h"

#include <errno.h>
#include <stdatomic.h>

/* 0 is an empty slot.  Slots guard no other memory, so the order of accesses to them does not matter. */
static _Atomic uintptr_t slots[WINAPI_HANDLES_MOST];
static _Atomic uintptr_t next_number = WINAPI_HANDLES_MOST;

winapi_handle_t winapi_init(void)
{
    for (size_t tries = 0; tries < WINAPI_HANDLES_MOST; tries++) {
        uintptr_t number = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
        uintptr_t empty = 0;

        if (atomic_compare_exchange_strong(&slots[number % WINAPI_HANDLES_MOST], &empty, number))
            return (winapi_handle_t)number;
    }

    errno = EMFILE;
    return NULL;
}

bool libwinapi_handle_is_open(winapi_handle_t handle)
{
    uintptr_t number = (uintptr_t)handle;

    return number != 0 && atomic_load(&slots[number % WINAPI_HANDLES_MOST]) == number;
}

void winapi_cleanup(winapi_handle_t handle)
{
    uintptr_t number = (uintptr_t)handle;

    if (number != 0)
        atomic_compare_exchange_strong(&slots[number % WINAPI_HANDLES_MOST], &number, 0);
}
