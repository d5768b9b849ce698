/* The processes that serve clients, seen from the supervisor: started, reaped, ended. */
#ifndef WINAPI_HOST_WORKER_H
#define WINAPI_HOST_WORKER_H

#include "host/function.h"
#include "host/session.h"
#include "host/statistics.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

enum { REFUSED_MOST = 16 }; /* refused connections that are kept open so that the client can read why */

struct worker_setting {
    struct host_functions *functions;
    struct statistics *statistics;
    struct client_limits limits;
    sigset_t signals; /* what the supervisor had before it began to hold signals back */

    /* The supervisor's own descriptors, which a worker does not keep; -1: none. */
    int closed_fds[2];
    int refused_fds[REFUSED_MOST];
};

/* Forks a worker that serves the client in this slot.  The descriptors stay the caller's.  What fork() says. */
MUST_CHECK int worker_start(const struct worker_setting *setting, struct client_slot *slot, int fd, int write_fd);

/* Takes in the workers that have ended, and logs those that crashed.  `is_stopping`: they were told to end. */
void worker_reap(const struct worker_setting *setting, bool is_stopping);

/* How many there are. */
size_t worker_count(const struct statistics *statistics);

/* Sends the signal to all. */
void worker_signal_all(const struct statistics *statistics, int signal);

#endif
