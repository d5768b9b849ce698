#include "preload/command/bench/bench_host.h"

#include "spec/base/own.h"
#include "spec/wire/address.h"
#include "spec/wire/channel.h"
#include "spec/wire/clock.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { START_MS = 20000, ANSWER_MS = 5000, SETTLE_MS = 2000, ARGUMENTS_MOST = 8 + 2 * BENCH_HOST_SPECS_MOST };

static const char *const counted_names[BENCH_COUNTED] = {
    [COUNTED_ECHO] = "winapi_echo", [COUNTED_CRC32] = "crc32",       [COUNTED_BUFFER] = "winapi_buffer_test",
    [COUNTED_SEED] = "srand48",     [COUNTED_CHARACTER] = "toascii",
};

/* The host writes a line end once it listens; it closes the pipe when it cannot. */
static int wait_until_ready(int fd)
{
    struct pollfd waited = {.fd = fd, .events = POLLIN};
    uint64_t deadline_ns = clock_deadline_ns(START_MS);
    char byte;
    int ready;

    do {
        if (bench_interrupted())
            return -EINTR;
        ready = poll(&waited, 1, clock_poll_ms(deadline_ns));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return -ETIMEDOUT;
    return read(fd, &byte, 1) == 1 ? 0 : -EPIPE;
}

static int start(struct bench_host *host, const char *program, int cpu, const char *const *specs)
{
    const char *arguments[ARGUMENTS_MOST] = {program, "--listen", host->address, "--ready-fd"};
    struct bench_start how = {.name = "winapi-host", .arguments = arguments, .cpu = cpu, .is_host = true};
    char number[16];
    size_t count = 4;
    int fds[2], error;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    snprintf(number, sizeof(number), "%d", fds[1]);
    arguments[count++] = number;
    for (; *specs && count + 2 < ARGUMENTS_MOST; specs++) {
        arguments[count++] = "--spec";
        arguments[count++] = *specs;
    }
    how.kept_fd = fds[1];
    error = bench_child_start(&host->child, &how);
    close(fds[1]);
    if (!error)
        error = wait_until_ready(fds[0]);
    if (error)
        bench_child_end(&host->child); /* before nobody reads that it is ready */
    close(fds[0]);
    return error;
}

int bench_host_start(struct bench_host *host, const char *folder, const char *program, int cpu,
                     const char *const *specs)
{
    static unsigned number;
    int error;

    *host = (struct bench_host){.child.fd = -1};
    if (asprintf(&host->address, "unix:%s/host-%u", folder, number++) < 0) {
        host->address = NULL;
        return -ENOMEM;
    }
    host->path = strdup(host->address + strlen("unix:"));
    error = host->path ? start(host, program, cpu, specs) : -ENOMEM;
    if (error && error != -EINTR)
        bench_say("winapi-host does not start at %s: %s", host->address, strerror(-error));
    if (error)
        bench_host_stop(host);
    return error;
}

void bench_host_stop(struct bench_host *host)
{
    bench_child_end(&host->child);
    free(host->path);
    free(host->address);
    *host = (struct bench_host){.child.fd = -1};
}

/* ---- what it says ---- */

static int ask(const struct bench_host *host, cJSON **answer)
{
    uint64_t deadline_ns = clock_deadline_ns(ANSWER_MS);
    int error, fd = address_connect_unix(host->path, deadline_ns);
    cJSON *question = cJSON_CreateObject();
    struct channel channel;

    if (fd < 0 || !cJSON_AddStringToObject(question, "message", "stat")) {
        cJSON_Delete(question);
        own_close(&fd);
        return fd < 0 ? fd : -ENOMEM;
    }
    channel_start(&channel, fd, fd);
    error = channel_send(&channel, question, -1, deadline_ns);
    cJSON_Delete(question);
    if (!error)
        error = channel_receive(&channel, answer, CONTROL_MESSAGE_MOST, deadline_ns);
    channel_finish(&channel);
    return error;
}

int bench_host_ask(const struct bench_host *host, cJSON **answer)
{
    int error = ask(host, answer);

    if (error && bench_interrupted())
        return -EINTR;
    if (error)
        bench_say("the host at %s does not say what it has done: %s", host->address, strerror(-error));
    return error;
}

static uint64_t calls_of(const cJSON *answer, const char *name)
{
    const cJSON *function;

    cJSON_ArrayForEach(function, cJSON_GetObjectItemCaseSensitive(answer, "functions"))
    {
        const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(function, "name"));

        if (found && strcmp(found, name) == 0)
            return (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(function, "calls"));
    }
    return 0;
}

/* The first function whose counts differ, or BENCH_COUNTED. */
static int look(const struct bench_host *host, int *wrong, uint64_t *found)
{
    cJSON *answer = NULL;
    int error = bench_host_ask(host, &answer);

    *wrong = BENCH_COUNTED;
    for (int i = 0; !error && i < BENCH_COUNTED && *wrong == BENCH_COUNTED; i++) {
        *found = calls_of(answer, counted_names[i]);
        if (*found != host->calls[i])
            *wrong = i;
    }
    cJSON_Delete(answer);
    return error;
}

/* A host may count a call after it has answered it. */
int bench_host_verify(struct bench_host *host, uint64_t *total)
{
    uint64_t deadline_ns = clock_deadline_ns(SETTLE_MS), found = 0;
    int wrong, error = look(host, &wrong, &found);

    while (!error && wrong < BENCH_COUNTED && !clock_is_past(deadline_ns)) {
        poll(NULL, 0, 10);
        error = look(host, &wrong, &found);
    }
    if (error)
        return error;
    if (wrong < BENCH_COUNTED) {
        bench_say("the clients have called %s %llu times, but the host has counted %llu: those figures are of "
                  "something else",
                  counted_names[wrong], (unsigned long long)host->calls[wrong], (unsigned long long)found);
        return -EBADMSG;
    }
    *total -= host->verified;
    host->verified = 0;
    for (int i = 0; i < BENCH_COUNTED; i++)
        host->verified += host->calls[i];
    *total += host->verified;
    return 0;
}
