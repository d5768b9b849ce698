/*
 * Calls as plain JSON, for programs that have no library of ours: {"request_id":1,"api":"echo",...}.
 *
 * The payload lies in shared memory that the client passed; offsets count from the start of its request area, and
 * results go to the same offset of its response area.  docs/protocol.md, "JSON requests".
 */
#ifndef WINAPI_HOST_JSON_REQUEST_H
#define WINAPI_HOST_JSON_REQUEST_H

#include "host/function.h"
#include "host/json_member.h"
#include "host/outbox.h"
#include "host/statistics.h"
#include "spec/wire/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct json_api;

struct json_request {
    uint64_t id;
    const struct json_api *api;
    uint64_t offset, size; /* of the payload, in the request area */
    bool is_zero_copy, is_async;
    int operation;    /* buffer_test: enum winapi_buffer_op */
    uint32_t pattern; /* buffer_test */
    int test_type;    /* performance: enum winapi_perf_type */
    uint32_t iterations;
    uint64_t target_bytes;
};

/* Everything that requests of one session share. */
struct json_requests {
    struct outbox *outbox;
    struct host_functions *functions;
    struct statistics *statistics;
    struct client_slot *client;
    const struct memory *memory; /* whose base is NULL until the client has passed one */

    pthread_mutex_t lock;
    pthread_cond_t idle;                  /* an asynchronous request has ended */
    bool is_working[ASYNC_REQUESTS_MOST]; /* tracks in use */
    void *native_handle;                  /* of winapi_init(), made by the first request that needs it */
};

/* The members up to `memory` are the caller's to fill in. */
MUST_CHECK int json_requests_init(struct json_requests *requests);

/* Whether a message is meant as a request: it has a request_id or an api. */
bool json_request_is(const cJSON *message);

/* Reads and checks a request against the memory.  A fault in the reader, and request->id as far as it is known. */
void json_request_read(struct json_request *request, struct member_reader *reader, const struct memory *memory);

/* Answers one request: at once, or from a thread of its own.  What outbox_send() says. */
MUST_CHECK int json_request_handle(struct json_requests *requests, const cJSON *message);

/* Waits, for a second at most, until no asynchronous request is being worked on. */
void json_requests_drain(struct json_requests *requests);

#endif
