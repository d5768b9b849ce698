/*
 * This process's session with its host: made at the first remote call, made again after a loss or a fork.
 *
 * A connection knows which worker answers, the ids it gave to our functions, and what it refused.  Lanes belong to
 * a connection; once it is marked lost no new lane is opened on it, and the last lane to go frees it.
 */
#ifndef WINAPI_PRELOAD_LANE_CONNECTION_H
#define WINAPI_PRELOAD_LANE_CONNECTION_H

#include "preload/core.h"
#include "spec/base/error.h"
#include "spec/wire/channel.h"
#include "spec/wire/descriptor.h"
#include "spec/wire/lane.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CONNECTION_NO_ID UINT32_MAX

enum { ABSENCE_TEXT_MOST = 768 };

/* Why there is no connection or no lane: for the line about the call that needed one. */
struct absence {
    char text[ABSENCE_TEXT_MOST];
    bool is_costly; /* asking again takes long or starts one more process: not with every call */
};

/* Told of each answer of the host's before the connection takes it: for who wants to know more than whether it went
 * well. */
struct connection_listener {
    void (*hear)(const cJSON *answer, void *context);
    void *context;
};

struct connection {
    struct channel channel;
    struct arena *arena;         /* of the memory that is shared with the host */
    const struct memory *memory; /* the same; NULL: socket lanes */
    uint32_t *ids;               /* by binding index; CONNECTION_NO_ID: refused */
    char **refusals;             /* why, by binding index; NULL: not refused */
    size_t row_count;
    uint32_t worker; /* the host's pid */
    pid_t started;   /* the process that was started for this connection, and its group; 0: none */
    char *address;   /* for messages */
    uint32_t lanes_most;
    struct absence *absence; /* where to say what went wrong */
    struct connection_listener listener;
    _Atomic bool is_lost;
    bool has_said_unmade; /* that calls which nobody waited for may not have been made */
};

/*
 * Connects as settings say.  Takes up to WINAPI_CONNECT_TIMEOUT.  -ENOTCONN no host answers and none could be started;
 * -ETIMEDOUT; -ECONNRESET it ended meanwhile; -EPROTO it refused us or makes no sense; -ENOMEM.  `absence` then says
 * what failed, and outlives the connection.  `arena` NULL: no shared memory; `salt` goes into the handles of this
 * session.
 */
MUST_CHECK int connection_open(struct connection **connection, struct core *core, struct arena *arena, uint16_t salt,
                               struct absence *absence);

/* The same for who asks only, with no handle to come: the listener hears the welcome and the rows. */
MUST_CHECK int connection_open_heard(struct connection **connection, struct core *core, struct arena *arena,
                                     struct absence *absence, struct connection_listener listener);

/* Closes our end, if the descriptor still is ours, and frees it all.  NULL is fine. */
void connection_close(struct connection *connection);

/*
 * Has the host serve a lane: number `index` of the shared memory, or `fd`, the host's end of a socket pair.
 * -EAGAIN the host has no more lanes for us; otherwise the connection is lost: -ECONNRESET, -ETIMEDOUT, -EPROTO.
 * connection->absence says why.
 */
MUST_CHECK int connection_open_lane(struct connection *connection, uint32_t index, int fd, uint64_t deadline_ns);

/*
 * Tells the host that nobody waits for the call on this lane any more, so that it interrupts the function.  A host that
 * cannot be told is lost.
 */
void connection_close_lane(struct connection *connection, uint32_t index);

/* A line, once: the host has ended, and calls that nobody waited for may not have been made.  Under the pool's lock. */
void connection_say_unmade(struct connection *connection);

#endif
