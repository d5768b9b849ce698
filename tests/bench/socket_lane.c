/*
 * What a lane over a socket costs beside the bare socket: 32 bytes to and fro, and 64 MiB whose checksum comes back.
 *
 *     socket_lane [same|split|none [ROUNDS]]      where both sides run
 *
 * Only the lane is measured, without marshalling: the rest of a call is `winapi bench`'s to show.  All kinds take
 * turns; the medians of the rounds are printed.
 */
#include "spec/wire/clock.h"
#include "spec/wire/lane.h"

#include <errno.h>
#include <libwinapi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 32, CALLS = 20000, LARGE = 64 << 20, TRANSFERS = 6, ROUNDS_MOST = 99, PERCENTILE = 99 };

struct line {
    int fds[2];
    int flags; /* MSG_DONTWAIT: asks again and again */
    uint8_t *bytes;
    struct lane lane;
};

/* One way of doing it: the other side's loop, and one round trip here. */
struct kind {
    const char *name;
    bool is_large, polls;
    void (*there)(struct line *line);
    void (*call)(struct line *line);
};

static void fail(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

static uint32_t checksum_of(const void *bytes, size_t size)
{
    static winapi_handle_t handle;
    winapi_buffer_t buffer = {(void *)(uintptr_t)bytes, size};
    winapi_buffer_test_result_t result = {0};

    if (!handle)
        handle = winapi_init();
    if (winapi_buffer_test(handle, &buffer, 1, WINAPI_BUFFER_OP_READ, 0, &result) != WINAPI_SUCCESS)
        fail("checksum");
    return result.checksum;
}

/* ---- bare ---- */

static bool receive_all(const struct line *line, int side, void *data, size_t size)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = recv(line->fds[side], (uint8_t *)data + have, size - have, line->flags);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        have += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool send_all(const struct line *line, int side, const void *data, size_t size)
{
    return send(line->fds[side], data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void bare_there(struct line *line)
{
    uint8_t bytes[SIZE];

    while (receive_all(line, 1, bytes, SIZE) && send_all(line, 1, bytes, SIZE))
        ;
}

static void bare_call(struct line *line)
{
    uint8_t bytes[SIZE] = {1};

    if (!send_all(line, 0, bytes, SIZE) || !receive_all(line, 0, bytes, SIZE))
        fail("bare");
}

static void bare_large_there(struct line *line)
{
    while (receive_all(line, 1, line->bytes, LARGE)) {
        uint32_t checksum = checksum_of(line->bytes, LARGE);

        if (!send_all(line, 1, &checksum, sizeof(checksum)))
            return;
    }
}

static void bare_large_call(struct line *line)
{
    uint32_t checksum;

    if (!send_all(line, 0, line->bytes, LARGE) || !receive_all(line, 0, &checksum, sizeof(checksum)))
        fail("bare");
}

/* ---- the lane ---- */

static void lane_there(struct line *line)
{
    struct lane *lane = &line->lane;
    uint32_t checksum;

    if (lane_open_socket(lane, line->fds[1], LARGE) < 0)
        fail("lane");
    while (lane_receive(lane) == 0) {
        const struct frame *request = &lane->request;
        struct frame *reply = lane_reply(lane);

        frame_start(reply, FRAME_RESULT, request->header.request, 0);
        reply->header.inline_size = request->header.inline_size;
        memcpy(reply->body, request->body, request->header.inline_size);
        if (request->header.buffer_count == 1) {
            checksum = checksum_of(lane_payload(lane, 0, LARGE), LARGE);
            memcpy(reply->body, &checksum, sizeof(checksum));
            reply->header.inline_size = sizeof(checksum);
        }
        if (lane_answer(lane) < 0)
            fail("answer");
    }
}

static struct frame *lane_start(struct line *line)
{
    static uint64_t number;

    if (line->lane.payload_most == 0 && lane_open_socket(&line->lane, line->fds[0], LARGE) < 0)
        fail("lane");
    frame_start(lane_request(&line->lane), FRAME_CALL, ++number, 0);
    return lane_request(&line->lane);
}

static void lane_call(struct line *line)
{
    struct frame *request = lane_start(line);
    bool sent;

    request->header.inline_size = SIZE;
    memset(request->body, 1, SIZE);
    if (lane_exchange(&line->lane, 0, &sent) < 0)
        fail("exchange");
}

static void lane_large_call(struct line *line)
{
    struct frame *request = lane_start(line);
    bool sent;

    lane_take_back(&line->lane);
    lane_lend(&line->lane, 0, line->bytes, LARGE);
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.size = LARGE, .flags = BUFFER_IN};
    if (lane_exchange(&line->lane, 0, &sent) < 0)
        fail("exchange");
}

static const struct kind kinds[] = {
    {"bare, blocking", false, false, bare_there, bare_call},
    {"bare, polling", false, true, bare_there, bare_call},
    {"lane", false, false, lane_there, lane_call},
    {"bare, 64 MiB", true, false, bare_large_there, bare_large_call},
    {"lane, 64 MiB", true, false, lane_there, lane_large_call},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* ---- rounds ---- */

static void run_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) < 0)
        fail("processor");
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;

    return a < b ? -1 : a > b;
}

