/* spec/winapi.json says the same as libwinapi.h: the compiler's layout is held against the table's. */
#include "host/libwinapi/libwinapi.h"
#include "spec/table/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct diagnostics diagnostics = {0};
    struct table *table;
    int status = table_read(&table, WINAPI_SOURCE_DIR "/spec/winapi.json", &diagnostics);

    *state = table;
    diagnostics_finish(&diagnostics);
    return status;
}

static int tear_down(void **state)
{
    table_destroy(*state);
    return 0;
}

static const struct type *target_of(const struct table *table, const char *function, const char *parameter)
{
    const struct row *row = table_find(table, function);

    assert_non_null(row);
    for (size_t i = 0; i < row->parameter_count; i++) {
        if (strcmp(row->parameters[i].name, parameter) == 0)
            return row->parameters[i].type->target;
    }
    fail_msg("%s has no parameter %s", function, parameter);
    return NULL;
}

static void assert_field(const struct type *type, const char *name, size_t offset, size_t size)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (strcmp(type->fields[i].name, name) != 0)
            continue;
        assert_int_equal(type->fields[i].offset, offset);
        assert_int_equal(type->fields[i].type->size, size);
        return;
    }
    fail_msg("%s has no member %s", type->name, name);
}

#define ASSERT_FIELD(type, of, member) assert_field(type, #member, offsetof(of, member), sizeof(((of *)NULL)->member))

static void buffers_are_laid_out_as_in_the_header(void **state)
{
    const struct type *type = target_of(*state, "winapi_buffer_test", "buffers");

    assert_int_equal(type->size, sizeof(winapi_buffer_t));
    assert_int_equal(type->field_count, 2);
    ASSERT_FIELD(type, winapi_buffer_t, data);
    ASSERT_FIELD(type, winapi_buffer_t, size);
}

static void results_of_the_buffer_test_are_laid_out_as_in_the_header(void **state)
{
    const struct type *type = target_of(*state, "winapi_buffer_test", "result");

    assert_int_equal(type->size, sizeof(winapi_buffer_test_result_t));
    assert_int_equal(type->field_count, 7);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, bytes_processed);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, mismatch_bytes);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, mismatch_offset);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, mismatch_buffer);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, mismatch_expected);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, mismatch_found);
    ASSERT_FIELD(type, winapi_buffer_test_result_t, checksum);
}

static void parameters_of_the_performance_test_are_laid_out_as_in_the_header(void **state)
{
    const struct type *type = target_of(*state, "winapi_perf_test", "params");

    assert_int_equal(type->size, sizeof(winapi_perf_test_params_t));
    assert_int_equal(type->field_count, 3);
    ASSERT_FIELD(type, winapi_perf_test_params_t, test_type);
    ASSERT_FIELD(type, winapi_perf_test_params_t, iterations);
    ASSERT_FIELD(type, winapi_perf_test_params_t, target_bytes);
}

static void results_of_the_performance_test_are_laid_out_as_in_the_header(void **state)
{
    const struct type *type = target_of(*state, "winapi_perf_test", "result");

    assert_int_equal(type->size, sizeof(winapi_perf_test_result_t));
    assert_int_equal(type->field_count, 11);
    ASSERT_FIELD(type, winapi_perf_test_result_t, throughput_mbps);
    ASSERT_FIELD(type, winapi_perf_test_result_t, avg_latency_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, min_latency_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, p50_latency_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, p90_latency_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, p99_latency_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, max_latency_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, total_time_ns);
    ASSERT_FIELD(type, winapi_perf_test_result_t, bytes_processed);
    ASSERT_FIELD(type, winapi_perf_test_result_t, iterations);
    ASSERT_FIELD(type, winapi_perf_test_result_t, checksum);
}

static void enumerators_have_the_values_of_the_header(void **state)
{
    const struct row *row = table_find(*state, "winapi_buffer_test");
    const struct type *operation = row->parameters[3].type;
    const struct type *test_type = target_of(*state, "winapi_perf_test", "params")->fields[0].type;

    assert_int_equal(operation->enumerator_count, 3);
    assert_int_equal(operation->enumerators[0].value, WINAPI_BUFFER_OP_READ);
    assert_int_equal(operation->enumerators[1].value, WINAPI_BUFFER_OP_WRITE);
    assert_int_equal(operation->enumerators[2].value, WINAPI_BUFFER_OP_VERIFY);
    assert_int_equal(test_type->enumerator_count, 2);
    assert_int_equal(test_type->enumerators[0].value, WINAPI_PERF_LATENCY);
    assert_int_equal(test_type->enumerators[1].value, WINAPI_PERF_THROUGHPUT);
}

static void functions_fail_with_the_error_for_a_lost_host(void **state)
{
    static const char *const functions[] = {"winapi_echo", "winapi_buffer_test", "winapi_perf_test"};

    for (size_t i = 0; i < COUNT_OF(functions); i++)
        assert_int_equal(table_find(*state, functions[i])->failure.value.integer, WINAPI_ERROR_CONNECTION);
    assert_int_equal(table_find(*state, "winapi_init")->failure.value.integer, 0);
}

static void functions_on_the_callers_side_have_no_rows(void **state)
{
    assert_null(table_find(*state, "winapi_alloc_buffer"));
    assert_null(table_find(*state, "winapi_free_buffer"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(buffers_are_laid_out_as_in_the_header),
        TEST(results_of_the_buffer_test_are_laid_out_as_in_the_header),
        TEST(parameters_of_the_performance_test_are_laid_out_as_in_the_header),
        TEST(results_of_the_performance_test_are_laid_out_as_in_the_header),
        TEST(enumerators_have_the_values_of_the_header),
        TEST(functions_fail_with_the_error_for_a_lost_host),
        TEST(functions_on_the_callers_side_have_no_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
