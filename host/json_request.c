/*
 * A request's way: read and checked, worked on in a thread beside, answered under its number.  The connection's thread
 * waits for one that is not asynchronous, and for the client's end: a function may take for ever.
 *
 * A failed request is answered and the connection lives on.  With the flag zero_copy the function works on the shared
 * memory itself; without it on a private copy, whose result is copied to the response area.
 */
#include "host/json_request.h"

#include "host/call_thread.h"
#include "host/json_api.h"
#include "host/libwinapi/libwinapi.h"
#include "spec/base/own.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

enum { DRAIN_MOST_S = 1 };

/* ---- reading ---- */

bool json_request_is(const cJSON *message)
{
    return cJSON_GetObjectItemCaseSensitive(message, "request_id") || cJSON_GetObjectItemCaseSensitive(message, "api");
}

static const struct json_api *find_api(const char *name)
{
    const struct json_api *api = json_apis;

    while (api->name && strcmp(api->name, name) != 0)
        api++;
    return api->name ? api : NULL;
}

static void read_flags(struct json_request *request, struct member_reader *reader)
{
    const cJSON *flags, *flag;

    if (!cJSON_GetObjectItemCaseSensitive(reader->message, "flags"))
        return;
    flags = member_array(reader, "flags");
    cJSON_ArrayForEach(flag, flags)
    {
        const char *name = cJSON_IsString(flag) ? flag->valuestring : "that is no string";

        if (strcmp(name, "zero_copy") == 0)
            request->is_zero_copy = true;
        else if (strcmp(name, "async") == 0)
            request->is_async = true;
        else
            member_fault(reader, "flags: there is no flag %.40s; there are zero_copy and async", name);
    }
}

static void check_inside(struct member_reader *reader, const struct json_request *request, uint64_t area,
                         const char *name)
{
    if (request->size <= area && request->offset <= area - request->size)
        return;
    member_fault(reader, "payload_offset %llu and payload_size %llu reach outside the %s area of %llu bytes",
                 (unsigned long long)request->offset, (unsigned long long)request->size, name,
                 (unsigned long long)area);
}

/* Without zero copy the function works on a copy of the payload, and on one of the result. */
static uint64_t copies_size(const struct json_request *request)
{
    if (request->is_zero_copy)
        return 0;
    return request->api->result_area(request) == RESULT_RESPONSE ? 2 * request->size : request->size;
}

static void check_limit(struct member_reader *reader, const struct json_request *request, uint64_t limit)
{
    uint64_t copies = copies_size(request);

    if (request->size > limit)
        member_fault(reader, "payload_size %llu: the buffer is larger than this host allows: raise its --max-memory",
                     (unsigned long long)request->size);
    else if (copies > limit)
        member_fault(reader,
                     "payload_size %llu: the call takes more memory than this host allows: raise its --max-memory, "
                     "or pass the flag zero_copy",
                     (unsigned long long)request->size);
}

static void read_payload(struct json_request *request, struct member_reader *reader, const struct memory *memory,
                         uint64_t limit)
{
    request->size = member_number(reader, "payload_size", 0, JSON_NUMBER_MOST);
    request->offset = member_number(reader, "payload_offset", 0, JSON_NUMBER_MOST);
    if (reader->failed)
        return;
    if (!memory->base) {
        if (request->size)
            member_fault(reader,
                         "payload_size is %llu, but no shared memory was passed: send its descriptor with this "
                         "request or with {\"message\":\"memory\"}",
                         (unsigned long long)request->size);
        return;
    }
    check_inside(reader, request, memory->arena_size, "request");
    if (request->api->result_area(request) == RESULT_RESPONSE)
        check_inside(reader, request, memory->response_size, "response");
    if (!reader->failed)
        check_limit(reader, request, limit);
}

void json_request_read(struct json_request *request, struct member_reader *reader, const struct memory *memory,
                       uint64_t limit)
{
    const char *name;

    memset(request, 0, sizeof(*request));
    request->id = member_number(reader, "request_id", 0, JSON_NUMBER_MOST);
    name = member_text(reader, "api");
    if (reader->failed)
        return;
    request->api = find_api(name);
    if (!request->api) {
        member_fault(reader, "api: there is no api \"%.40s\"; there are echo, buffer_test and performance", name);
        return;
    }
    read_flags(request, reader);
    request->api->read(request, reader);
    if (!reader->failed)
        read_payload(request, reader, memory, limit);
}

/* ---- working ---- */

