/*
 * The functions of libwinapi, called directly.
 */
#include "host/libwinapi/libwinapi.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATTERN 0xAABBCCDDu

/* CRC-32C of 4096 zero bytes, and of the pattern in 8192 bytes. */
#define CHECKSUM_ZEROS   0x98F94189
#define CHECKSUM_PATTERN 0xBC9424B2

struct fixture {
    winapi_handle_t handle;
    winapi_buffer_t memory[WINAPI_BUFFERS_MOST + 1];  /* 8 KiB each */
    winapi_buffer_t buffers[WINAPI_BUFFERS_MOST + 1]; /* begin as `memory`; tests change them */
    winapi_buffer_test_result_t result;
    winapi_perf_test_result_t perf;
};

static int fixture_init(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->handle = winapi_init();
    assert_non_null(fixture->handle);
    for (size_t i = 0; i < WINAPI_BUFFERS_MOST + 1; i++)
        assert_int_equal(winapi_alloc_buffer(&fixture->memory[i], 8192), WINAPI_SUCCESS);
    memcpy(fixture->buffers, fixture->memory, sizeof(fixture->buffers));
    *state = fixture;

    return 0;
}

static int fixture_finish(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < WINAPI_BUFFERS_MOST + 1; i++)
        winapi_free_buffer(&fixture->memory[i]);
    winapi_cleanup(fixture->handle);
    free(fixture);

    return 0;
}

static int buffers_run(struct fixture *fixture, uint32_t count, winapi_buffer_op_t operation)
{
    return winapi_buffer_test(fixture->handle, fixture->buffers, count, operation, PATTERN, &fixture->result);
}

static int perf_run(struct fixture *fixture, winapi_perf_type_t type, uint32_t iterations, uint64_t target_bytes,
                    uint32_t count)
{
    const winapi_perf_test_params_t params = {type, iterations, target_bytes};

    return winapi_perf_test(fixture->handle, &params, fixture->buffers, count, &fixture->perf);
}

static void result_is_all_zero(const void *result, size_t size)
{
    static const char zeros[256];

    assert_true(size <= sizeof(zeros));
    assert_memory_equal(result, zeros, size);
}

static void structs_have_no_padding(void **state)
{
    (void)state;
    assert_int_equal(sizeof(winapi_buffer_t), sizeof(void *) + sizeof(size_t));
    assert_int_equal(sizeof(winapi_buffer_test_result_t), 3 * 8 + 4 * 4);
    assert_int_equal(sizeof(winapi_perf_test_params_t), 2 * 4 + 8);
    assert_int_equal(sizeof(winapi_perf_test_result_t), 9 * 8 + 2 * 4);
}

static void handle_that_was_cleaned_up_is_refused(void **state)
{
    winapi_handle_t handle = winapi_init();
    char output[8];

    (void)state;
    assert_int_equal(winapi_echo(handle, "a", output, sizeof(output)), WINAPI_SUCCESS);
    winapi_cleanup(handle);
    assert_int_equal(winapi_echo(handle, "a", output, sizeof(output)), WINAPI_ERROR_HANDLE);
    winapi_cleanup(handle);
    winapi_cleanup(NULL);
}

static void handle_that_was_made_up_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char output[8];

    for (uintptr_t value = 0; value < 100; value++)
        assert_int_equal(winapi_echo((winapi_handle_t)value, "a", output, sizeof(output)), WINAPI_ERROR_HANDLE);
    assert_int_equal(winapi_echo((winapi_handle_t)&output, "a", output, sizeof(output)), WINAPI_ERROR_HANDLE);
    winapi_cleanup((winapi_handle_t)&output);
    assert_int_equal(winapi_echo(fixture->handle, "a", output, sizeof(output)), WINAPI_SUCCESS);
}

static void sessions_have_an_end(void **state)
{
    static winapi_handle_t handles[WINAPI_HANDLES_MOST];
    size_t count = 0;

    (void)state;
    while (count < WINAPI_HANDLES_MOST && (handles[count] = winapi_init()))
        count++;
    assert_int_equal(count, WINAPI_HANDLES_MOST - 1); /* the fixture has one */
    assert_int_equal(errno, EMFILE);

    winapi_cleanup(handles[500]);
    handles[500] = winapi_init();
    assert_non_null(handles[500]);
    for (size_t i = 0; i < count; i++)
        winapi_cleanup(handles[i]);
}

