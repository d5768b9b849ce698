/* The budget that adapts: spin.h tells the rule. */
#include "spec/wire/spin.h"

void spin_init(struct spin *spin)
{
    *spin = (struct spin){.budget_ns = SPIN_MOST_NS};
}

uint32_t spin_budget_ns(struct spin *spin)
{
    if (spin->budget_ns != 0)
        return spin->budget_ns;
    if (++spin->waits < SPIN_PROBE_EVERY)
        return 0;

    spin->waits = 0;
    return SPIN_MOST_NS;
}

void spin_won(struct spin *spin, uint64_t spun_ns)
{
    uint64_t budget_ns = 2 * (uint64_t)spin->budget_ns;

    if (budget_ns < SPIN_LEAST_NS + 2 * spun_ns)
        budget_ns = SPIN_LEAST_NS + 2 * spun_ns;
    spin->budget_ns = budget_ns < SPIN_MOST_NS ? (uint32_t)budget_ns : SPIN_MOST_NS;
}

void spin_lost(struct spin *spin)
{
    spin->budget_ns /= 2;
    if (spin->budget_ns < SPIN_LEAST_NS)
        spin->budget_ns = 0;
}
