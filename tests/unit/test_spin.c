/* The budget of a spinning wait: grows with success, goes with failure, comes back by a probe. */
#include "spec/wire/spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_waiter_that_always_loses_soon_stops_spinning(void **state)
{
    struct spin spin;
    uint32_t spun_ns = 0;
    int probes = 0;

    (void)state;
    spin_init(&spin);
    while (spin.budget_ns != 0) {
        spun_ns += spin_budget_ns(&spin);
        spin_lost(&spin);
    }
    assert_true(spun_ns <= 2 * SPIN_MOST_NS);
    for (int i = 0; i < 4 * SPIN_PROBE_EVERY; i++) {
        if (spin_budget_ns(&spin) == 0)
            continue;
        probes++;
        spin_lost(&spin);
    }
    assert_int_equal(probes, 4);
}

static void a_probe_that_wins_brings_the_budget_back(void **state)
{
    struct spin spin = {0};

    (void)state;
    while (spin_budget_ns(&spin) == 0)
        continue;
    spin_won(&spin, 20000);
    assert_true(spin_budget_ns(&spin) >= 40000); /* the next wait of that length is won, too */
    for (int i = 0; i < 20; i++)
        spin_won(&spin, 0);
    assert_int_equal(spin_budget_ns(&spin), SPIN_MOST_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiter_that_always_loses_soon_stops_spinning),
        cmocka_unit_test(a_probe_that_wins_brings_the_budget_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
