/*
 * echo, buffer_test and performance: members in, a call of the native function, members out.
 *
 * The functions are reached through the host's own table of functions, by address, so that they are the ones that
 * remoted programs call, and count with them.
 */
#include "host/json_api.h"

#include "host/libwinapi/libwinapi.h"

#include <stdio.h>
#include <string.h>

enum { ITERATIONS_DEFAULT = 100 };

typedef winapi_handle_t (*init_function)(void);
typedef int (*echo_function)(winapi_handle_t, const char *, char *, size_t);
typedef int (*buffer_test_function)(winapi_handle_t, winapi_buffer_t *, uint32_t, winapi_buffer_op_t, uint32_t,
                                    winapi_buffer_test_result_t *);
typedef int (*perf_test_function)(winapi_handle_t, const winapi_perf_test_params_t *, winapi_buffer_t *, uint32_t,
                                  winapi_perf_test_result_t *);

/* ---- what all share ---- */

struct host_function *json_api_function(struct json_work *work, const char *name)
{
    struct host_function *function = host_functions_named(work->requests->functions, name);

    if (function && host_function_prepare(work->requests->functions, function) == 0)
        return function;
    snprintf(work->fault, sizeof(work->fault), "api: this host cannot call %s; its log says why", name);
    return NULL;
}

void *json_api_handle(struct json_work *work)
{
    struct json_requests *requests = work->requests;
    struct host_function *init = json_api_function(work, "winapi_init");
    struct call_outcome outcome = {.track = work->track};

    if (!init)
        return NULL;
    outcome.function = init->id;
    pthread_mutex_lock(&requests->lock);
    if (!requests->native_handle) {
        requests->native_handle = ((init_function)init->address)();
        statistics_count(requests->statistics, requests->client, &outcome);
    }
    pthread_mutex_unlock(&requests->lock);
    if (!requests->native_handle)
        snprintf(work->fault, sizeof(work->fault), "winapi_init gives no handle");
    return requests->native_handle;
}

static void read_nothing(struct json_request *request, struct member_reader *reader)
{
    (void)request;
    (void)reader;
}

static enum result_area in_response(const struct json_request *request)
{
    (void)request;
    return RESULT_RESPONSE;
}

static enum result_area in_reply(const struct json_request *request)
{
    (void)request;
    return RESULT_NONE;
}

/* ---- echo ---- */

/*
 * The function copies strings, a payload is any bytes: it is echoed as the strings that it consists of.  Each is given
 * just its own room; where no NUL ends it, the function puts one over its last byte, which is then set right.
 */
static int run_echo(struct json_work *work, void (*address)(void))
{
    echo_function echo = (echo_function)address;
    void *handle = json_api_handle(work);
    uint64_t size = work->request.size, room;
    int error = handle ? WINAPI_SUCCESS : WINAPI_ERROR_HANDLE;

    for (uint64_t at = 0; at < size && !error; at += room) {
        const uint8_t *start = work->input + at;
        const uint8_t *end = memchr(start, '\0', size - at);

        room = end ? (uint64_t)(end - start) + 1 : size - at;
        error = echo(handle, (const char *)start, (char *)work->output + at, room);
        if (error == WINAPI_ERROR_TRUNCATED) {
            work->output[at + room - 1] = work->input[at + room - 1];
            error = WINAPI_SUCCESS;
        }
    }
    return error;
}

/* ---- buffer_test ---- */

static void read_buffer_test(struct json_request *request, struct member_reader *reader)
{
    static const char *const operations[] = {"read", "write", "verify", NULL};

    request->operation = WINAPI_BUFFER_OP_READ + member_word(reader, "operation", operations, 0);
    if (request->operation == WINAPI_BUFFER_OP_READ)
        request->pattern = (uint32_t)member_number_or(reader, "pattern", 0, UINT32_MAX, 0);
    else
        request->pattern = (uint32_t)member_number(reader, "pattern", 0, UINT32_MAX);
}

static void add_buffer_test(cJSON *reply, const winapi_buffer_test_result_t *result, int error)
{
    cJSON_AddNumberToObject(reply, "bytes_processed", (double)result->bytes_processed);
    cJSON_AddNumberToObject(reply, "checksum", result->checksum);
    if (error != WINAPI_ERROR_MISMATCH)
        return;
    cJSON_AddNumberToObject(reply, "mismatch_bytes", (double)result->mismatch_bytes);
    cJSON_AddNumberToObject(reply, "mismatch_offset", (double)result->mismatch_offset);
    cJSON_AddNumberToObject(reply, "mismatch_expected", result->mismatch_expected);
    cJSON_AddNumberToObject(reply, "mismatch_found", result->mismatch_found);
}

