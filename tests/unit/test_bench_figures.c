/* The bench's statistics: percentiles, medians, histograms, and what becomes of them as ratios. */
#include "preload/command/bench/bench_figures.h"
#include "preload/command/bench/bench_ratios.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_percentile_is_the_smallest_that_so_many_do_not_exceed(void **state)
{
    uint32_t samples[100];

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        samples[i] = i + 1;
    assert_int_equal(percentile(samples, 100, 50), 50);
    assert_int_equal(percentile(samples, 100, 99), 99);
    assert_int_equal(percentile(samples, 100, 99.5), 100);
    assert_int_equal(percentile(samples, 100, 100), 100);
    assert_int_equal(percentile(samples, 100, 0), 1);
    assert_int_equal(percentile(samples, 3, 50), 2);
    assert_int_equal(percentile(samples, 1, 99), 1);
}

static void samples_are_sorted_as_numbers_without_a_sign(void **state)
{
    uint32_t samples[] = {UINT32_MAX, 3, 0, 0x80000000, 3};

    (void)state;
    samples_sort(samples, 5);
    assert_int_equal(samples[0], 0);
    assert_int_equal(samples[2], 3);
    assert_int_equal(samples[3], 0x80000000);
    assert_int_equal(samples[4], UINT32_MAX);
}

static void a_median_lies_in_the_middle_whatever_the_order(void **state)
{
    const double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2}, outlier[] = {1, 1000, 2, 3, 2};

    (void)state;
    assert_true(median(odd, 3) == 5);
    assert_true(median(even, 4) == 2.5);
    assert_true(median(outlier, 5) == 2);
    assert_true(median(odd, 1) == 9);
    assert_true(odd[0] == 9); /* it sorts a copy */
}

static void every_value_lies_in_its_bucket(void **state)
{
    (void)state;
    for (uint64_t value = 0; value <= UINT32_MAX; value += value / 100 + 1) {
        size_t bucket = histogram_bucket((uint32_t)value);

        assert_true(bucket < HISTOGRAM_BUCKETS);
        assert_true(histogram_from(bucket) <= value);
        assert_true(histogram_from(bucket + 1) > value);
    }
    assert_true(histogram_bucket(UINT32_MAX) < HISTOGRAM_BUCKETS);
}

static void buckets_are_an_eighth_wide_and_leave_no_gap(void **state)
{
    (void)state;
    for (size_t i = 1; i + 1 < HISTOGRAM_BUCKETS; i++) {
        uint64_t from = histogram_from(i), below = histogram_from(i + 1);

        assert_true(below > from);
        assert_true(below - from <= from / HISTOGRAM_PER_DOUBLING + 1);
    }
}

static void samples_become_four_figures_and_a_histogram(void **state)
{
    uint32_t first[] = {30, 10, 20, 40}, second[] = {10, 10};
    struct figures figures = {0};
    uint64_t all = 0;

    (void)state;
    figures_add_samples(&figures, "echo", first, 4);
    figures_add_samples(&figures, "echo", second, 2);
    assert_true(figures_find(&figures, "echo_p50_ns")->values[0] == 20);
    assert_true(figures_find(&figures, "echo_max_ns")->values[0] == 40);
    assert_true(figures_find(&figures, "echo_p99_ns")->values[1] == 10);
    assert_int_equal(figures_find(&figures, "echo_p90_ns")->count, 2);
    assert_null(figures_find(&figures, "echo_p75_ns"));
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        all += figures_histogram(&figures, "echo")->counts[i];
    assert_int_equal(all, 6);
    assert_int_equal(figures_histogram(&figures, "echo")->counts[histogram_bucket(10)], 3);
    assert_false(figures.failed);
    figures_finish(&figures);
}

/* ---- ratios ---- */

static const struct ratio *find_ratio(const char *key)
{
    for (size_t i = 0; i < ratio_count; i++)
        if (strcmp(ratios[i].key, key) == 0)
            return &ratios[i];
    fail_msg("there is no ratio %s", key);
    return NULL;
}

static void a_ratio_is_the_median_of_its_rounds(void **state)
{
    const double product[] = {300, 900, 200}, floor[] = {100, 100, 100};
    struct figures figures = {0};
    struct ratio_result result;

    (void)state;
    for (int i = 0; i < 3; i++) {
        figures_add(&figures, product[i], "echo_32_split_p50_ns");
        figures_add(&figures, floor[i], "floor_spin_split_p50_ns");
    }
    ratio_make(find_ratio("echo_32_split_p50"), &figures, &result);
    assert_int_equal(result.count, 3);
    assert_true(result.median == 3 && result.is_met && result.rounds[1] == 9);
    figures_add(&figures, 400, "echo_32_split_p50_ns");
    figures_add(&figures, 100, "floor_spin_split_p50_ns");
    ratio_make(find_ratio("echo_32_split_p50"), &figures, &result);
    assert_true(result.median == 3.5 && !result.is_met);
    figures_finish(&figures);
}

static void what_is_to_be_large_is_met_from_its_target_on(void **state)
{
    struct figures figures = {0};
    struct ratio_result result;

    (void)state;
    figures_add(&figures, 79, "threads_2_calls_per_s");
    figures_add(&figures, 100, "floor_threads_2_calls_per_s");
    ratio_make(find_ratio("threads_2"), &figures, &result);
    assert_false(result.is_met);
    figures_add(&figures, 100, "threads_2_calls_per_s");
    figures_add(&figures, 100, "floor_threads_2_calls_per_s");
    ratio_make(find_ratio("threads_2"), &figures, &result);
    assert_true(result.is_met);
    figures_finish(&figures);
}

static void some_ratios_are_differences(void **state)
{
    struct figures figures = {0};
    struct ratio_result result;

    (void)state;
    figures_add(&figures, 4.5, "native_call_ns");
    figures_add(&figures, 2, "floor_direct_call_ns");
    ratio_make(find_ratio("native_ns"), &figures, &result);
    assert_true(result.median == 2.5 && result.is_met);
    figures_finish(&figures);
}

static void what_was_not_measured_makes_no_ratio(void **state)
{
    struct figures figures = {0};
    struct ratio_result result;

    (void)state;
    figures_add(&figures, 5, "async_calls_per_s");
    ratio_make(find_ratio("async_rate"), &figures, &result);
    assert_int_equal(result.count, 0);
    figures_add(&figures, 0, "floor_sync_calls_per_s");
    ratio_make(find_ratio("async_rate"), &figures, &result);
    assert_int_equal(result.count, 0);
    figures_finish(&figures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_percentile_is_the_smallest_that_so_many_do_not_exceed),
        cmocka_unit_test(samples_are_sorted_as_numbers_without_a_sign),
        cmocka_unit_test(a_median_lies_in_the_middle_whatever_the_order),
        cmocka_unit_test(every_value_lies_in_its_bucket),
        cmocka_unit_test(buckets_are_an_eighth_wide_and_leave_no_gap),
        cmocka_unit_test(samples_become_four_figures_and_a_histogram),
        cmocka_unit_test(a_ratio_is_the_median_of_its_rounds),
        cmocka_unit_test(what_is_to_be_large_is_met_from_its_target_on),
        cmocka_unit_test(some_ratios_are_differences),
        cmocka_unit_test(what_was_not_measured_makes_no_ratio),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