static double percentile(double *values, int count, int percent)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return values[(size_t)count * (size_t)percent / 100];
}

static pid_t start_there(const struct kind *kind, struct line *line, int cpu)
{
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line->fds) < 0)
        fail("socket pair");
    fflush(stdout);
    pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid > 0) {
        close(line->fds[1]);
        return pid;
    }
    close(line->fds[0]);
    run_on(cpu);
    kind->there(line);
    _exit(0);
}

/* Medians and 99th percentiles of one round, in µs. */
static void measure(const struct kind *kind, struct line *line, int cpu, double *median, double *late)
{
    static double samples[CALLS];
    int count = kind->is_large ? TRANSFERS : CALLS, warm = kind->is_large ? 2 : 500;
    pid_t pid;

    memset(&line->lane, 0, sizeof(line->lane));
    line->flags = kind->polls ? MSG_DONTWAIT : 0;
    pid = start_there(kind, line, cpu);
    for (int i = -warm; i < count; i++) {
        uint64_t start_ns = clock_now_ns();

        kind->call(line);
        if (i >= 0)
            samples[i] = (double)(clock_now_ns() - start_ns) / 1000;
    }
    if (line->lane.payload_most != 0)
        lane_close(&line->lane);
    else
        close(line->fds[0]);
    waitpid(pid, NULL, 0);
    *median = percentile(samples, count, 50);
    *late = percentile(samples, count, PERCENTILE);
}

int main(int argc, char **argv)
{
    static double medians[KINDS][ROUNDS_MOST], lates[KINDS][ROUNDS_MOST];
    const char *where = argc > 1 ? argv[1] : "split";
    int rounds = argc > 2 ? atoi(argv[2]) : 9, there = -1;
    struct line line = {0};

    if (rounds < 1 || rounds > ROUNDS_MOST)
        rounds = 1;
    if (strcmp(where, "none") != 0) {
        there = strcmp(where, "same") == 0 ? 0 : 1;
        run_on(0);
    }
    line.bytes = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (line.bytes == MAP_FAILED)
        fail("memory");
    memset(line.bytes, 1, LARGE);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < KINDS; i++) {
            bool is_pointless = kinds[i].polls && there == 0;

            if (!is_pointless)
                measure(&kinds[i], &line, there, &medians[i][round], &lates[i][round]);
        }
    for (int i = 0; i < KINDS; i++)
        printf("%-16s p50 %9.2f µs, p99 %9.2f µs (least p50 %.2f)\n", kinds[i].name, percentile(medians[i], rounds, 50),
               percentile(lates[i], rounds, 50), medians[i][0]);
    return 0;
}
