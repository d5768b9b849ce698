/* How long a wait may spin: what it learns from the waits before. */
#include "spec/wire/spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { QUICK = 1, SLOW = 2, TIMES = 100, USUAL_NS = SPIN_INSIST_EVERY_NS - 1 };

/* At a time at which nobody insists. */
static uint32_t budget_of(struct spin *spin, uint32_t function, bool woke)
{
    return spin_budget(spin, function, woke, USUAL_NS).ns;
}

/* A wait of that length for somebody who is awake; gives what it spun. */
static uint32_t wait_for(struct spin *spin, uint32_t function, uint64_t length_ns)
{
    uint32_t budget_ns = budget_of(spin, function, false);
    bool won = length_ns < budget_ns;
    struct spin_outcome outcome = {.function = function,
                                   .took_ns = won ? length_ns : length_ns + spin->wake_ns,
                                   .spun = budget_ns != 0,
                                   .won = won};

    spin_learn(spin, &outcome);
    return won ? (uint32_t)length_ns : budget_ns;
}

static void short_waits_spin_and_win(void **state)
{
    struct spin spin;

    (void)state;
    spin_init(&spin);
    for (int i = 0; i < TIMES; i++)
        assert_int_equal(wait_for(&spin, QUICK, 400), 400);
}

static void long_waits_soon_sleep_at_once(void **state)
{
    struct spin spin;
    uint64_t spun_ns = 0;

    (void)state;
    spin_init(&spin);
    for (int i = 0; i < TIMES; i++)
        spun_ns += wait_for(&spin, SLOW, 2000000);
    assert_true(spun_ns < 20 * (uint64_t)SPIN_MOST_NS);
    assert_int_equal(budget_of(&spin, SLOW, false), 0);
}

static void functions_are_kept_apart(void **state)
{
    struct spin spin;

    (void)state;
    spin_init(&spin);
    for (int i = 0; i < TIMES; i++)
        (void)wait_for(&spin, SLOW, 2000000);
    while (spin.skip) /* what the first ones said of the machine */
        (void)wait_for(&spin, QUICK, 400);
    for (int i = 0; i < TIMES; i++) {
        assert_int_equal(wait_for(&spin, QUICK, 400), 400);
        assert_int_equal(wait_for(&spin, SLOW, 2000000), 0);
    }
}

static void one_long_wait_among_short_ones_changes_little(void **state)
{
    struct spin spin;

    (void)state;
    spin_init(&spin);
    for (int i = 0; i < TIMES; i++)
        (void)wait_for(&spin, QUICK, 400);
    (void)wait_for(&spin, QUICK, 30000000);
    (void)wait_for(&spin, QUICK, 400); /* sleeps: the machine may be busy */
    assert_int_equal(wait_for(&spin, QUICK, 400), 400);
}

/* Both ends sleep.  What the other one held the ball for is short, so it is worth while to spin through its awakening.
 */
static void two_sleepers_find_out_that_they_need_not(void **state)
{
    struct spin_outcome slept = {.function = QUICK, .took_ns = 120000, .held_ns = 500, .woke = true};
    struct spin spin;

    (void)state;
    spin_init(&spin);
    spin.usual_ns[QUICK] = 16 * SPIN_MOST_NS;
    for (int i = 0; i < 20; i++)
        spin_learn(&spin, &slept);
    assert_true(budget_of(&spin, QUICK, true) > 2 * spin.wake_ns);
    assert_true(budget_of(&spin, QUICK, false) >= spin.wake_ns);
}

static void how_long_waking_takes_is_learned(void **state)
{
    struct spin_outcome outcome = {
        .function = QUICK, .took_ns = 6000, .held_ns = 1000, .woke = true, .spun = true, .won = true};
    struct spin spin;

    (void)state;
    spin_init(&spin);
    for (int i = 0; i < TIMES; i++)
        spin_learn(&spin, &outcome);
    assert_in_range(spin.wake_ns, 4900, 5100);
}