static uint8_t *response_at(const struct memory *memory, const struct json_request *request)
{
    return memory->base + memory->response_offset + request->offset;
}

static void add_place(struct json_work *work)
{
    const struct json_request *request = &work->request;
    enum result_area area = request->api->result_area(request);

    cJSON_AddNumberToObject(work->reply, "payload_size", (double)request->size);
    cJSON_AddNumberToObject(work->reply, "payload_offset", (double)request->offset);
    if (area == RESULT_NONE)
        return;
    cJSON_AddNumberToObject(work->reply, "result_offset", (double)request->offset);
    cJSON_AddStringToObject(work->reply, "result_area", area == RESULT_REQUEST ? "request" : "response");
}

/* Input and output as the flag says; *copy is what must be freed, NULL with zero_copy. */
static bool provide_buffers(struct json_work *work, uint8_t **copy)
{
    const struct memory *memory = work->requests->memory;
    const struct json_request *request = &work->request;
    enum result_area area = request->api->result_area(request);

    if (!request->size)
        return true;
    work->input = memory_at(memory, request->offset, request->size);
    work->output = area == RESULT_RESPONSE ? response_at(memory, request) : work->input;
    if (request->is_zero_copy)
        return true;
    *copy = malloc(copies_size(request));
    if (!*copy)
        return false;
    memcpy(*copy, work->input, request->size);
    work->input = *copy;
    work->output = area == RESULT_RESPONSE ? *copy + request->size : *copy;
    return true;
}

static int call_api(struct json_work *work)
{
    struct json_requests *requests = work->requests;
    const struct json_request *request = &work->request;
    struct host_function *function = json_api_function(work, request->api->function);
    struct call_outcome outcome = {.track = work->track, .bytes_in = request->size};
    AUTO_FREE uint8_t *copy = NULL;
    int status;

    if (!function)
        return WINAPI_ERROR_PARAMETER;
    if (!provide_buffers(work, &copy))
        return WINAPI_ERROR_MEMORY;
    outcome.function = function->id;
    statistics_call_begin(requests->client, work->track, function->id);
    status = request->api->run(work, function->address);
    statistics_call_end(requests->client, work->track);
    if (request->api->result_area(request) != RESULT_NONE && !status) {
        outcome.bytes_out = request->size;
        if (copy && request->size)
            memcpy(response_at(requests->memory, request), work->output, request->size);
    }
    statistics_count(requests->statistics, requests->client, &outcome);
    return status;
}

/* What a status of the native function means; the host does not link to the library that knows it best. */
static const char *status_text(int status)
{
    switch (status) {
    case WINAPI_ERROR_MEMORY:
        return "not enough memory";
    case WINAPI_ERROR_BUFFER_SIZE:
        return "payload_size must be from 4096 to 67108864";
    case WINAPI_ERROR_BUFFER_COUNT:
        return "payload_size is 0: there is nothing to work on";
    case WINAPI_ERROR_MISMATCH:
        return "the payload does not hold the pattern";
    default:
        return "the function refuses its arguments";
    }
}

static void count_in_header(const struct memory *memory, bool failed)
{
    struct memory_header *header = (struct memory_header *)(void *)memory->base;

    if (!header)
        return;
    atomic_fetch_add_explicit(&header->requests, 1, memory_order_relaxed);
    if (failed)
        atomic_fetch_add_explicit(&header->errors, 1, memory_order_relaxed);
}

static cJSON *start_reply(uint64_t id)
{
    cJSON *reply = cJSON_CreateObject();

    cJSON_AddNumberToObject(reply, "request_id", (double)id);
    return reply;
}

static int work_and_answer(struct json_work *work)
{
    cJSON *status;
    int error;

    work->reply = start_reply(work->request.id);
    status = cJSON_AddNumberToObject(work->reply, "status", 0);
    error = call_api(work);
    cJSON_SetNumberValue(status, error);
    if (!error)
        add_place(work);
    else
        cJSON_AddStringToObject(work->reply, "error", work->fault[0] ? work->fault : status_text(error));
    count_in_header(work->requests->memory, error != 0);
    return outbox_send(work->requests->outbox, work->reply);
}

/* ---- beside the connection ---- */

/* A free one, from that track on; TRACKS: there is none. */
static size_t take_track(struct json_requests *requests, size_t track)
{
    pthread_mutex_lock(&requests->lock);
    while (track < TRACKS && requests->is_working[track - TRACK_CONNECTION])
        track++;
    if (track < TRACKS)
        requests->is_working[track - TRACK_CONNECTION] = true;
    pthread_mutex_unlock(&requests->lock);
    return track;
}

