/*
 * test_client --benchmark: how long calls take, as the program that makes them sees it.  Every answer is checked;
 * the checks' own time is not counted.
 */
#include "test_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP_CALLS = 1000, THROUGHPUT_ROUNDS = 5 };

static int time_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static void times_print(uint64_t *times, uint64_t count)
{
    const struct {
        const char *name;
        uint64_t thousandths;
    } ranks[] = {{"echo p50", 500}, {"echo p90", 900}, {"echo p99", 990}, {"echo p99.9", 999}};
    uint64_t total = 0;

    if (count == 0)
        return;
    for (uint64_t i = 0; i < count; i++)
        total += times[i];
    qsort(times, count, sizeof(*times), time_compare);

    client_time("echo average", total / count, "ns");
    client_time("echo min", times[0], "ns");
    for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++)
        client_time(ranks[i].name, times[(count * ranks[i].thousandths + 999) / 1000 - 1], "ns");
    client_time("echo max", times[count - 1], "ns");
}

/* One echo of 32 bytes.  0 when the answer was wrong. */
static uint64_t echo_time(winapi_handle_t handle, unsigned number)
{
    char input[33];
    char output[33];
    uint64_t begin;
    uint64_t end;
    int error;

    snprintf(input, sizeof(input), "%032u", number);
    begin = clock_ns();
    error = winapi_echo(handle, input, output, sizeof(output));
    end = clock_ns();
    if (error || strcmp(input, output) != 0)
        return 0;

    return end > begin ? end - begin : 1;
}

void latency_benchmark(struct client *client)
{
    const uint64_t calls = client->iterations;
    uint64_t *times = calloc(calls, sizeof(*times));
    uint64_t right = 0;

    client->group = "latency";
    client_check(client, times != NULL, "memory is there");
    if (!times)
        return;

    for (unsigned i = 0; i < WARM_UP_CALLS; i++)
        echo_time(client->handle, i);
    for (uint64_t i = 0; i < calls; i++) {
        times[i] = echo_time(client->handle, (unsigned)i);
        right += times[i] > 0;
        progress_show("latency", i, calls);
    }
    progress_show("latency", calls, calls);

    client_equal(client, right, calls, "echoes of 32 bytes come back");
    times_print(times, calls);
    free(times);
}

/* How a size is spread: `calls` calls over the same `count` buffers. */
struct spread {
    winapi_buffer_t buffers[WINAPI_BUFFERS_MOST];
    uint32_t count;
    uint64_t calls;
    uint32_t checksum; /* as the last write gave it */
};

static uint64_t divide_up(uint64_t value, uint64_t by)
{
    return (value + by - 1) / by;
}

static bool spread_alloc(struct client *client, struct spread *spread)
{
    const uint64_t size = client->size;
    uint64_t each;

    spread->calls = divide_up(size, WINAPI_BUFFERS_MOST * (uint64_t)WINAPI_BUFFER_SIZE_MOST);
    spread->count = (uint32_t)divide_up(divide_up(size, spread->calls), WINAPI_BUFFER_SIZE_MOST);
    each = divide_up(size, spread->calls * spread->count);

    return buffers_alloc(client, spread->buffers, spread->count, each);
}

/* Adds the time of one call to `total_ns`; gives whether its answer was right. */
static bool call_run(winapi_handle_t handle, struct spread *spread, winapi_buffer_op_t operation, uint64_t *total_ns)
{
    winapi_buffer_test_result_t result;
    uint64_t begin = clock_ns();
    int error = winapi_buffer_test(handle, spread->buffers, spread->count, operation, PATTERN, &result);

    *total_ns += clock_ns() - begin;
    if (operation == WINAPI_BUFFER_OP_WRITE)
        spread->checksum = result.checksum;

    return !error && result.checksum == spread->checksum &&
           result.bytes_processed == spread->count * (uint64_t)spread->buffers[0].size;
}

static void operation_measure(struct client *client, struct spread *spread, winapi_buffer_op_t operation,
                              const char *name)
{
    const uint64_t calls = spread->calls * THROUGHPUT_ROUNDS;
    uint64_t bytes = calls * spread->count * spread->buffers[0].size;
    uint64_t warm_up_ns = 0;
    uint64_t total_ns = 0;
    bool right = call_run(client->handle, spread, operation, &warm_up_ns);

    for (uint64_t call = 0; call < calls; call++) {
        progress_show(name, call, calls);
        right = call_run(client->handle, spread, operation, &total_ns) && right;
    }
    progress_show(name, calls, calls);

    client_check(client, right, name);
    client_time(name, bytes * 1000 / (total_ns > 0 ? total_ns : 1), "MB/s");
}

void throughput_benchmark(struct client *client)
{
    struct spread spread = {0};

    client->group = "throughput";
    if (!spread_alloc(client, &spread))
        return;

    printf("throughput: %llu calls over %u buffers of %zu bytes\n", (unsigned long long)spread.calls, spread.count,
           spread.buffers[0].size);
    operation_measure(client, &spread, WINAPI_BUFFER_OP_WRITE, "write");
    client_check(client, pattern_is_held(&spread.buffers[spread.count - 1], PATTERN), "the pattern is in the buffers");
    client_equal(client, spread.checksum, crc32c_buffers(spread.buffers, spread.count, SIZE_MAX),
                 "the checksum is right");
    operation_measure(client, &spread, WINAPI_BUFFER_OP_READ, "read");
    operation_measure(client, &spread, WINAPI_BUFFER_OP_VERIFY, "verify");
    buffers_free(spread.buffers, spread.count);
}
