/*
 * How long a waiter spins before it sleeps.
 *
 * To sleep and to be woken costs tens of microseconds where the processor has gone idle, and so does waking the other
 * end, so a wait that is not much longer than that is better spent looking; a longer one is not, nor one for somebody
 * who needs this very processor.  Each lane keeps, per function, how long the other end usually has the ball, and how
 * long it takes to wake it.  Where the former is over SPIN_MOST_NS and two awakenings, the waiter sleeps at once.
 * Otherwise it spins for twice that time, but at least for one awakening, and for two more where the other end had to
 * be woken for this.  Where one of both sleeps, the one that plays the ball tells how long it had it, without anybody's
 * awakening: so two ends that both sleep still learn that they need not, one of them spins again, and the other one
 * soon after.  A spin that ends in vain although it should have won, or in which this thread was off its processor,
 * says that the machine is busy: then the next wait sleeps at once, after another one the next three, and so on up to
 * 255; a spin that wins ends that.  A hypervisor may run two processors on one of its own for a while: then the other
 * end runs only after a spin, never during it, until the hypervisor moves one of them, which it does when it has seen
 * both busy for some milliseconds.  Two ends that wake each other are never that.  So ends whose spins are as rare as
 * they get insist now and then, at the same time, which the clock tells: in the first 16 ms of every 256 each spins
 * until these are over, and is stopped only by somebody who takes its processor for more than a millisecond.  Whether
 * the other end last ran on this very processor, the lane asks before all this: then nobody spins and nothing is
 * learned.  One thread at a time.
 */
#ifndef WINAPI_SPEC_WIRE_SPIN_H
#define WINAPI_SPEC_WIRE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SPIN_MOST_NS = 50000, /* nobody spins for what usually takes longer */
    SPIN_GAP_NS = 20000,  /* between two looks at the clock: somebody else was on this processor */
    SPIN_WAKE_MOST_NS = 100000,
    SPIN_INSIST_NS = 16000000, /* of each SPIN_INSIST_EVERY_NS of CLOCK_MONOTONIC */
    SPIN_INSIST_EVERY_NS = 256000000,
    SPIN_INSIST_GAP_NS = 1000000, /* takes the place of SPIN_GAP_NS in that time */
    SPIN_FUNCTIONS = 64,          /* functions that are kept apart; others share */
    SPIN_BACK_OFF_MOST = 8,
};

struct spin {
    uint32_t usual_ns[SPIN_FUNCTIONS]; /* how long the other end has the ball */
    uint32_t wake_ns;                  /* how long it takes to wake it */
    uint8_t back_off;                  /* surprises in a row */
    uint8_t skip;                      /* waits that sleep at once, from now */
};

/* What came of a wait. */
struct spin_outcome {
    uint32_t function;
    uint64_t took_ns; /* all of it, to a microsecond or so */
    uint64_t held_ns; /* how long the other end says it had the ball; 0: it was awake, and says nothing */
    bool woke;        /* it had to be woken */
    bool spun, won;   /* this wait spun; and that was enough */
};

/* A waiter starts hopeful. */
void spin_init(struct spin *spin);

/* What a wait may spin. */
struct spin_budget {
    uint32_t ns;     /* 0: not at all */
    uint32_t gap_ns; /* between two looks at the clock; more ends it */
};

/* `function`: whose answer is awaited, or after which one.  `now_ns`: by CLOCK_MONOTONIC. */
struct spin_budget spin_budget(struct spin *spin, uint32_t function, bool woke, uint64_t now_ns);

void spin_learn(struct spin *spin, const struct spin_outcome *outcome);

#endif
