/*
 * The conversation before the first call: docs/protocol.md, "Control messages".
 *
 * Shared by connection.c, which opens the connection and has lanes opened on it, and greeting.c.
 */
#ifndef WINAPI_PRELOAD_LANE_GREETING_H
#define WINAPI_PRELOAD_LANE_GREETING_H

#include "preload/lane/connection.h"

struct question {
    cJSON *message;       /* NULL: memory had run out */
    int fd;               /* goes with it; -1: none */
    const char *expected; /* the kind of answer */
};

/* Says into connection->absence what went wrong. */
FORMAT_LIKE(2, 3) void connection_explain(const struct connection *connection, const char *format, ...);

/*
 * Asks, and deletes the question.  0 with the answer, which is the caller's.  -EAGAIN the host refuses one more lane;
 * -EPROTO it refuses us or makes no sense; -ECONNRESET, -ETIMEDOUT, -ENOMEM: connection->absence says why.
 */
MUST_CHECK int connection_converse(struct connection *connection, struct question question, cJSON **answer,
                                   uint64_t deadline_ns);

/* Hello, welcome, and the ids of our functions.  Errors as above. */
MUST_CHECK int connection_greet(struct connection *connection, struct core *core, uint16_t salt, uint64_t deadline_ns);

#endif
