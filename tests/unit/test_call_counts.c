/* Durations in buckets, and percentiles out of them. */
#include "preload/control/call_counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* As a call does it; gives whether it was timed. */
static bool count(struct control_counts *counts, struct call_cost cost)
{
    call_counts_begin(counts, &cost);
    call_counts_end(counts, &cost);
    return cost.weight;
}

static void assert_near(uint64_t found, uint64_t expected)
{
    assert_true(found >= expected - expected / 15);
    assert_true(found <= expected + expected / 15);
}

static void every_duration_is_near_the_middle_of_its_bucket(void **state)
{
    size_t before = 0;

    (void)state;
    for (uint64_t ns = 32; ns < UINT64_C(60000000000); ns += ns / 50 + 1) {
        size_t bucket = call_counts_bucket(ns);

        assert_true(bucket < CONTROL_BUCKETS);
        assert_true(bucket == before || bucket == before + 1);
        assert_near(call_counts_middle(bucket), ns);
        before = bucket;
    }
}

static void what_is_too_short_or_too_long_falls_at_an_end(void **state)
{
    (void)state;
    assert_int_equal(call_counts_bucket(0), 0);
    assert_int_equal(call_counts_bucket(31), 0);
    assert_int_equal(call_counts_bucket(UINT64_MAX), CONTROL_BUCKETS - 1);
    assert_int_equal(call_counts_bucket(UINT64_C(1) << 40), CONTROL_BUCKETS - 1);
}

static void percentiles_are_those_of_the_calls(void **state)
{
    struct control_counts counts = {0};

    (void)state;
    assert_int_equal(call_counts_percentile(&counts, 50), 0);
    for (uint64_t ns = 1000; ns < 101000; ns += 1000)
        count(&counts, (struct call_cost){.took_ns = ns, .sent = 3, .received = 5, .is_error = ns == 1000});
    assert_int_equal(counts.calls, 100);
    assert_int_equal(counts.errors, 1);
    assert_int_equal(counts.sent, 300);
    assert_int_equal(counts.received, 500);
    assert_near(call_counts_percentile(&counts, 50), 50000);
    assert_near(call_counts_percentile(&counts, 99), 99000);
}

static void one_slow_call_in_a_hundred_is_beyond_the_99th(void **state)
{
    struct control_counts counts = {0};

    (void)state;
    for (int i = 0; i < 99; i++)
        count(&counts, (struct call_cost){.took_ns = 1000});
    count(&counts, (struct call_cost){.took_ns = 1000000});
    assert_near(call_counts_percentile(&counts, 99), 1000);
    count(&counts, (struct call_cost){.took_ns = 1000000});
    assert_near(call_counts_percentile(&counts, 99), 1000000);
}

/* Every other call is slow, in turns of two and of eight: neither hides. */
static void of_many_calls_some_are_timed_and_stand_for_all(void **state)
{
    for (uint64_t period = 2; period <= 8; period *= 4) {
        struct control_counts counts = {0};
        uint64_t timed = 0, fast = 0;

        (void)state;
        for (uint64_t i = 0; i < 100000; i++)
            timed += count(&counts, (struct call_cost){.took_ns = i % period < period / 2 ? 1000 : 1000000});
        assert_int_equal(counts.calls, 100000);
        assert_true(timed > 100000 / 9 && timed < 100000 / 7);
        fast = counts.took[call_counts_bucket(1000)];
        assert_near(fast, 50000);
        assert_near(fast + counts.took[call_counts_bucket(1000000)], 100000);
    }
}

/* What another program has written there need not make sense. */
static void counts_that_overflow_do_no_harm(void **state)
{
    struct control_counts sum = {0}, made_up;

    (void)state;
    for (size_t i = 0; i < CONTROL_BUCKETS; i++)
        made_up.took[i] = UINT64_MAX - i;
    made_up.calls = made_up.errors = made_up.sent = made_up.received = UINT64_MAX;
    call_counts_merge(&sum, &made_up);
    call_counts_merge(&sum, &made_up);
    (void)call_counts_percentile(&sum, 50);
    assert_true(sum.errors == UINT64_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_duration_is_near_the_middle_of_its_bucket),
        cmocka_unit_test(what_is_too_short_or_too_long_falls_at_an_end),
        cmocka_unit_test(percentiles_are_those_of_the_calls),
        cmocka_unit_test(one_slow_call_in_a_hundred_is_beyond_the_99th),
        cmocka_unit_test(of_many_calls_some_are_timed_and_stand_for_all),
        cmocka_unit_test(counts_that_overflow_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
