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

enum { REQUESTS_MOST = TRACKS - TRACK_CONNECTION }; /* that are worked on at a time: one in turn, others beside */

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
    uint64_t memory_limit;       /* bytes of one payload, and of the copies that one request makes */
    int connection_fd;           /* hung up when the client has gone; not owned */
    int client_fd;               /* readable when the client's process has ended; -1: there is no telling; not owned */

    pthread_mutex_t lock;
    pthread_cond_t idle;            /* a request has ended */
    bool is_working[REQUESTS_MOST]; /* by track, from TRACK_CONNECTION on */
    int turn_fd;                    /* an eventfd: the request of TRACK_CONNECTION has ended */
    int turn_error;                 /* what came of answering that */
    void *native_handle;            /* of winapi_init(), made by the first request that needs it */
};

/* The members up to `client_fd` are the caller's to fill in. */
MUST_CHECK int json_requests_init(struct json_requests *requests);

/* For tests: after json_requests_drain(). */
void json_requests_finish(struct json_requests *requests);

/* Whether a message is meant as a request: it has a request_id or an api. */
bool json_request_is(const cJSON *message);

/*
 * Reads and checks a request against the memory and the limit of json_requests.  A fault in the reader, and request->id
 * as far as it is known.
 */
void json_request_read(struct json_request *request, struct member_reader *reader, const struct memory *memory,
                       uint64_t limit);

/*
 * Answers one request, in a thread of its own, and waits for that unless it is asynchronous.  -ECONNRESET the client
 * has gone meanwhile, and the request may still be worked on; what outbox_send() says.
 */
MUST_CHECK int json_request_handle(struct json_requests *requests, const cJSON *message);

/* Waits, for a second at most, until no request is being worked on. */
void json_requests_drain(struct json_requests *requests);

#endif
