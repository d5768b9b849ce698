/* The estimates behind the rule of spin.h. */
#include "spec/wire/spin.h"

enum { WAKE_AT_FIRST_NS = 50000, SLACK_NS = 2000, JUMP_MOST = 4, JUMP_LEAST_NS = 8000 };

void spin_init(struct spin *spin)
{
    *spin = (struct spin){.wake_ns = WAKE_AT_FIRST_NS};
}

static uint32_t *usual_of(struct spin *spin, uint32_t function)
{
    return &spin->usual_ns[function % SPIN_FUNCTIONS];
}

static uint32_t most_ns(const struct spin *spin)
{
    return SPIN_MOST_NS + 2 * spin->wake_ns;
}

static uint32_t usual_budget_ns(struct spin *spin, uint32_t usual_ns, bool woke)
{
    uint32_t budget_ns = 2 * usual_ns;

    if (spin->skip != 0) {
        spin->skip--;
        return 0;
    }
    if (budget_ns < spin->wake_ns)
        budget_ns = spin->wake_ns;
    return budget_ns + SLACK_NS + (woke ? 2 * spin->wake_ns : 0);
}

struct spin_budget spin_budget(struct spin *spin, uint32_t function, bool woke, uint64_t now_ns)
{
    uint32_t usual_ns = *usual_of(spin, function), since_ns = SPIN_INSIST_NS;

    if (usual_ns > most_ns(spin))
        return (struct spin_budget){0};
    if (spin->back_off == SPIN_BACK_OFF_MOST)
        since_ns = (uint32_t)(now_ns % SPIN_INSIST_EVERY_NS);
    if (since_ns < SPIN_INSIST_NS)
        return (struct spin_budget){.ns = SPIN_INSIST_NS - since_ns, .gap_ns = SPIN_INSIST_GAP_NS};
    return (struct spin_budget){.ns = usual_budget_ns(spin, usual_ns, woke), .gap_ns = SPIN_GAP_NS};
}

/* A quarter of the way there.  One long wait among short ones is somebody's interruption, and moves it little. */
static uint32_t approach(uint32_t usual_ns, uint64_t sample_ns)
{
    uint64_t most_ns = (uint64_t)JUMP_MOST * usual_ns + JUMP_LEAST_NS;

    if (sample_ns > most_ns)
        sample_ns = most_ns;
    if (sample_ns > UINT32_MAX)
        sample_ns = UINT32_MAX;
    return (uint32_t)((3 * (uint64_t)usual_ns + sample_ns) / 4);
}

static uint64_t without(uint64_t ns, uint64_t part_ns)
{
    return ns > part_ns ? ns - part_ns : 0;
}

/* What the other end needed for the call itself. */
static uint64_t sample_of(const struct spin *spin, const struct spin_outcome *outcome)
{
    if (outcome->held_ns != 0)
        return outcome->held_ns;
    return without(outcome->took_ns, outcome->won ? 0 : spin->wake_ns); /* our own awakening */
}

static void learn_wake(struct spin *spin, const struct spin_outcome *outcome)
{
    uint64_t wake_ns = without(outcome->took_ns, outcome->held_ns);

    if (!outcome->woke || outcome->held_ns == 0)
        return;
    if (!outcome->won) /* who spun for too short a time slept as well, and was woken */
        wake_ns /= 2;
    if (wake_ns > SPIN_WAKE_MOST_NS)
        wake_ns = SPIN_WAKE_MOST_NS;
    spin->wake_ns = approach(spin->wake_ns, wake_ns);
}

void spin_learn(struct spin *spin, const struct spin_outcome *outcome)
{
    uint32_t *usual_ns = usual_of(spin, outcome->function);

    learn_wake(spin, outcome);
    *usual_ns = approach(*usual_ns, sample_of(spin, outcome));
    if (outcome->won) {
        spin->back_off = 0;
    } else if (outcome->spun && *usual_ns <= most_ns(spin)) {
        if (spin->back_off < SPIN_BACK_OFF_MOST)
            spin->back_off++;
        spin->skip = (uint8_t)((1u << spin->back_off) - 1);
    }
}
