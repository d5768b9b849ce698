/*
 * test_client --integration: what the other sets leave out.  Every error, the limits, memory of every origin,
 * several sessions and several threads.
 */
#include "test_client.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, THREAD_ROUNDS = 200, SESSIONS = 100 };

static void echo_errors(struct client *client)
{
    winapi_handle_t handle = client->handle;
    char output[16] = "kept";

    client->group = "echo errors";
    client_expect(client, winapi_echo(handle, "x", NULL, 0), WINAPI_ERROR_PARAMETER, "no output");
    client_expect(client, winapi_echo(handle, "x", output, 0), WINAPI_ERROR_PARAMETER, "no room");
    client_check(client, strcmp(output, "kept") == 0, "no room leaves the output alone");
    client_expect(client, winapi_echo(NULL, "x", output, sizeof(output)), WINAPI_ERROR_HANDLE, "no handle");
    client_check(client, output[0] == '\0', "no handle gives the empty string");
    client_expect(client, winapi_echo(handle, NULL, output, sizeof(output)), WINAPI_ERROR_PARAMETER, "no input");
    client_expect(client, winapi_echo(handle, "x", output, 1), WINAPI_ERROR_TRUNCATED, "room for the NUL only");
}

static void alloc_errors(struct client *client)
{
    winapi_buffer_t buffer = {.data = &buffer, .size = 1};

    client->group = "allocation errors";
    client_expect(client, winapi_alloc_buffer(NULL, 4096), WINAPI_ERROR_PARAMETER, "no buffer");
    client_expect(client, winapi_alloc_buffer(&buffer, 0), WINAPI_ERROR_BUFFER_SIZE, "no size");
    client_check(client, !buffer.data && buffer.size == 0, "an error empties the buffer");
    client_expect(client, winapi_alloc_buffer(&buffer, SIZE_MAX), WINAPI_ERROR_BUFFER_SIZE, "a size beyond all memory");
    client_expect(client, winapi_alloc_buffer(&buffer, 100), WINAPI_SUCCESS, "a small buffer");
    winapi_free_buffer(&buffer);
    client_check(client, !buffer.data && buffer.size == 0, "freeing empties the buffer");
    winapi_free_buffer(&buffer);
    winapi_free_buffer(NULL);
    client_check(client, true, "freeing nothing does nothing");
}

static int buffer_write(const struct client *client, winapi_buffer_t *buffers, uint32_t count)
{
    winapi_buffer_test_result_t result;

    return winapi_buffer_test(client->handle, buffers, count, WINAPI_BUFFER_OP_WRITE, PATTERN, &result);
}

static void buffer_errors(struct client *client, winapi_buffer_t *large)
{
    winapi_buffer_t buffers[WINAPI_BUFFERS_MOST + 1];
    winapi_buffer_test_result_t result;

    client->group = "buffer errors";
    for (size_t i = 0; i < WINAPI_BUFFERS_MOST + 1; i++)
        buffers[i] = (winapi_buffer_t){.data = (char *)large->data + i * 4096, .size = 4096};

    client_expect(client, winapi_buffer_test(client->handle, buffers, 1, WINAPI_BUFFER_OP_READ, 0, NULL),
                  WINAPI_ERROR_PARAMETER, "no result");
    client_expect(client, winapi_buffer_test(NULL, buffers, 1, WINAPI_BUFFER_OP_READ, 0, &result), WINAPI_ERROR_HANDLE,
                  "no handle");
    client_expect(client, winapi_buffer_test(client->handle, buffers, 1, (winapi_buffer_op_t)99, 0, &result),
                  WINAPI_ERROR_PARAMETER, "an unknown operation");
    client_expect(client, buffer_write(client, buffers, 0), WINAPI_ERROR_BUFFER_COUNT, "no buffers");
    client_expect(client, buffer_write(client, buffers, WINAPI_BUFFERS_MOST + 1), WINAPI_ERROR_BUFFER_COUNT,
                  "nine buffers");
    client_expect(client, buffer_write(client, NULL, 1), WINAPI_ERROR_PARAMETER, "buffers that are NULL");
    buffers[1].data = NULL;
    client_expect(client, buffer_write(client, buffers, 2), WINAPI_ERROR_PARAMETER, "a buffer without data");
    buffers[0].size = 4095;
    client_expect(client, buffer_write(client, buffers, 1), WINAPI_ERROR_BUFFER_SIZE, "a buffer that is too small");
    client_expect(client, buffer_write(client, large, 1), WINAPI_ERROR_BUFFER_SIZE, "a buffer that is too large");
    client_check(client, pattern_is_held(large, 0), "a refused call writes nothing");
}

