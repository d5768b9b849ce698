/*
 * The control connection over a stream socket, or over a pair of pipes.
 *
 * A message is read in two steps, its length and then exactly that much, so nothing is kept between messages.  A
 * socket is used with MSG_DONTWAIT, whatever mode it is in.  A pipe knows no such flag: it is asked with poll first,
 * and written in pieces that it then has room for.
 */
#include "spec/wire/channel.h"

#include "spec/base/own.h"
#include "spec/wire/clock.h"
#include "spec/wire/protocol.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

void channel_start(struct channel *channel, int fd, int write_fd)
{
    *channel = (struct channel){.fd = fd, .write_fd = write_fd, .received_fd = -1};
    descriptor_mark(&channel->mark, fd);
    descriptor_mark(&channel->write_mark, write_fd);
}

static void received_fd_drop(struct channel *channel)
{
    if (channel->received_fd >= 0)
        close(channel->received_fd);
    channel->received_fd = -1;
}

void channel_finish(struct channel *channel)
{
    received_fd_drop(channel);
    if (channel->write_fd != channel->fd)
        descriptor_close(&channel->write_mark, channel->write_fd);
    descriptor_close(&channel->mark, channel->fd);
    channel->fd = channel->write_fd = -1;
}

bool channel_is_gone(const struct channel *channel)
{
    return descriptor_is_gone(&channel->mark, channel->fd);
}

/* Waits until the descriptor may be used; a signal does not end it. */
static int descriptor_wait(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd poller = {.fd = fd, .events = events};

    for (;;) {
        int count = poll(&poller, 1, clock_poll_ms(deadline_ns));

        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
        if (clock_is_past(deadline_ns))
            return -ETIMEDOUT;
    }
}

/* ---- sending ---- */

static ssize_t socket_write(int fd, const struct iovec *piece, int passed_fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec vector = *piece;
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    if (passed_fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control.space);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(passed_fd));
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * write(2) without the SIGPIPE that a pipe has no flag against: the signal is held back, and taken out again if this
 * write has raised it.
 */
static ssize_t pipe_write(int fd, const struct iovec *piece)
{
    size_t size = piece->iov_len < PIPE_BUF ? piece->iov_len : PIPE_BUF;
    const struct timespec at_once = {0};
    sigset_t broken, before, pending;
    ssize_t written;
    int error;

    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, &before);
    sigpending(&pending);
    written = write(fd, piece->iov_base, size);
    error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&broken, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

/* Some of the piece: how much, or a negative errno.  The descriptor rides on the first byte. */
static ssize_t piece_send(const struct channel *channel, const struct iovec *piece, int fd, uint64_t deadline_ns)
{
    bool is_socket = channel->write_mark.is_socket;

    for (;;) {
        ssize_t size = 0;
        int rc = is_socket ? 0 : descriptor_wait(channel->write_fd, POLLOUT, deadline_ns);

        if (rc < 0)
            return rc;
        size = is_socket ? socket_write(channel->write_fd, piece, fd) : pipe_write(channel->write_fd, piece);
        if (size >= 0)
            return size;
        if (errno == EAGAIN)
            rc = descriptor_wait(channel->write_fd, POLLOUT, deadline_ns);
        else if (errno != EINTR)
            rc = -errno;
        if (rc < 0)
            return rc;
    }
}

static int bytes_send(const struct channel *channel, void *bytes, size_t size, int fd, uint64_t deadline_ns)
{
    struct iovec piece = {.iov_base = bytes, .iov_len = size};

    if (!descriptor_is_ours(&channel->write_mark, channel->write_fd))
        return -ECONNRESET;
    while (piece.iov_len != 0) {
        ssize_t sent = piece_send(channel, &piece, fd, deadline_ns);

        if (sent < 0)
            return (int)sent;
        piece.iov_base = (char *)piece.iov_base + sent;
        piece.iov_len -= (size_t)sent;
        fd = -1;
    }
    return 0;
}

