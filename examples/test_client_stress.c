/*
 * test_client --stress: many mixed calls, every answer checked.  The mix comes from a fixed seed, so two runs make
 * the same calls.
 */
#include "test_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ECHO_MOST = 6000, MEMORY_SIZE = 256 * KIB, FAILURES_MOST = 10 };

struct stress {
    winapi_handle_t handle;
    uint64_t random;
    winapi_buffer_t shared; /* from winapi_alloc_buffer() */
    char *own;              /* from malloc(), MEMORY_SIZE bytes */
};

/* Xorshift, good enough for choosing.  From 0 to limit - 1. */
static uint32_t choose(struct stress *stress, uint32_t limit)
{
    stress->random ^= stress->random << 13;
    stress->random ^= stress->random >> 7;
    stress->random ^= stress->random << 17;

    return (uint32_t)(stress->random >> 32) % limit;
}

static bool stress_echo(struct stress *stress)
{
    char input[ECHO_MOST + 1];
    char output[ECHO_MOST + 1];
    size_t length = choose(stress, ECHO_MOST);
    size_t room = 1 + choose(stress, ECHO_MOST);
    int wanted = room > length ? WINAPI_SUCCESS : WINAPI_ERROR_TRUNCATED;

    for (size_t i = 0; i < length; i++)
        input[i] = (char)(1 + choose(stress, 255));
    input[length] = '\0';
    if (winapi_echo(stress->handle, input, output, room) != wanted)
        return false;
    input[room > length ? length : room - 1] = '\0';

    return strcmp(input, output) == 0;
}

/* One to four buffers, of odd sizes, from both kinds of memory. */
static uint32_t choose_buffers(struct stress *stress, winapi_buffer_t buffers[4])
{
    uint32_t count = 1 + choose(stress, 4);

    for (uint32_t i = 0; i < count; i++) {
        char *memory = choose(stress, 2) ? stress->own : stress->shared.data;
        size_t part = MEMORY_SIZE / 4;
        size_t skipped = choose(stress, 1000);

        buffers[i].data = memory + i * part + skipped;
        buffers[i].size = WINAPI_BUFFER_SIZE_LEAST + choose(stress, (uint32_t)(part / 2));
    }

    return count;
}

static bool stress_buffers(struct stress *stress)
{
    winapi_buffer_t buffers[4];
    uint32_t count = choose_buffers(stress, buffers);

    return buffers_round_trip(stress->handle, buffers, count, choose(stress, UINT32_MAX));
}

static bool stress_mismatch(struct stress *stress)
{
    const uint32_t pattern = PATTERN;
    winapi_buffer_t buffers[4];
    winapi_buffer_test_result_t result;
    uint32_t count = choose_buffers(stress, buffers);
    uint32_t buffer = choose(stress, count);
    size_t offset = choose(stress, (uint32_t)buffers[buffer].size);

    if (winapi_buffer_test(stress->handle, buffers, count, WINAPI_BUFFER_OP_WRITE, pattern, &result))
        return false;
    ((char *)buffers[buffer].data)[offset] ^= 1;
    if (winapi_buffer_test(stress->handle, buffers, count, WINAPI_BUFFER_OP_VERIFY, pattern, &result) !=
        WINAPI_ERROR_MISMATCH)
        return false;

    return result.mismatch_bytes == 1 && result.mismatch_buffer == buffer && result.mismatch_offset == offset &&
           result.checksum == crc32c_buffers(buffers, count, SIZE_MAX);
}

static bool stress_perf(struct stress *stress)
{
    winapi_buffer_t buffers[4];
    uint32_t count = choose_buffers(stress, buffers);
    winapi_perf_test_params_t params = {.test_type = WINAPI_PERF_LATENCY, .iterations = 1 + choose(stress, 20)};
    winapi_perf_test_result_t result;

    return winapi_perf_test(stress->handle, &params, buffers, count, &result) == WINAPI_SUCCESS &&
           result.iterations == params.iterations &&
           result.checksum == crc32c_buffers(buffers, count, WINAPI_PERF_LATENCY_BYTES);
}

static bool stress_session(struct stress *stress)
{
    winapi_handle_t handle = winapi_init();
    char output[16];
    bool answered = handle && winapi_echo(handle, "session", output, sizeof(output)) == WINAPI_SUCCESS &&
                    strcmp(output, "session") == 0;

    winapi_cleanup(handle);
    return answered && winapi_echo(stress->handle, NULL, output, sizeof(output)) == WINAPI_ERROR_PARAMETER;
}

static bool stress_allocation(struct stress *stress)
{
    winapi_buffer_t buffer;
    bool right;

    if (winapi_alloc_buffer(&buffer, WINAPI_BUFFER_SIZE_LEAST + choose(stress, 128 * KIB)))
        return false;
    right = pattern_is_held(&buffer, 0) && buffers_round_trip(stress->handle, &buffer, 1, PATTERN);
    winapi_free_buffer(&buffer);

    return right;
}

static const struct kind {
    const char *name;
    bool (*run)(struct stress *stress);
    uint32_t share; /* of 100 */
} kinds[] = {
    {"echo", stress_echo, 60},    {"buffers", stress_buffers, 15}, {"mismatch", stress_mismatch, 5},
    {"latency", stress_perf, 10}, {"session", stress_session, 5},  {"allocation", stress_allocation, 5},
};

static const struct kind *choose_kind(struct stress *stress)
{
    const struct kind *kind = kinds;

    for (uint32_t number = choose(stress, 100); number >= kind->share; kind++)
        number -= kind->share;

    return kind;
}

/* Gives how many rounds were right. */
static uint64_t stress_run(struct client *client, struct stress *stress)
{
    const uint64_t iterations = client->iterations;
    unsigned failures = 0;

    for (uint64_t done = 0; done < iterations; done++) {
        const struct kind *kind = choose_kind(stress);

        progress_show("stress", done, iterations);
        if (kind->run(stress))
            continue;
        progress_show("stress", iterations, iterations);
        client_check(client, false, kind->name);
        if (++failures == FAILURES_MOST) {
            printf("stress: given up after %u failures\n", failures);
            return done + 1 - failures;
        }
    }
    progress_show("stress", iterations, iterations);

    return iterations - failures;
}

void stress_test(struct client *client)
{
    struct stress stress = {.handle = client->handle, .random = 0x57494E41};
    uint64_t begin = clock_ns();

    client->group = "stress";
    if (!buffers_alloc(client, &stress.shared, 1, MEMORY_SIZE))
        return;
    stress.own = calloc(1, MEMORY_SIZE);
    client_check(client, stress.own != NULL, "memory is there");
    if (stress.own)
        client_equal(client, stress_run(client, &stress), client->iterations, "all rounds are right");
    client_time("stress", (clock_ns() - begin) / 1000000, "ms");

    free(stress.own);
    winapi_free_buffer(&stress.shared);
}
