/*
 * One control message after another, given to a session's handlers as a client would: an input is messages of JSON,
 * one a line.  The client has passed a small memory and can call nothing, so no function runs.
 */
#include "host/session.h"
#include "spec/base/log.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MOST = 16 << 10, DRAIN_SIZE = 64 << 10 };

static struct catalog catalog;
static struct host_functions functions;
static struct statistics *statistics;
static struct client_slot *client;

static void start_once(void)
{
    if (statistics)
        return;
    log_start("fuzz_session", LOG_NONE, NULL);
    if (host_functions_init(&functions, &catalog) || statistics_create(&statistics, functions.count, 1))
        abort();
    client = statistics_client_begin(statistics, 0, 0);
}

/* Reads away what the session answers, so that it never waits for room. */
static void drain(int fd)
{
    static char answer[DRAIN_SIZE];

    while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
        continue;
}

static void handle_line(struct session *session, const char *line, size_t size)
{
    cJSON *message = cJSON_ParseWithLength(line, size);
    int error = message ? session_handle(session, message) : 0;

    /* The other end is there and reads, so an answer always gets out. */
    if (error)
        abort();
    cJSON_Delete(message);
}

static void handle_all(struct session *session, int fd, const char *data, size_t size)
{
    while (size && !session->is_over) {
        const char *end = memchr(data, '\n', size);
        size_t line = end ? (size_t)(end - data) : size;

        handle_line(session, data, line);
        drain(fd);
        data += line + (end != NULL);
        size -= line + (end != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session session;
    int fds[2];

    if (size > INPUT_MOST)
        return 0;
    start_once();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        abort();
    memset(&session, 0, sizeof(session));
    session.functions = &functions;
    session.statistics = statistics;
    session.client = client;
    session.limits = (struct client_limits){.lanes = 2, .memory = 1 << 20};
    if (session_init(&session, fds[0], fds[0]) || memory_create(&session.memory, MEMORY_PAGE, NULL) ||
        memory_open(&session.memory, MEMORY_PAGE))
        abort();
    session.memory.lane_count = 0; /* no lane, no thread */
    handle_all(&session, fds[1], (const char *)data, size);
    session_finish(&session);
    close(fds[1]);
    return 0;
}