static int perf_run(const struct client *client, winapi_perf_type_t type, uint32_t iterations, winapi_buffer_t *buffers,
                    uint32_t count)
{
    const winapi_perf_test_params_t params = {.test_type = type, .iterations = iterations, .target_bytes = UINT64_MAX};
    winapi_perf_test_result_t result;

    return winapi_perf_test(client->handle, &params, buffers, count, &result);
}

static void perf_errors(struct client *client)
{
    const winapi_perf_test_params_t params = {.test_type = WINAPI_PERF_LATENCY, .iterations = 1};
    winapi_perf_test_result_t result;

    client->group = "performance errors";
    client_expect(client, winapi_perf_test(client->handle, &params, NULL, 0, NULL), WINAPI_ERROR_PARAMETER,
                  "no result");
    client_expect(client, winapi_perf_test(NULL, &params, NULL, 0, &result), WINAPI_ERROR_HANDLE, "no handle");
    client_expect(client, winapi_perf_test(client->handle, NULL, NULL, 0, &result), WINAPI_ERROR_PARAMETER,
                  "no parameters");
    client_expect(client, perf_run(client, (winapi_perf_type_t)99, 1, NULL, 0), WINAPI_ERROR_PARAMETER,
                  "an unknown test");
    client_expect(client, perf_run(client, WINAPI_PERF_LATENCY, 0, NULL, 0), WINAPI_ERROR_ITERATIONS, "no iterations");
    client_expect(client, perf_run(client, WINAPI_PERF_LATENCY, UINT32_MAX, NULL, 0), WINAPI_ERROR_ITERATIONS,
                  "too many iterations");
    client_expect(client, perf_run(client, WINAPI_PERF_THROUGHPUT, 1, NULL, 0), WINAPI_ERROR_BUFFER_COUNT,
                  "throughput without buffers");
    client_expect(client, perf_run(client, WINAPI_PERF_LATENCY, 1, NULL, 0), WINAPI_SUCCESS,
                  "latency without buffers is none");
}

static void error_texts(struct client *client)
{
    const char *unknown = winapi_strerror(12345);

    client->group = "error texts";
    client_check(client, unknown != NULL, "there always is a text");
    if (!unknown)
        return;
    client_check(client, strcmp(unknown, "unknown error") == 0, "a number that is no error");
    client_check(client, strcmp(winapi_strerror(WINAPI_SUCCESS), "success") == 0, "success");
    for (int error = WINAPI_ERROR_CONNECTION; error < WINAPI_SUCCESS; error++) {
        const char *text = winapi_strerror(error);

        client_check(client, text && strcmp(text, unknown) != 0, text ? text : "NULL");
    }
}

static void limits_test(struct client *client)
{
    winapi_buffer_t buffers[WINAPI_BUFFERS_MOST];

    client->group = "limits";
    if (!buffers_alloc(client, buffers, WINAPI_BUFFERS_MOST, WINAPI_BUFFER_SIZE_MOST))
        return;
    client_check(client, buffers_round_trip(client->handle, buffers, 1, PATTERN), "one buffer of 64 MiB");
    client_check(client, buffers_round_trip(client->handle, buffers, WINAPI_BUFFERS_MOST, 0x10203040),
                 "eight buffers of 64 MiB");
    client_expect(client, perf_run(client, WINAPI_PERF_THROUGHPUT, 1, buffers, WINAPI_BUFFERS_MOST), WINAPI_SUCCESS,
                  "throughput over eight buffers of 64 MiB");
    buffers_free(buffers, WINAPI_BUFFERS_MOST);

    if (!buffers_alloc(client, buffers, WINAPI_BUFFERS_MOST, WINAPI_BUFFER_SIZE_LEAST))
        return;
    client_check(client, buffers_round_trip(client->handle, buffers, WINAPI_BUFFERS_MOST, PATTERN),
                 "eight buffers of 4 KiB");
    buffers_free(buffers, WINAPI_BUFFERS_MOST);
}

