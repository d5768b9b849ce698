/*
 * The host's first process: accepts clients, starts a worker process for each, and outlives them all.
 *
 * A library that crashes takes down one worker and so one client.
 */
#ifndef WINAPI_HOST_SUPERVISOR_H
#define WINAPI_HOST_SUPERVISOR_H

#include "host/function.h"
#include "host/session.h"
#include "host/statistics.h"

struct supervisor {
    struct host_functions *functions;
    struct statistics *statistics;
    struct client_limits limits;
};

/*
 * Serves whoever connects to the socket at `path` until SIGTERM, SIGINT or SIGHUP, then ends the workers and removes
 * the socket.  `ready_fd` gets a line end once clients can connect, and is closed; -1: nobody wants to know. What
 * address_listen_unix() says; others when the supervisor itself fails.
 */
MUST_CHECK int supervisor_listen(struct supervisor *supervisor, const char *path, int ready_fd);

/* Serves one client, who is on the other end of these descriptors, until it is gone. */
MUST_CHECK int supervisor_serve_one(struct supervisor *supervisor, int fd, int write_fd);

#endif
