/* A winapi-host of the bench's own, on a socket in the bench's folder, and what it says that it has done. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_HOST_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_HOST_H

#include "preload/command/bench/bench_child.h"

#include <cjson/cJSON.h>

enum { BENCH_HOST_SPECS_MOST = 4, BENCH_COUNTED = 5 };

/* The functions whose calls are counted here as well as by the host. */
enum bench_counted { COUNTED_ECHO, COUNTED_CRC32, COUNTED_BUFFER, COUNTED_SEED, COUNTED_CHARACTER };

struct bench_host {
    struct bench_child child; /* its pid is 0: it was not started */
    char *path;               /* of the socket */
    char *address;
    uint64_t calls[BENCH_COUNTED]; /* that clients say they have made */
    uint64_t verified;             /* how many of them a total has */
};

/* `specs` are files or names, NULL at the end.  Waits until clients can connect.  Errors are logged. */
MUST_CHECK int bench_host_start(struct bench_host *host, const char *folder, const char *program, int cpu,
                                const char *const *specs);
void bench_host_stop(struct bench_host *host);

/* Its statistics, which the caller deletes.  Errors are logged. */
MUST_CHECK int bench_host_ask(const struct bench_host *host, cJSON **answer);

/*
 * Whether its own counts are what the clients say; -EBADMSG, logged: they are not, and whatever answered the calls, it
 * was not this host.  `total` grows by the calls since the last time.
 */
MUST_CHECK int bench_host_verify(struct bench_host *host, uint64_t *total);

#endif