static void memory_test(struct client *client)
{
    static unsigned char fixed[3 * 4096];
    unsigned char local[4097];
    winapi_buffer_t allocated = {0};
    winapi_buffer_t buffers[3] = {
        {.data = fixed + 1, .size = 4098}, {.data = local, .size = sizeof(local)}, {.data = NULL, .size = 5003}};

    client->group = "memory";
    buffers[2].data = malloc(buffers[2].size);
    client_check(client, buffers[2].data != NULL, "memory is there");
    if (!buffers[2].data)
        return;
    client_check(client, buffers_round_trip(client->handle, buffers, 3, PATTERN),
                 "memory of three origins and odd sizes");
    client_check(client, fixed[0] == 0 && fixed[4099] == 0, "the bytes beside a buffer are left alone");
    free(buffers[2].data);

    if (!buffers_alloc(client, &allocated, 1, 64 * KIB))
        return;
    buffers[2] = (winapi_buffer_t){.data = (char *)allocated.data + 999, .size = 10001};
    client_check(client, buffers_round_trip(client->handle, buffers, 3, 0xFFFEFDFC), "a part of an allocated buffer");
    client_equal(client, ((unsigned char *)allocated.data)[998], 0, "the bytes before the part are left alone");
    client_equal(client, ((unsigned char *)allocated.data)[11000], 0, "the bytes behind the part are left alone");
    winapi_free_buffer(&allocated);
}

static void sessions_test(struct client *client)
{
    winapi_handle_t handles[SESSIONS];
    char output[16];
    unsigned opened = 0;
    unsigned answered = 0;

    client->group = "sessions";
    for (; opened < SESSIONS && (handles[opened] = winapi_init()); opened++)
        answered += winapi_echo(handles[opened], "session", output, sizeof(output)) == WINAPI_SUCCESS;
    client_equal(client, opened, SESSIONS, "a hundred sessions are open");
    client_equal(client, answered, SESSIONS, "each of them answers");

    for (unsigned i = 0; i < opened; i++)
        winapi_cleanup(handles[i]);
    client_check(client, opened > 0 && winapi_echo(handles[0], "gone", output, sizeof(output)) < 0,
                 "a session that ended does not answer");
    winapi_cleanup(NULL);
    client_expect(client, winapi_echo(client->handle, "here", output, sizeof(output)), WINAPI_SUCCESS,
                  "the others go on");
}

/* Gives NULL when every call was answered right. */
static void *thread_run(void *argument)
{
    winapi_handle_t handle = argument;
    unsigned char memory[2][4096];
    winapi_buffer_t buffers[2] = {{memory[0], sizeof(memory[0])}, {memory[1], sizeof(memory[1])}};
    char output[32];

    for (uint32_t round = 0; round < THREAD_ROUNDS; round++) {
        if (winapi_echo(handle, "from a thread", output, sizeof(output)) || strcmp(output, "from a thread") != 0)
            return argument;
        if (!buffers_round_trip(handle, buffers, 2, PATTERN + round))
            return argument;
    }

    return NULL;
}

static void threads_test(struct client *client)
{
    pthread_t threads[THREADS];
    unsigned started = 0;
    unsigned right = 0;

    client->group = "threads";
    while (started < THREADS && !pthread_create(&threads[started], NULL, thread_run, client->handle))
        started++;
    for (unsigned i = 0; i < started; i++) {
        void *failed = NULL;

        pthread_join(threads[i], &failed);
        right += !failed;
    }
    client_equal(client, right, THREADS, "four threads use one session");
}

void integration_test(struct client *client)
{
    winapi_buffer_t large;

    echo_test(client);
    buffer_test(client);
    performance_test(client);
    echo_errors(client);
    alloc_errors(client);
    client->group = "buffer errors";
    if (buffers_alloc(client, &large, 1, WINAPI_BUFFER_SIZE_MOST + 1)) {
        buffer_errors(client, &large);
        winapi_free_buffer(&large);
    }
    perf_errors(client);
    error_texts(client);
    limits_test(client);
    memory_test(client);
    sessions_test(client);
    threads_test(client);
}
