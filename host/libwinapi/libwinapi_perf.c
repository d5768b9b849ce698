/*
 * The performance test: passes over the caller's buffers, each one timed.
 *
 * Every time is kept, so that percentiles are exact; WINAPI_PERF_ITERATIONS_MOST bounds the memory that this takes.
 * With the limits of libwinapi.h no sum or product below comes near 64 bits: the most bytes are 10^6 passes over
 * 512 MiB, 5.4 * 10^14.
 */
#include "host/libwinapi/libwinapi_parts.h"
#include "spec/base/own.h"

#include <stdlib.h>
#include <time.h>

/* What is read in each pass. */
struct plan {
    const winapi_buffer_t *buffers;
    uint32_t buffer_count;
    size_t most; /* bytes of each buffer */
};

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Gives the bytes read. */
static uint64_t pass_run(const struct plan *plan, uint32_t *checksum)
{
    uint64_t bytes = 0;

    *checksum = 0;
    for (uint32_t i = 0; i < plan->buffer_count; i++) {
        const winapi_buffer_t *buffer = &plan->buffers[i];
        size_t size = buffer->size < plan->most ? buffer->size : plan->most;

        *checksum = libwinapi_checksum_add(*checksum, buffer->data, size);
        bytes += size;
    }

    return bytes;
}

static void passes_run(const struct plan *plan, const winapi_perf_test_params_t *params, uint64_t *times,
                       winapi_perf_test_result_t *result)
{
    while (result->iterations < params->iterations) {
        uint64_t begin = clock_ns();

        result->bytes_processed += pass_run(plan, &result->checksum);
        times[result->iterations] = clock_ns() - begin;
        result->total_time_ns += times[result->iterations];
        result->iterations++;

        if (params->test_type == WINAPI_PERF_THROUGHPUT && params->target_bytes > 0 &&
            result->bytes_processed >= params->target_bytes)
            break;
    }
}

static int time_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

/* By nearest rank: with 10 sorted times, 99 percent is the tenth and 50 percent the fifth. */
static uint64_t percentile(const uint64_t *times, uint32_t count, unsigned percent)
{
    uint64_t rank = ((uint64_t)count * percent + 99) / 100;

    return times[rank - 1];
}

static void result_summarize(winapi_perf_test_result_t *result, uint64_t *times)
{
    uint32_t count = result->iterations;
    uint64_t total_ns = result->total_time_ns > 0 ? result->total_time_ns : 1;

    qsort(times, count, sizeof(*times), time_compare);
    result->min_latency_ns = times[0];
    result->p50_latency_ns = percentile(times, count, 50);
    result->p90_latency_ns = percentile(times, count, 90);
    result->p99_latency_ns = percentile(times, count, 99);
    result->max_latency_ns = times[count - 1];
    result->avg_latency_ns = result->total_time_ns / count;
    result->throughput_mbps = result->bytes_processed * 1000 / total_ns;
}

static int params_check(const winapi_perf_test_params_t *params, const winapi_buffer_t *buffers, uint32_t buffer_count)
{
    if (!params)
        return WINAPI_ERROR_PARAMETER;
    if (params->test_type != WINAPI_PERF_LATENCY && params->test_type != WINAPI_PERF_THROUGHPUT)
        return WINAPI_ERROR_PARAMETER;
    if (params->iterations == 0 || params->iterations > WINAPI_PERF_ITERATIONS_MOST)
        return WINAPI_ERROR_ITERATIONS;
    if (params->test_type == WINAPI_PERF_LATENCY && buffer_count == 0)
        return WINAPI_SUCCESS;

    return libwinapi_buffers_check(buffers, buffer_count);
}

int winapi_perf_test(winapi_handle_t handle, const winapi_perf_test_params_t *params, winapi_buffer_t *buffers,
                     uint32_t buffer_count, winapi_perf_test_result_t *result)
{
    AUTO_FREE uint64_t *times = NULL;
    struct plan plan = {.buffers = buffers, .buffer_count = buffer_count, .most = WINAPI_BUFFER_SIZE_MOST};
    int error;

    if (!result)
        return WINAPI_ERROR_PARAMETER;
    *result = (winapi_perf_test_result_t){0};
    if (!libwinapi_handle_is_open(handle))
        return WINAPI_ERROR_HANDLE;
    error = params_check(params, buffers, buffer_count);
    if (error)
        return error;
    times = calloc(params->iterations, sizeof(*times));
    if (!times)
        return WINAPI_ERROR_MEMORY;

    if (params->test_type == WINAPI_PERF_LATENCY)
        plan.most = WINAPI_PERF_LATENCY_BYTES;
    passes_run(&plan, params, times, result);
    result_summarize(result, times);
    return WINAPI_SUCCESS;
}