static void echo_gives_the_string_back(void **state)
{
    struct fixture *fixture = *state;
    char output[16] = "x";

    assert_int_equal(winapi_echo(fixture->handle, "Hello Windows!", output, sizeof(output)), WINAPI_SUCCESS);
    assert_string_equal(output, "Hello Windows!");
    assert_int_equal(winapi_echo(fixture->handle, "", output, 1), WINAPI_SUCCESS);
    assert_string_equal(output, "");
}

static void echo_without_room_gives_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    char output[8] = "1234567";

    assert_int_equal(winapi_echo(fixture->handle, "abcde", output, 5), WINAPI_ERROR_TRUNCATED);
    assert_memory_equal(output,
                        "abcd\0"
                        "67",
                        8);
    assert_int_equal(winapi_echo(fixture->handle, "abcde", output, 6), WINAPI_SUCCESS);
    assert_int_equal(winapi_echo(fixture->handle, "abcde", output, 1), WINAPI_ERROR_TRUNCATED);
    assert_string_equal(output, "");
}

static void echo_of_nothing_fails(void **state)
{
    struct fixture *fixture = *state;
    char output[8] = "kept";

    assert_int_equal(winapi_echo(fixture->handle, "a", NULL, 8), WINAPI_ERROR_PARAMETER);
    assert_int_equal(winapi_echo(fixture->handle, "a", output, 0), WINAPI_ERROR_PARAMETER);
    assert_string_equal(output, "kept");
    assert_int_equal(winapi_echo(NULL, NULL, output, 8), WINAPI_ERROR_HANDLE);
    assert_string_equal(output, "");
    assert_int_equal(winapi_echo(fixture->handle, NULL, output, 8), WINAPI_ERROR_PARAMETER);
}

static void allocation_of_a_bad_size_fails(void **state)
{
    winapi_buffer_t buffer = {&buffer, 77};

    (void)state;
    assert_int_equal(winapi_alloc_buffer(NULL, 1), WINAPI_ERROR_PARAMETER);
    assert_int_equal(winapi_alloc_buffer(&buffer, 0), WINAPI_ERROR_BUFFER_SIZE);
    assert_null(buffer.data);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(winapi_alloc_buffer(&buffer, WINAPI_ALLOC_SIZE_MOST + 1), WINAPI_ERROR_BUFFER_SIZE);
    assert_int_equal(winapi_alloc_buffer(&buffer, SIZE_MAX), WINAPI_ERROR_BUFFER_SIZE);
}

static void buffer_can_be_freed_twice(void **state)
{
    winapi_buffer_t buffer;

    (void)state;
    assert_int_equal(winapi_alloc_buffer(&buffer, 1), WINAPI_SUCCESS);
    assert_int_equal((uintptr_t)buffer.data % 4096, 0);
    assert_int_equal(*(char *)buffer.data, 0);
    winapi_free_buffer(&buffer);
    assert_null(buffer.data);
    winapi_free_buffer(&buffer);
    winapi_free_buffer(NULL);
}

static void checksum_is_crc32c(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *bytes = fixture->buffers[0].data;

    /* 4096 zero bytes; then the pattern in 8192, as two buffers and as one. */
    fixture->buffers[0].size = 4096;
    assert_int_equal(buffers_run(fixture, 1, WINAPI_BUFFER_OP_READ), WINAPI_SUCCESS);
    assert_int_equal(fixture->result.checksum, CHECKSUM_ZEROS);
    assert_int_equal(fixture->result.bytes_processed, 4096);
    fixture->buffers[1] = (winapi_buffer_t){bytes + 4096, 4096};
    assert_int_equal(buffers_run(fixture, 2, WINAPI_BUFFER_OP_WRITE), WINAPI_SUCCESS);
    assert_int_equal(fixture->result.checksum, CHECKSUM_PATTERN);
    fixture->buffers[0].size = 8192;
    assert_int_equal(buffers_run(fixture, 1, WINAPI_BUFFER_OP_READ), WINAPI_SUCCESS);
    assert_int_equal(fixture->result.checksum, CHECKSUM_PATTERN);
}