/* An estimate that is too low makes every spin too short to win, and must not be for ever. */
static void that_waking_takes_longer_is_learned_from_lost_spins(void **state)
{
    struct spin_outcome lost = {.function = QUICK, .took_ns = 120000, .held_ns = 1000, .woke = true, .spun = true};
    struct spin spin;

    (void)state;
    spin_init(&spin);
    spin.wake_ns = 1000;
    for (int i = 0; i < TIMES; i++)
        spin_learn(&spin, &lost);
    assert_in_range(spin.wake_ns, 55000, 60000);
}

/* Spins that should have won and did not: fewer and fewer of them, and all of them again once one wins. */
static void on_a_busy_machine_spins_become_rare(void **state)
{
    struct spin_outcome lost = {.function = QUICK, .took_ns = 60000, .held_ns = 400, .spun = true};
    struct spin spin;
    int spins = 0;

    (void)state;
    spin_init(&spin);
    for (int i = 0; i < 10000; i++) {
        lost.spun = budget_of(&spin, QUICK, false) != 0;
        spins += lost.spun;
        spin_learn(&spin, &lost);
    }
    assert_in_range(spins, 10000 / 256, 10000 / 256 + 16);
    while (spin.skip)
        (void)budget_of(&spin, QUICK, false);
    spin_learn(&spin, &(struct spin_outcome){.function = QUICK, .took_ns = 400, .spun = true, .won = true});
    assert_true(budget_of(&spin, QUICK, false) > 0);
    assert_true(budget_of(&spin, QUICK, false) > 0);
}

/* All ends of a machine at the same time, and nobody who has no need to. */
static void who_spins_rarely_insists_now_and_then(void **state)
{
    struct spin_outcome lost = {.function = QUICK, .took_ns = 60000, .held_ns = 400, .spun = true};
    const uint64_t begin_ns = 41 * (uint64_t)SPIN_INSIST_EVERY_NS;
    struct spin_budget budget;
    struct spin spin;

    (void)state;
    spin_init(&spin);
    assert_int_equal(spin_budget(&spin, QUICK, false, begin_ns).gap_ns, SPIN_GAP_NS);
    for (int i = 0; i < SPIN_BACK_OFF_MOST; i++)
        spin_learn(&spin, &lost);
    assert_int_equal(spin_budget(&spin, QUICK, false, begin_ns - 1).ns, 0);
    budget = spin_budget(&spin, QUICK, false, begin_ns);
    assert_int_equal(budget.ns, SPIN_INSIST_NS);
    assert_int_equal(budget.gap_ns, SPIN_INSIST_GAP_NS);
    assert_int_equal(spin_budget(&spin, QUICK, true, begin_ns + SPIN_INSIST_NS - 1).ns, 1);
    assert_int_equal(spin_budget(&spin, QUICK, false, begin_ns + SPIN_INSIST_NS).ns, 0);
    spin.usual_ns[SLOW] = 16 * SPIN_MOST_NS;
    assert_int_equal(spin_budget(&spin, SLOW, false, begin_ns).ns, 0);
    spin_learn(&spin, &(struct spin_outcome){.function = QUICK, .took_ns = 400, .spun = true, .won = true});
    assert_int_equal(spin_budget(&spin, QUICK, false, begin_ns).gap_ns, SPIN_GAP_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_waits_spin_and_win),
        cmocka_unit_test(long_waits_soon_sleep_at_once),
        cmocka_unit_test(functions_are_kept_apart),
        cmocka_unit_test(one_long_wait_among_short_ones_changes_little),
        cmocka_unit_test(two_sleepers_find_out_that_they_need_not),
        cmocka_unit_test(how_long_waking_takes_is_learned),
        cmocka_unit_test(that_waking_takes_longer_is_learned_from_lost_spins),
        cmocka_unit_test(on_a_busy_machine_spins_become_rare),
        cmocka_unit_test(who_spins_rarely_insists_now_and_then),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
