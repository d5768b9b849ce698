/*
 * How long a waiter spins before it sleeps.
 *
 * One number that learns.  A wait that ends while spinning doubles it, and lifts it to twice what that wait has taken,
 * up to SPIN_MOST_NS.  One that does not halves it, below SPIN_LEAST_NS to nothing.  From nothing, one wait in
 * SPIN_PROBE_EVERY tries the most again, so that a peer that became quick is noticed and a slow one costs next to
 * nothing.  One thread at a time.
 */
#ifndef WINAPI_SPEC_WIRE_SPIN_H
#define WINAPI_SPEC_WIRE_SPIN_H

#include <stdint.h>

enum { SPIN_MOST_NS = 50000, SPIN_LEAST_NS = 1000, SPIN_PROBE_EVERY = 256 };

struct spin {
    uint32_t budget_ns; /* what the next wait may spin; 0: it sleeps at once */
    uint32_t waits;     /* since the last probe */
};

/* A waiter starts hopeful. */
void spin_init(struct spin *spin);

/* What this wait may spin, in nanoseconds; 0: not at all, and nothing is to be reported. */
uint32_t spin_budget_ns(struct spin *spin);

/* What came of a wait that spun; `spun_ns` is how long, to a microsecond or so. */
void spin_won(struct spin *spin, uint64_t spun_ns);
void spin_lost(struct spin *spin);

/* Tells the processor that this is a spinning loop. */
static inline void spin_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