static void checksum_follows_the_order_of_buffers(void **state)
{
    struct fixture *fixture = *state;
    winapi_buffer_t first = fixture->buffers[0];
    uint32_t checksum;

    memset(fixture->buffers[0].data, 'a', 8192);
    memset(fixture->buffers[1].data, 'b', 8192);
    assert_int_equal(buffers_run(fixture, 2, WINAPI_BUFFER_OP_READ), WINAPI_SUCCESS);
    checksum = fixture->result.checksum;
    fixture->buffers[0] = fixture->buffers[1];
    fixture->buffers[1] = first;
    assert_int_equal(buffers_run(fixture, 2, WINAPI_BUFFER_OP_READ), WINAPI_SUCCESS);
    assert_int_not_equal(fixture->result.checksum, checksum);
}

static void pattern_is_written_least_significant_byte_first(void **state)
{
    struct fixture *fixture = *state;
    const unsigned char *bytes = fixture->buffers[0].data;

    fixture->buffers[0].size = 4099;
    assert_int_equal(buffers_run(fixture, 1, WINAPI_BUFFER_OP_WRITE), WINAPI_SUCCESS);
    assert_memory_equal(bytes, "\xDD\xCC\xBB\xAA\xDD\xCC\xBB\xAA", 8);
    assert_memory_equal(bytes + 4092, "\xDD\xCC\xBB\xAA\xDD\xCC\xBB\0\0", 9);
    assert_int_equal(buffers_run(fixture, 1, WINAPI_BUFFER_OP_VERIFY), WINAPI_SUCCESS);
}

static void pattern_begins_anew_with_each_buffer(void **state)
{
    struct fixture *fixture = *state;

    fixture->buffers[0].size = 4097;
    assert_int_equal(buffers_run(fixture, 2, WINAPI_BUFFER_OP_WRITE), WINAPI_SUCCESS);
    assert_memory_equal(fixture->buffers[1].data, "\xDD\xCC\xBB\xAA", 4);
    assert_int_equal(fixture->result.bytes_processed, 4097 + 8192);
}

static void mismatch_tells_the_first_and_the_count(void **state)
{
    struct fixture *fixture = *state;
    unsigned char *bytes = fixture->buffers[1].data;

    assert_int_equal(buffers_run(fixture, 3, WINAPI_BUFFER_OP_WRITE), WINAPI_SUCCESS);
    bytes[5001] = 0x12;
    bytes[8191] = 0x13;
    ((unsigned char *)fixture->buffers[2].data)[0] = 0x14;
    assert_int_equal(buffers_run(fixture, 3, WINAPI_BUFFER_OP_VERIFY), WINAPI_ERROR_MISMATCH);
    assert_int_equal(fixture->result.mismatch_bytes, 3);
    assert_int_equal(fixture->result.mismatch_buffer, 1);
    assert_int_equal(fixture->result.mismatch_offset, 5001);
    assert_int_equal(fixture->result.mismatch_expected, 0xCC);
    assert_int_equal(fixture->result.mismatch_found, 0x12);
    assert_int_equal(fixture->result.bytes_processed, 3 * 8192);

    assert_int_equal(buffers_run(fixture, 1, WINAPI_BUFFER_OP_VERIFY), WINAPI_SUCCESS);
    assert_int_equal(fixture->result.mismatch_bytes, 0);
    assert_int_equal(fixture->result.mismatch_offset, 0);
}

static void buffers_beyond_the_limits_are_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(buffers_run(fixture, 0, WINAPI_BUFFER_OP_WRITE), WINAPI_ERROR_BUFFER_COUNT);
    assert_int_equal(buffers_run(fixture, 9, WINAPI_BUFFER_OP_WRITE), WINAPI_ERROR_BUFFER_COUNT);
    assert_int_equal(buffers_run(fixture, UINT32_MAX, WINAPI_BUFFER_OP_WRITE), WINAPI_ERROR_BUFFER_COUNT);
    assert_int_equal(buffers_run(fixture, 8, WINAPI_BUFFER_OP_WRITE), WINAPI_SUCCESS);

    fixture->buffers[7].size = 4095;
    assert_int_equal(buffers_run(fixture, 8, WINAPI_BUFFER_OP_READ), WINAPI_ERROR_BUFFER_SIZE);
    result_is_all_zero(&fixture->result, sizeof(fixture->result));
    fixture->buffers[7].size = SIZE_MAX;
    assert_int_equal(buffers_run(fixture, 8, WINAPI_BUFFER_OP_READ), WINAPI_ERROR_BUFFER_SIZE);
    fixture->buffers[7].size = WINAPI_BUFFER_SIZE_MOST + 1;
    assert_int_equal(buffers_run(fixture, 8, WINAPI_BUFFER_OP_READ), WINAPI_ERROR_BUFFER_SIZE);
}

