/*
 * The three sets of checks that test_client runs by default: echo, buffer and performance.
 */
#include "test_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool echo_is_same(winapi_handle_t handle, const char *input)
{
    size_t size = strlen(input) + 1;
    char *output = malloc(size);
    bool same = output && winapi_echo(handle, input, output, size) == WINAPI_SUCCESS && strcmp(input, output) == 0;

    free(output);
    return same;
}

static bool echo_of_length(winapi_handle_t handle, size_t length)
{
    char *input = malloc(length + 1);
    bool same;

    if (!input)
        return false;
    for (size_t i = 0; i < length; i++)
        input[i] = (char)('a' + i % 26);
    input[length] = '\0';

    same = echo_is_same(handle, input);
    free(input);
    return same;
}

void echo_test(struct client *client)
{
    char output[8] = "";

    client->group = "echo";
    client_check(client, echo_is_same(client->handle, "Hello Windows!"), "a short string comes back");
    client_check(client, echo_is_same(client->handle, ""), "the empty string comes back");
    client_check(client,
                 echo_is_same(client->handle, "Gr\xC3\xBC\xC3\x9F"
                                              "e \xE2\x82\xAC"),
                 "UTF-8 comes back");
    client_check(client, echo_of_length(client->handle, 2500), "2500 bytes come back");
    client_check(client, echo_of_length(client->handle, 4000), "4000 bytes come back");
    client_check(client, echo_of_length(client->handle, MIB), "1 MiB comes back");

    client_expect(client, winapi_echo(client->handle, "1234567", output, sizeof(output)), WINAPI_SUCCESS,
                  "a string that just fits is taken");
    client_check(client, strcmp(output, "1234567") == 0, "a string that just fits comes back");
    client_expect(client, winapi_echo(client->handle, "12345678", output, sizeof(output)), WINAPI_ERROR_TRUNCATED,
                  "a string that is one byte too long is told");
    client_check(client, strcmp(output, "1234567") == 0, "its beginning comes back");
}

static void mismatch_test(struct client *client, winapi_buffer_t *buffers, uint32_t count)
{
    winapi_buffer_test_result_t result;
    unsigned char *bytes = buffers[count - 1].data;

    bytes[4097] = 0x11;
    bytes[5000] = 0x22;
    client_expect(client, winapi_buffer_test(client->handle, buffers, count, WINAPI_BUFFER_OP_VERIFY, PATTERN, &result),
                  WINAPI_ERROR_MISMATCH, "verify tells of changed bytes");
    client_equal(client, result.mismatch_bytes, 2, "verify counts them");
    client_equal(client, result.mismatch_buffer, count - 1, "verify names the buffer of the first");
    client_equal(client, result.mismatch_offset, 4097, "verify names its offset");
    client_equal(client, result.mismatch_expected, 0xCC, "verify names the byte that it expected");
    client_equal(client, result.mismatch_found, 0x11, "verify names the byte that it found");
    client_equal(client, result.checksum, crc32c_buffers(buffers, count, SIZE_MAX), "the checksum is of what is there");
}

static bool all_zero(const winapi_buffer_t *buffer)
{
    return pattern_is_held(buffer, 0);
}

void buffer_test(struct client *client)
{
    winapi_buffer_t buffers[2];
    winapi_buffer_test_result_t result;

    client->group = "buffer";
    if (!buffers_alloc(client, buffers, 2, MIB))
        return;
    client_check(client, all_zero(&buffers[0]) && all_zero(&buffers[1]), "new buffers are zero");
    client_equal(client, (uintptr_t)buffers[0].data % 4096, 0, "new buffers are aligned");

    memset(buffers[0].data, 0xAA, buffers[0].size);
    client_expect(client, winapi_buffer_test(client->handle, buffers, 1, WINAPI_BUFFER_OP_READ, 0, &result),
                  WINAPI_SUCCESS, "1 MiB is read");
    client_equal(client, result.bytes_processed, MIB, "read counts all bytes");
    client_equal(client, result.checksum, 0xED25A54A, "read gives the known checksum");
    client_expect(client, winapi_buffer_test(client->handle, buffers, 1, WINAPI_BUFFER_OP_WRITE, PATTERN, &result),
                  WINAPI_SUCCESS, "1 MiB is written");
    client_equal(client, result.bytes_processed, MIB, "write counts all bytes");
    client_equal(client, result.checksum, 0xC25009D5, "write gives the known checksum");
    client_check(client, pattern_is_held(&buffers[0], PATTERN), "the pattern is in the buffer");
    client_check(client, buffers_round_trip(client->handle, buffers, 2, PATTERN),
                 "two buffers are written, read and verified");
    mismatch_test(client, buffers, 2);
    buffers_free(buffers, 2);
}