/* `error`: what came of answering, which is of interest where somebody waits. */
static void give_track(struct json_requests *requests, size_t track, int error)
{
    pthread_mutex_lock(&requests->lock);
    requests->is_working[track - TRACK_CONNECTION] = false;
    if (track == TRACK_CONNECTION)
        requests->turn_error = error;
    pthread_cond_signal(&requests->idle);
    pthread_mutex_unlock(&requests->lock);
}

/* A client that is gone is noticed where it is read from. */
static void *work_beside(void *argument)
{
    struct json_work *work = argument;
    int turn_fd = work->track == TRACK_CONNECTION ? work->requests->turn_fd : -1;

    give_track(work->requests, work->track, work_and_answer(work));
    free(work);
    if (turn_fd >= 0)
        (void)!eventfd_write(turn_fd, 1); /* counterpart: wait_for_turn() */
    return NULL;
}

/* False when as many are worked on as may be, or no thread can be had. */
static bool start_beside(const struct json_work *work, size_t first_track)
{
    size_t track = take_track(work->requests, first_track);
    struct json_work *copy;
    pthread_t thread;

    if (track == TRACKS)
        return false;
    copy = malloc(sizeof(*copy));
    if (copy) {
        *copy = *work;
        copy->track = track;
        if (call_thread_start(work_beside, copy, &thread) == 0)
            return true;
    }
    free(copy);
    give_track(work->requests, track, 0);
    return false;
}

/* A client that has only closed its sending side waits for the answer: the connection has not hung up then. */
static int wait_for_turn(struct json_requests *requests)
{
    struct pollfd pollers[] = {
        {.fd = requests->turn_fd, .events = POLLIN},
        {.fd = requests->connection_fd},
        {.fd = requests->client_fd, .events = POLLIN},
    };
    eventfd_t count;
    int error;

    while (poll(pollers, COUNT_OF(pollers), -1) <= 0)
        if (errno != EINTR)
            return -errno;
    if (!pollers[0].revents)
        return -ECONNRESET;
    if (eventfd_read(requests->turn_fd, &count) < 0)
        return -errno;
    pthread_mutex_lock(&requests->lock);
    error = requests->turn_error;
    pthread_mutex_unlock(&requests->lock);
    return error;
}

/* ---- the session's side ---- */

static int refuse(struct json_requests *requests, const cJSON *message, const struct json_request *request,
                  const char *fault)
{
    bool has_id = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(message, "request_id"));
    cJSON *reply = has_id ? start_reply(request->id) : cJSON_CreateObject();

    if (!has_id)
        cJSON_AddNullToObject(reply, "request_id");
    cJSON_AddNumberToObject(reply, "status", WINAPI_ERROR_PARAMETER);
    cJSON_AddStringToObject(reply, "error", fault);
    count_in_header(requests->memory, true);
    return outbox_send(requests->outbox, reply);
}

int json_requests_init(struct json_requests *requests)
{
    int error = pthread_mutex_init(&requests->lock, NULL);

    memset(requests->is_working, 0, sizeof(requests->is_working));
    requests->native_handle = NULL;
    requests->turn_fd = eventfd(0, EFD_CLOEXEC);
    if (requests->turn_fd < 0)
        return -errno;
    return error ? -error : -pthread_cond_init(&requests->idle, NULL);
}

void json_requests_finish(struct json_requests *requests)
{
    close(requests->turn_fd);
}

int json_request_handle(struct json_requests *requests, const cJSON *message)
{
    struct json_work work = {.requests = requests, .track = TRACK_CONNECTION};
    struct member_reader reader;

    member_start(&reader, message);
    json_request_read(&work.request, &reader, requests->memory, requests->memory_limit);
    if (reader.failed)
        return refuse(requests, message, &work.request, reader.fault);
    if (work.request.is_async && start_beside(&work, TRACK_ASYNC))
        return 0;
    return start_beside(&work, TRACK_CONNECTION) ? wait_for_turn(requests) : work_and_answer(&work);
}

static bool is_working(const struct json_requests *requests)
{
    for (size_t i = 0; i < REQUESTS_MOST; i++)
        if (requests->is_working[i])
            return true;
    return false;
}

void json_requests_drain(struct json_requests *requests)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DRAIN_MOST_S;
    pthread_mutex_lock(&requests->lock);
    while (is_working(requests))
        if (pthread_cond_timedwait(&requests->idle, &requests->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&requests->lock);
}