static void buffer_test_errors_come_in_the_order_of_the_header(void **state)
{
    struct fixture *fixture = *state;
    const winapi_buffer_t none = {NULL, 1};
    winapi_buffer_t buffer = none;
    winapi_buffer_op_t unknown = (winapi_buffer_op_t)UINT32_MAX;

    assert_int_equal(winapi_buffer_test(NULL, NULL, 0, unknown, 0, NULL), WINAPI_ERROR_PARAMETER);
    assert_int_equal(winapi_buffer_test(NULL, NULL, 0, unknown, 0, &fixture->result), WINAPI_ERROR_HANDLE);
    assert_int_equal(winapi_buffer_test(fixture->handle, NULL, 0, unknown, 0, &fixture->result),
                     WINAPI_ERROR_PARAMETER);
    assert_int_equal(winapi_buffer_test(fixture->handle, NULL, 0, WINAPI_BUFFER_OP_READ, 0, &fixture->result),
                     WINAPI_ERROR_BUFFER_COUNT);
    assert_int_equal(winapi_buffer_test(fixture->handle, NULL, 1, WINAPI_BUFFER_OP_READ, 0, &fixture->result),
                     WINAPI_ERROR_PARAMETER);
    assert_int_equal(winapi_buffer_test(fixture->handle, &buffer, 1, WINAPI_BUFFER_OP_READ, 0, &fixture->result),
                     WINAPI_ERROR_PARAMETER);
}

static void latency_reads_the_beginning_of_each_buffer(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(buffers_run(fixture, 2, WINAPI_BUFFER_OP_WRITE), WINAPI_SUCCESS);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, 100, 1, 2), WINAPI_SUCCESS);
    assert_int_equal(fixture->perf.iterations, 100);
    assert_int_equal(fixture->perf.bytes_processed, 100 * 2 * 4096);
    assert_int_equal(fixture->perf.checksum, CHECKSUM_PATTERN);
}

static void figures_are_in_order(void **state)
{
    struct fixture *fixture = *state;
    const winapi_perf_test_result_t *perf = &fixture->perf;

    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, 1000, 0, 8), WINAPI_SUCCESS);
    assert_true(perf->min_latency_ns <= perf->p50_latency_ns);
    assert_true(perf->p50_latency_ns <= perf->p90_latency_ns);
    assert_true(perf->p90_latency_ns <= perf->p99_latency_ns);
    assert_true(perf->p99_latency_ns <= perf->max_latency_ns);
    assert_true(perf->max_latency_ns <= perf->total_time_ns);
    assert_int_equal(perf->avg_latency_ns, perf->total_time_ns / 1000);
    assert_int_equal(perf->throughput_mbps, perf->bytes_processed * 1000 / perf->total_time_ns);

    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, 1, 0, 1), WINAPI_SUCCESS);
    assert_int_equal(perf->min_latency_ns, perf->max_latency_ns);
    assert_int_equal(perf->p50_latency_ns, perf->max_latency_ns);
}

static void latency_without_buffers_times_nothing(void **state)
{
    struct fixture *fixture = *state;
    const winapi_perf_test_params_t params = {WINAPI_PERF_LATENCY, 10, 0};

    assert_int_equal(winapi_perf_test(fixture->handle, &params, NULL, 0, &fixture->perf), WINAPI_SUCCESS);
    assert_int_equal(fixture->perf.iterations, 10);
    assert_int_equal(fixture->perf.bytes_processed, 0);
    assert_int_equal(fixture->perf.throughput_mbps, 0);
    assert_int_equal(fixture->perf.checksum, 0);
}

static void throughput_ends_at_the_target_or_the_iterations(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(buffers_run(fixture, 2, WINAPI_BUFFER_OP_READ), WINAPI_SUCCESS);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_THROUGHPUT, 100, 3 * 16384, 2), WINAPI_SUCCESS);
    assert_int_equal(fixture->perf.iterations, 3);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_THROUGHPUT, 100, 3 * 16384 + 1, 2), WINAPI_SUCCESS);
    assert_int_equal(fixture->perf.iterations, 4);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_THROUGHPUT, 5, UINT64_MAX, 2), WINAPI_SUCCESS);
    assert_int_equal(fixture->perf.iterations, 5);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_THROUGHPUT, 7, 0, 2), WINAPI_SUCCESS);
    assert_int_equal(fixture->perf.iterations, 7);
    assert_int_equal(fixture->perf.bytes_processed, 7 * 16384);
    assert_int_equal(fixture->perf.checksum, fixture->result.checksum);
}

