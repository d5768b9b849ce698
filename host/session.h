/*
 * One client, from its first message to its end: what it sends on the control connection.
 *
 * A session is the whole of its worker process: the first thread reads messages, each lane has a thread of its own,
 * and when the connection ends, so does the process, whatever its threads are doing.
 */
#ifndef WINAPI_HOST_SESSION_H
#define WINAPI_HOST_SESSION_H

#include "host/function.h"
#include "host/json_request.h"
#include "host/lane_set.h"
#include "host/outbox.h"
#include "host/statistics.h"
#include "spec/wire/channel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one client may take. */
struct client_limits {
    size_t lanes;
    uint64_t memory; /* bytes of one buffer, and of the copies that one call makes */
};

/* A client's shared memory may be as large as the largest buffers of one call together; untouched it costs nothing. */
enum { SHARED_MEMORY_FACTOR = 8 };

struct session {
    struct channel channel;
    struct outbox outbox;
    struct host_functions *functions;
    struct statistics *statistics;
    struct client_slot *client;
    struct client_limits limits;

    bool is_greeted;
    bool is_over; /* the connection is to be closed */
    struct memory memory;
    struct handle_table handles;
    struct lane_set lanes;
    struct json_requests requests;
};

/* The channel is the session's from here on.  The members about functions, counts and limits are filled in already. */
MUST_CHECK int session_init(struct session *session, int fd, int write_fd);

/* For tests: no lane may be open. */
void session_finish(struct session *session);

/* Answers one message; session->is_over when it was the last.  What channel_send() says. */
MUST_CHECK int session_handle(struct session *session, const cJSON *message);

/* Serves the client until it is gone, then ends the process. */
_Noreturn void session_run(struct session *session);

#endif