static int run_buffer_test(struct json_work *work, void (*address)(void))
{
    const struct json_request *request = &work->request;
    winapi_buffer_t buffer = {.data = work->input, .size = request->size};
    winapi_buffer_test_result_t result = {0};
    void *handle = json_api_handle(work);
    int error;

    if (!handle)
        return WINAPI_ERROR_HANDLE;
    error = ((buffer_test_function)address)(handle, &buffer, 1, (winapi_buffer_op_t)request->operation,
                                            request->pattern, &result);
    /* What was written is the result: without zero copy it was written to a copy. */
    if (work->output != work->input && request->operation == WINAPI_BUFFER_OP_WRITE)
        memcpy(work->output, work->input, request->size);
    if (error == WINAPI_SUCCESS || error == WINAPI_ERROR_MISMATCH)
        add_buffer_test(work->reply, &result, error);
    return error;
}

static enum result_area buffer_test_area(const struct json_request *request)
{
    if (request->operation != WINAPI_BUFFER_OP_WRITE)
        return RESULT_NONE;
    return request->is_zero_copy ? RESULT_REQUEST : RESULT_RESPONSE;
}

/* ---- performance ---- */

static void read_performance(struct json_request *request, struct member_reader *reader)
{
    static const char *const types[] = {"latency", "throughput", NULL};

    request->test_type = WINAPI_PERF_LATENCY + member_word(reader, "test_type", types, 0);
    request->iterations =
        (uint32_t)member_number_or(reader, "iterations", 1, WINAPI_PERF_ITERATIONS_MOST, ITERATIONS_DEFAULT);
    request->target_bytes = member_number_or(reader, "target_bytes", 0, JSON_NUMBER_MOST, 0);
}

static void add_performance(cJSON *reply, const winapi_perf_test_result_t *result)
{
    cJSON_AddNumberToObject(reply, "throughput_mbps", (double)result->throughput_mbps);
    cJSON_AddNumberToObject(reply, "avg_latency_ns", (double)result->avg_latency_ns);
    cJSON_AddNumberToObject(reply, "min_latency_ns", (double)result->min_latency_ns);
    cJSON_AddNumberToObject(reply, "p50_latency_ns", (double)result->p50_latency_ns);
    cJSON_AddNumberToObject(reply, "p90_latency_ns", (double)result->p90_latency_ns);
    cJSON_AddNumberToObject(reply, "p99_latency_ns", (double)result->p99_latency_ns);
    cJSON_AddNumberToObject(reply, "max_latency_ns", (double)result->max_latency_ns);
    cJSON_AddNumberToObject(reply, "total_time_ns", (double)result->total_time_ns);
    cJSON_AddNumberToObject(reply, "bytes_processed", (double)result->bytes_processed);
    cJSON_AddNumberToObject(reply, "iterations", result->iterations);
    cJSON_AddNumberToObject(reply, "checksum", result->checksum);
}

static int run_performance(struct json_work *work, void (*address)(void))
{
    const struct json_request *request = &work->request;
    winapi_perf_test_params_t params = {.test_type = (winapi_perf_type_t)request->test_type,
                                        .iterations = request->iterations,
                                        .target_bytes = request->target_bytes};
    winapi_buffer_t buffer = {.data = work->input, .size = request->size};
    winapi_perf_test_result_t result = {0};
    void *handle = json_api_handle(work);
    int error;

    if (!handle)
        return WINAPI_ERROR_HANDLE;
    error = ((perf_test_function)address)(handle, &params, &buffer, request->size != 0, &result);
    if (!error)
        add_performance(work->reply, &result);
    return error;
}

const struct json_api json_apis[] = {
    {"echo", "winapi_echo", read_nothing, run_echo, in_response},
    {"buffer_test", "winapi_buffer_test", read_buffer_test, run_buffer_test, buffer_test_area},
    {"performance", "winapi_perf_test", read_performance, run_performance, in_reply},
    {NULL, NULL, NULL, NULL, NULL},
};