static void figures_print(const char *name, const winapi_perf_test_result_t *result)
{
    const struct {
        const char *name;
        uint64_t value;
        const char *unit;
    } figures[] = {
        {"rate", result->throughput_mbps, "MB/s"}, {"average", result->avg_latency_ns, "ns"},
        {"min", result->min_latency_ns, "ns"},     {"p50", result->p50_latency_ns, "ns"},
        {"p90", result->p90_latency_ns, "ns"},     {"p99", result->p99_latency_ns, "ns"},
        {"max", result->max_latency_ns, "ns"},
    };
    char line[64];

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        snprintf(line, sizeof(line), "%s %s", name, figures[i].name);
        client_time(line, figures[i].value, figures[i].unit);
    }
}

static bool figures_are_sane(const winapi_perf_test_result_t *result)
{
    return result->min_latency_ns <= result->p50_latency_ns && result->p50_latency_ns <= result->p90_latency_ns &&
           result->p90_latency_ns <= result->p99_latency_ns && result->p99_latency_ns <= result->max_latency_ns &&
           result->min_latency_ns <= result->avg_latency_ns && result->avg_latency_ns <= result->max_latency_ns &&
           result->total_time_ns >= result->max_latency_ns;
}

static void latency_test(struct client *client, winapi_buffer_t *buffers, uint32_t count)
{
    const winapi_perf_test_params_t params = {.test_type = WINAPI_PERF_LATENCY, .iterations = 1000};
    winapi_perf_test_result_t result;

    client_expect(client, winapi_perf_test(client->handle, &params, buffers, count, &result), WINAPI_SUCCESS,
                  "latency is measured");
    client_equal(client, result.iterations, 1000, "latency makes all passes");
    client_equal(client, result.bytes_processed, 1000 * count * WINAPI_PERF_LATENCY_BYTES, "latency counts all bytes");
    client_equal(client, result.checksum, crc32c_buffers(buffers, count, WINAPI_PERF_LATENCY_BYTES),
                 "latency gives the right checksum");
    client_check(client, figures_are_sane(&result), "latency figures are in order");
    figures_print("latency", &result);
}

static void throughput_test(struct client *client, winapi_buffer_t *buffers, uint32_t count)
{
    const winapi_perf_test_params_t params = {
        .test_type = WINAPI_PERF_THROUGHPUT, .iterations = 1000, .target_bytes = 10 * MIB};
    winapi_perf_test_result_t result;

    client_expect(client, winapi_perf_test(client->handle, &params, buffers, count, &result), WINAPI_SUCCESS,
                  "throughput is measured");
    client_equal(client, result.iterations, 3, "throughput ends with the pass that reaches the target");
    client_equal(client, result.bytes_processed, 12 * MIB, "throughput counts all bytes");
    client_equal(client, result.checksum, crc32c_buffers(buffers, count, SIZE_MAX),
                 "throughput gives the right checksum");
    client_check(client, figures_are_sane(&result), "throughput figures are in order");
    figures_print("throughput", &result);
}

void performance_test(struct client *client)
{
    winapi_buffer_t buffers[4];

    client->group = "performance";
    if (!buffers_alloc(client, buffers, 4, MIB))
        return;
    client_check(client, buffers_round_trip(client->handle, buffers, 4, 0x01020304), "four buffers are made ready");
    latency_test(client, buffers, 4);
    throughput_test(client, buffers, 4);
    buffers_free(buffers, 4);
}