static void perf_test_errors_come_in_the_order_of_the_header(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(winapi_perf_test(NULL, NULL, NULL, 0, NULL), WINAPI_ERROR_PARAMETER);
    assert_int_equal(winapi_perf_test(NULL, NULL, NULL, 0, &fixture->perf), WINAPI_ERROR_HANDLE);
    assert_int_equal(winapi_perf_test(fixture->handle, NULL, NULL, 0, &fixture->perf), WINAPI_ERROR_PARAMETER);
    assert_int_equal(perf_run(fixture, (winapi_perf_type_t)0, 0, 0, 0), WINAPI_ERROR_PARAMETER);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, 0, 0, 9), WINAPI_ERROR_ITERATIONS);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, UINT32_MAX, 0, 9), WINAPI_ERROR_ITERATIONS);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, 1000001, 0, 9), WINAPI_ERROR_ITERATIONS);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_LATENCY, 1, 0, 9), WINAPI_ERROR_BUFFER_COUNT);
    assert_int_equal(perf_run(fixture, WINAPI_PERF_THROUGHPUT, 1, 0, 0), WINAPI_ERROR_BUFFER_COUNT);
    fixture->buffers[1].size = 10;
    assert_int_equal(perf_run(fixture, WINAPI_PERF_THROUGHPUT, 1, 0, 2), WINAPI_ERROR_BUFFER_SIZE);
    result_is_all_zero(&fixture->perf, sizeof(fixture->perf));
}

static void each_error_has_its_own_text(void **state)
{
    (void)state;
    for (int error = WINAPI_ERROR_CONNECTION; error <= WINAPI_SUCCESS; error++) {
        assert_string_not_equal(winapi_strerror(error), "unknown error");
        for (int other = WINAPI_ERROR_CONNECTION; other < error; other++)
            assert_string_not_equal(winapi_strerror(error), winapi_strerror(other));
    }
    assert_string_equal(winapi_strerror(1), "unknown error");
    assert_string_equal(winapi_strerror(-1000), "unknown error");
}

static void *thread_run(void *argument)
{
    const struct fixture *fixture = argument;
    unsigned char memory[4096];
    winapi_buffer_t buffer = {memory, sizeof(memory)};
    winapi_buffer_test_result_t result;

    for (uint32_t i = 0; i < 500; i++) {
        winapi_handle_t handle = winapi_init();

        if (winapi_buffer_test(handle, &buffer, 1, WINAPI_BUFFER_OP_WRITE, i, &result) ||
            winapi_buffer_test(fixture->handle, &buffer, 1, WINAPI_BUFFER_OP_VERIFY, i, &result))
            return argument;
        winapi_cleanup(handle);
    }

    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_run, *state), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_init, fixture_finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_have_no_padding),
        cmocka_unit_test(handle_that_was_cleaned_up_is_refused),
        WITH_FIXTURE(handle_that_was_made_up_is_refused),
        WITH_FIXTURE(sessions_have_an_end),
        WITH_FIXTURE(echo_gives_the_string_back),
        WITH_FIXTURE(echo_without_room_gives_the_beginning),
        WITH_FIXTURE(echo_of_nothing_fails),
        cmocka_unit_test(allocation_of_a_bad_size_fails),
        cmocka_unit_test(buffer_can_be_freed_twice),
        WITH_FIXTURE(checksum_is_crc32c),
        WITH_FIXTURE(checksum_follows_the_order_of_buffers),
        WITH_FIXTURE(pattern_is_written_least_significant_byte_first),
        WITH_FIXTURE(pattern_begins_anew_with_each_buffer),
        WITH_FIXTURE(mismatch_tells_the_first_and_the_count),
        WITH_FIXTURE(buffers_beyond_the_limits_are_refused),
        WITH_FIXTURE(buffer_test_errors_come_in_the_order_of_the_header),
        WITH_FIXTURE(latency_reads_the_beginning_of_each_buffer),
        WITH_FIXTURE(figures_are_in_order),
        WITH_FIXTURE(latency_without_buffers_times_nothing),
        WITH_FIXTURE(throughput_ends_at_the_target_or_the_iterations),
        WITH_FIXTURE(perf_test_errors_come_in_the_order_of_the_header),
        cmocka_unit_test(each_error_has_its_own_text),
        WITH_FIXTURE(threads_do_not_disturb_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