int channel_send(struct channel *channel, const cJSON *message, int fd, uint64_t deadline_ns)
{
    AUTO_FREE char *text = NULL;
    AUTO_FREE char *bytes = NULL;
    uint32_t prefix;
    size_t size;

    if (fd >= 0 && !channel->write_mark.is_socket)
        return -ENOTSOCK;
    text = cJSON_PrintUnformatted(message);
    if (text == NULL)
        return -ENOMEM;
    size = strlen(text);
    if (size > CONTROL_MESSAGE_MOST)
        return -EMSGSIZE;
    bytes = malloc(sizeof(prefix) + size);
    if (bytes == NULL)
        return -ENOMEM;

    /* In one piece, so that a small message is one system call and wakes the other end once. */
    prefix = htole32((uint32_t)size);
    memcpy(bytes, &prefix, sizeof(prefix));
    memcpy(bytes + sizeof(prefix), text, size);
    return bytes_send(channel, bytes, sizeof(prefix) + size, fd, deadline_ns);
}

/* ---- receiving ---- */

/* One descriptor a message is what the protocol has; any more are closed.  There is room for one header only. */
static void descriptors_keep(struct channel *channel, struct msghdr *message)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(message);

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= control->cmsg_len; at += sizeof(int)) {
        int fd;

        memcpy(&fd, (const char *)control + at, sizeof(fd));
        if (channel->received_fd < 0)
            channel->received_fd = fd;
        else
            close(fd);
    }
}

static ssize_t socket_read(struct channel *channel, void *data, size_t most)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec vector = {.iov_base = data, .iov_len = most};
    struct msghdr message = {
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t size = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (size >= 0)
        descriptors_keep(channel, &message);
    return size;
}

static int bytes_receive(struct channel *channel, void *data, size_t size, uint64_t deadline_ns)
{
    bool is_socket = channel->mark.is_socket;
    size_t have = 0;

    while (have < size) {
        char *next = (char *)data + have;
        int rc = is_socket && have == 0 ? 0 : descriptor_wait(channel->fd, POLLIN, deadline_ns);
        ssize_t got;

        if (rc < 0)
            return rc;
        got = is_socket ? socket_read(channel, next, size - have) : read(channel->fd, next, size - have);
        if (got == 0)
            return -ECONNRESET;
        if (got > 0)
            have += (size_t)got;
        else if (errno == EAGAIN)
            rc = descriptor_wait(channel->fd, POLLIN, deadline_ns);
        else if (errno != EINTR)
            rc = -errno;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool is_blank(const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n'))
        text++;
    return text == end;
}

static int message_parse(cJSON **message, const char *text, size_t size)
{
    const char *end = NULL;
    cJSON *parsed = cJSON_ParseWithLengthOpts(text, size, &end, 0);

    if (parsed == NULL)
        return -EBADMSG;
    if (!is_blank(end, text + size)) {
        cJSON_Delete(parsed);
        return -EBADMSG;
    }
    *message = parsed;
    return 0;
}

int channel_receive(struct channel *channel, cJSON **message, size_t most, uint64_t deadline_ns)
{
    AUTO_FREE char *text = NULL;
    uint32_t prefix;
    size_t size;
    int rc;

    *message = NULL;
    received_fd_drop(channel);
    if (!descriptor_is_ours(&channel->mark, channel->fd))
        return -ECONNRESET;
    rc = bytes_receive(channel, &prefix, sizeof(prefix), deadline_ns);
    if (rc < 0)
        return rc;
    size = le32toh(prefix);
    if (size > most)
        return -EMSGSIZE;
    if (size == 0)
        return -EBADMSG;

    text = malloc(size + 1);
    if (text == NULL)
        return -ENOMEM;
    text[size] = '\0'; /* cJSON reads one byte past a number at the end */
    rc = bytes_receive(channel, text, size, deadline_ns);
    return rc < 0 ? rc : message_parse(message, text, size);
}
