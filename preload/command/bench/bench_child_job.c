/* Jobs for the programs that are children, and their answers. */
#include "preload/command/bench/bench_child.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 60000 };

static int say_lost(const struct bench_child *child, int error)
{
    if (bench_interrupted())
        return -EINTR;
    if (error == -ETIMEDOUT)
        bench_say("%s has not answered for %d s", child->name, PATIENCE_MS / 1000);
    else
        bench_say("%s has ended before it answered", child->name);
    return error;
}

int bench_child_send(struct bench_child *child, const struct bench_job *job)
{
    ssize_t sent = send(child->fd, job, sizeof(*job), MSG_NOSIGNAL);

    return sent == (ssize_t)sizeof(*job) ? 0 : say_lost(child, -EPIPE);
}

static int receive_all(struct bench_child *child, void *data, size_t size)
{
    uint64_t deadline_ns = clock_deadline_ns(PATIENCE_MS);
    struct pollfd waited = {.fd = child->fd, .events = POLLIN};
    char *rest = data;

    while (size > 0) {
        ssize_t got;

        if (bench_interrupted())
            return -EINTR;
        if (poll(&waited, 1, clock_poll_ms(deadline_ns)) == 0)
            return -ETIMEDOUT;
        got = recv(child->fd, rest, size, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return -EPIPE;
        rest += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

int bench_child_receive(struct bench_child *child, const struct bench_job *job, struct bench_answer *answer,
                        uint32_t *samples)
{
    int error = receive_all(child, answer, sizeof(*answer));

    if (error)
        return say_lost(child, error);
    answer->text[sizeof(answer->text) - 1] = '\0';
    if (answer->failed || answer->sample_count > (samples ? job->count : 0)) {
        bench_say("%s: %s", child->name, answer->failed ? answer->text : "more samples than were asked for");
        return -EBADMSG;
    }
    error = receive_all(child, samples, answer->sample_count * sizeof(*samples));
    return error ? say_lost(child, error) : 0;
}

int bench_child_run(struct bench_child *child, const struct bench_job *job, struct bench_answer *answer,
                    uint32_t *samples)
{
    int error = bench_child_send(child, job);

    return error ? error : bench_child_receive(child, job, answer, samples);
}
