/* Ping-pong through a Unix stream socket, and a large transfer whose checksum comes back. */
#include "preload/command/bench_programs/bench_floor.h"

#include <errno.h>
#include <libwinapi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HERE, THERE, SIDES, WARM = 100, TRANSFER_WARM = 2, PING_MOST = 4096 };

struct line {
    int fds[SIDES];
    int flags; /* MSG_DONTWAIT for sides that poll */
    uint32_t size;
    unsigned char *bytes;
    uint32_t checksum, expected;
    bool is_broken;
};

/* All `size` bytes; a side that polls asks again and again instead of waiting.  False: the other side is gone. */
static bool receive_all(const struct line *line, int side, void *data, size_t size)
{
    unsigned char *rest = data;

    while (size > 0) {
        ssize_t got = recv(line->fds[side], rest, size, line->flags);

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got > 0) {
            rest += got;
            size -= (size_t)got;
        }
    }
    return true;
}

static bool send_all(const struct line *line, int side, const void *data, size_t size)
{
    const unsigned char *rest = data;

    while (size > 0) {
        ssize_t sent = send(line->fds[side], rest, size, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            rest += sent;
            size -= (size_t)sent;
        }
    }
    return true;
}

/* ---- ping-pong ---- */

static void ping_there(void *context)
{
    struct line *line = context;
    unsigned char bytes[PING_MOST];

    close(line->fds[HERE]);
    while (receive_all(line, THERE, bytes, line->size) && send_all(line, THERE, bytes, line->size))
        ;
}

static void ping_act(void *context)
{
    struct line *line = context;

    line->is_broken =
        !send_all(line, HERE, line->bytes, line->size) || !receive_all(line, HERE, line->bytes, line->size);
}

static bool ping_check(struct bench_work *work, void *context, uint32_t index)
{
    struct line *line = context;

    return !line->is_broken || bench_work_fail(work, "the other side was gone at round trip %u", index);
}

/* Makes the line and the other side, samples, and ends both. */
static void sample_over(struct line *line, struct bench_work *work, const struct bench_step *step,
                        void (*there)(void *context))
{
    uint32_t warm = step->prepare ? TRANSFER_WARM : WARM;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line->fds) < 0) {
        bench_work_fail(work, "no socket pair: %s", strerror(errno));
        return;
    }
    pid = bench_floor_fork(work->job.other_cpu, there, line);
    close(line->fds[THERE]);
    if (pid < 0)
        bench_work_fail(work, "the other side: %s", strerror(-pid));
    else
        bench_work_sample(work, step, line, warm);
    close(line->fds[HERE]);
    if (pid > 0)
        bench_floor_end(pid, false);
}

void bench_floor_socket(struct bench_work *work)
{
    static const struct bench_step step = {NULL, ping_act, ping_check};
    unsigned char bytes[PING_MOST] = {1};
    struct line line = {.size = work->job.size, .bytes = bytes};

    line.flags = work->job.option == SOCKET_POLLING ? MSG_DONTWAIT : 0;
    if (line.size == 0 || line.size > PING_MOST)
        bench_work_fail(work, "a ping-pong of %u bytes is not measured", line.size);
    else
        sample_over(&line, work, &step, ping_there);
}

/* ---- transfer ---- */

/* The function that the product is measured with, called here. */
static uint32_t checksum_of(const struct line *line)
{
    static winapi_handle_t handle;
    winapi_buffer_t buffer = {line->bytes, line->size};
    winapi_buffer_test_result_t result = {0};

    if (!handle)
        handle = winapi_init();
    winapi_buffer_test(handle, &buffer, 1, WINAPI_BUFFER_OP_READ, 0, &result);
    return result.checksum;
}

/* Its bytes are its own copies since the fork, once the first transfer has written to them. */
static void transfer_there(void *context)
{
    struct line *line = context;

    close(line->fds[HERE]);
    while (receive_all(line, THERE, line->bytes, line->size)) {
        uint32_t checksum = checksum_of(line);

        if (!send_all(line, THERE, &checksum, sizeof(checksum)))
            return;
    }
}

static void transfer_prepare(void *context, uint32_t index)
{
    struct line *line = context;

    line->bytes[index % line->size]++;
    line->expected = checksum_of(line);
}

static void transfer_act(void *context)
{
    struct line *line = context;

    line->is_broken = !send_all(line, HERE, line->bytes, line->size) ||
                      !receive_all(line, HERE, &line->checksum, sizeof(line->checksum));
}

static bool transfer_check(struct bench_work *work, void *context, uint32_t index)
{
    struct line *line = context;

    if (line->is_broken || line->checksum != line->expected)
        return bench_work_fail(work, "a bare socket brought other bytes than were sent, in transfer %u", index);
    return true;
}

void bench_floor_transfer(struct bench_work *work)
{
    static const struct bench_step step = {transfer_prepare, transfer_act, transfer_check};
    struct line line = {.size = work->job.size};

    line.bytes = mmap(NULL, line.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (line.bytes == MAP_FAILED) {
        bench_work_fail(work, "no memory for %u bytes", line.size);
        return;
    }
    memset(line.bytes, 0x5A, line.size);
    sample_over(&line, work, &step, transfer_there);
    munmap(line.bytes, line.size);
}
