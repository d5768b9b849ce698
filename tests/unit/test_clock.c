/* Deadlines: near, far, never. */
#include "spec/wire/clock.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_deadline_of_zero_is_never_reached(void **state)
{
    (void)state;
    assert_int_equal(clock_deadline_ns(0), 0);
    assert_false(clock_is_past(0));
    assert_int_equal(clock_poll_ms(0), -1);
}

static void a_deadline_is_reached_when_it_is_past(void **state)
{
    uint64_t now = clock_now_ns();

    (void)state;
    assert_true(clock_is_past(now));
    assert_int_equal(clock_poll_ms(now), 0);
    assert_false(clock_is_past(now + 1000000000000));
    assert_in_range(clock_poll_ms(now + 1000000000000), 900000, 1000000);
}

static void what_is_left_is_rounded_up(void **state)
{
    (void)state;
    assert_in_range(clock_poll_ms(clock_now_ns() + 100000000), 1, 100);
    assert_true(clock_poll_ms(clock_now_ns() + 999999999) >= 1);
}

static void a_deadline_beyond_all_numbers_is_the_last(void **state)
{
    (void)state;
    assert_true(clock_deadline_ns(UINT64_MAX) == UINT64_MAX);
    assert_int_equal(clock_poll_ms(UINT64_MAX), INT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_of_zero_is_never_reached),
        cmocka_unit_test(a_deadline_is_reached_when_it_is_past),
        cmocka_unit_test(what_is_left_is_rounded_up),
        cmocka_unit_test(a_deadline_beyond_all_numbers_is_the_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
