/*
 * Lanes over a stream socket: the parts of a frame that are in use, then the bytes of each descriptor that goes this
 * way, in order.
 *
 * A receiver reads as much as there is, up to LANE_AHEAD: a small call is then one system call each way, and many that
 * nobody waits for are one.  What comes beyond a frame is its payload, then the next frame, but only where nobody waits
 * for an answer.
 *
 * Each frame says on which processor it was sent.  Where that is the waiter's own it sleeps in recv() at once, because
 * the other end cannot run while it looks.  Elsewhere it looks again and again for as long as spin.h says, since a
 * processor that has gone idle takes longer to wake than most calls take.
 */
#include "spec/wire/lane_medium.h"

#include "spec/wire/bytes.h"
#include "spec/wire/clock.h"
#include "spec/wire/system_call.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    PARTS_MOST = 2 + FRAME_BUFFERS, /* head, body, payload */
    FLAT_MOST = 512,       /* bytes of a frame that is sent in one part: copying costs less than a second one */
    POST_MOST = 128 << 10, /* bytes of a call that is posted: more would have to wait for the host to read them */
    SEND_ROOM = 1 << 20,   /* bytes under way before a sender waits, where the system allows it */
    LOOKS_PER_CLOCK = 4,   /* looks between two questions for the time */
    FOLLOW_NS = 20000,     /* how long a waiter spins for more of what has begun to come */
    FAULTS_MOST = 8,       /* without progress */
};

_Static_assert(LANE_AHEAD >= sizeof(struct frame), "the largest frame is read into it");

void lane_socket_start(struct lane *lane)
{
    atomic_store(&lane->counts.filled, 0);
    atomic_store(&lane->counts.emptied, 0);
    atomic_store(&lane->is_answering, false);
    /* Without it a large transfer only is slower. */
    (void)setsockopt(lane->fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_ROOM}, sizeof(int));
}

/* ---- sending ---- */

struct parts {
    struct iovec vectors[PARTS_MOST];
    int count, at; /* vectors in all, vectors done */
    uint8_t flat[FLAT_MOST];
};

static void parts_add(struct parts *parts, void *data, size_t size)
{
    if (size != 0)
        parts->vectors[parts->count++] = (struct iovec){.iov_base = data, .iov_len = size};
}

static void parts_advance(struct parts *parts, size_t size)
{
    while (size != 0 && parts->at < parts->count) {
        struct iovec *vector = &parts->vectors[parts->at];
        size_t step = size < vector->iov_len ? size : vector->iov_len;

        vector->iov_base = (uint8_t *)vector->iov_base + step;
        vector->iov_len -= step;
        size -= step;
        if (vector->iov_len == 0)
            parts->at++;
    }
}

static void parts_add_flat(struct parts *parts, const struct frame *frame)
{
    memcpy(parts->flat, &frame->header, sizeof(frame->header));
    memcpy(parts->flat + sizeof(frame->header), frame->body, frame->header.inline_size);
    parts_add(parts, parts->flat, frame_wire_size(&frame->header));
}

static int frame_parts(const struct lane *lane, struct frame *frame, uint32_t direction, struct parts *parts)
{
    if (frame->header.buffer_count == 0 && frame_wire_size(&frame->header) <= FLAT_MOST) {
        parts_add_flat(parts, frame);
        return 0;
    }
    parts_add(parts, &frame->header, frame_head_size(&frame->header));
    parts_add(parts, frame->body, frame->header.inline_size);
    for (uint32_t i = 0; i < frame->header.buffer_count; i++) {
        const struct frame_buffer *buffer = &frame->buffers[i];
        void *data = lane_payload(lane, buffer->offset, buffer->size);

        if ((buffer->flags & direction) == 0)
            continue;
        if (data == NULL)
            return -EINVAL;
        parts_add(parts, data, buffer->size);
    }
    return 0;
}

/* Waits until the socket may be used again; a signal does not end it. */
static int socket_wait(const struct lane *lane, short events, uint64_t deadline_ns)
{
    struct pollfd poller = {.fd = lane->fd, .events = events};

    for (;;) {
        int count = system_poll(&poller, clock_poll_ms(deadline_ns));

        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
        if (clock_is_past(deadline_ns))
            return -ETIMEDOUT;
    }
}

static void parts_touch(const struct parts *parts)
{
    for (int i = parts->at; i < parts->count; i++)
        lane_socket_touch_to_read(parts->vectors[i].iov_base, parts->vectors[i].iov_len);
}

static ssize_t parts_try(const struct lane *lane, struct parts *parts, int flags)
{
    const struct msghdr message = {
        .msg_iov = parts->vectors + parts->at,
        .msg_iovlen = (size_t)(parts->count - parts->at),
    };

    if (message.msg_iovlen == 1)
        return system_send_bytes(lane->fd, message.msg_iov->iov_base, message.msg_iov->iov_len, flags);
    return system_send(lane->fd, &message, flags);
}

/* Without a deadline the kernel does the waiting. */
static int parts_send(const struct lane *lane, struct parts *parts, uint64_t deadline_ns, bool *sent)
{
    int flags = MSG_NOSIGNAL | (deadline_ns != 0 ? MSG_DONTWAIT : 0), faults = 0;
    int rc = 0;

    while (rc == 0 && parts->at < parts->count) {
        ssize_t size = parts_try(lane, parts, flags);

        if (size >= 0) {
            parts_advance(parts, (size_t)size);
            faults = 0;
            *sent = true;
        } else if (errno == EAGAIN) {
            rc = socket_wait(lane, POLLOUT, deadline_ns);
        } else if (errno == EFAULT && faults++ < FAULTS_MOST) {
            parts_touch(parts);
        } else if (errno != EINTR) {
            rc = errno == EPIPE ? -ECONNRESET : -errno;
        }
    }
    return rc;
}

/* A guest that does not say where it runs is not told either. */
static int frame_send(struct lane *lane, struct frame *frame, uint64_t deadline_ns, bool *sent)
{
    bool is_call = frame->header.kind == FRAME_CALL;
    struct parts parts;
    int rc;

    parts.count = parts.at = 0;
    lane->cpu = (uint32_t)sched_getcpu() + 1;
    frame->header.sequence = is_call || lane->other_cpu != 0 ? lane->cpu : 0;
    rc = frame_parts(lane, frame, is_call ? BUFFER_IN : BUFFER_OUT, &parts);
    if (rc < 0)
        return rc;
    return parts_send(lane, &parts, deadline_ns, sent);
}

/* ---- receiving ---- */

/*
 * What is there, up to `most` bytes; -EAGAIN nothing yet (with MSG_DONTWAIT only).  Who closes a Unix socket before it
 * has read all has its other end told ECONNRESET instead of an end, once.
 */
static ssize_t socket_read(struct lane *lane, void *data, size_t most, int flags)
{
    int faults = 0;
    ssize_t size;

    for (;;) {
        size = system_receive(lane->fd, data, most, flags);
        if (size < 0 && errno == EFAULT && faults++ < FAULTS_MOST)
            lane_socket_touch_to_write(data, most);
        else if (size >= 0 || errno != EINTR)
            break;
    }
    lane->left_unread |= size < 0 && errno == ECONNRESET;
    if (size == 0)
        return -ECONNRESET;

    return size < 0 ? -errno : size;
}

/* The other end cannot run while we look where it last ran, and where we are. */
static bool is_alone(const struct lane *lane)
{
    return lane->other_cpu == lane->cpu;
}

/*
 * Looks again and again, within the budget or until somebody else took the processor.  *now_ns is then, but for the
 * last looks.
 */
static ssize_t socket_spin(struct lane *lane, void *data, size_t most, struct spin_budget budget, uint64_t *now_ns)
{
    uint64_t start_ns = *now_ns, before_ns;

    do {
        for (int i = 0; i < LOOKS_PER_CLOCK; i++) {
            ssize_t size = socket_read(lane, data, most, MSG_DONTWAIT);

            if (size != -EAGAIN)
                return size;
        }
        before_ns = *now_ns;
        *now_ns = clock_now_ns();
    } while (*now_ns - start_ns < budget.ns && *now_ns - before_ns < budget.gap_ns);
    return -EAGAIN;
}

static ssize_t socket_sleep(struct lane *lane, void *data, size_t most, uint64_t deadline_ns)
{
    ssize_t size = -EAGAIN;

    lane->sleeps++;
    if (deadline_ns == 0)
        size = socket_read(lane, data, most, 0);
    while (size == -EAGAIN) {
        int rc = socket_wait(lane, POLLIN, deadline_ns);

        if (rc < 0)
            return rc;
        size = socket_read(lane, data, most, MSG_DONTWAIT);
    }
    return size;
}

/* Spins, then sleeps. */
static ssize_t socket_await(struct lane *lane, void *data, size_t most, uint64_t deadline_ns)
{
    uint64_t start_ns = clock_now_ns(), now_ns = start_ns;
    struct spin_outcome *outcome = &lane->outcome;
    struct spin_budget budget = lane_spin_budget(lane, start_ns, deadline_ns);
    ssize_t size = -EAGAIN;

    if (outcome->spun)
        size = socket_spin(lane, data, most, budget, &now_ns);
    outcome->won = size != -EAGAIN;
    if (!outcome->won) {
        size = socket_sleep(lane, data, most, deadline_ns);
        now_ns = clock_now_ns();
    }
    outcome->took_ns = now_ns - start_ns;
    return size;
}

/* Waits for the first bytes of a frame: this is where a lane spends its time. */
static ssize_t socket_first(struct lane *lane, void *data, size_t most, uint64_t deadline_ns)
{
    ssize_t size;

    if (is_alone(lane))
        return socket_sleep(lane, data, most, deadline_ns);
    size = socket_read(lane, data, most, MSG_DONTWAIT);
    return size == -EAGAIN ? socket_await(lane, data, most, deadline_ns) : size;
}

/* Waits for more of what has begun to come.  That the other end is slow in sending says nothing of its calls. */
static ssize_t socket_more(struct lane *lane, void *data, size_t most, uint64_t deadline_ns)
{
    ssize_t size = -EAGAIN;
    uint64_t now_ns;

    if (!is_alone(lane)) {
        now_ns = clock_now_ns();
        size = socket_spin(lane, data, most, (struct spin_budget){FOLLOW_NS, SPIN_GAP_NS}, &now_ns);
    }
    return size == -EAGAIN ? socket_sleep(lane, data, most, deadline_ns) : size;
}

/* Reads at least `least` and at most `most` bytes, of which *have are there already. */
static int socket_fill(struct lane *lane, uint8_t *data, size_t *have, size_t least, size_t most, uint64_t deadline_ns)
{
    while (*have < least) {
        ssize_t size = socket_more(lane, data + *have, most - *have, deadline_ns);

        if (size < 0)
            return (int)size;
        *have += (size_t)size;
    }
    return 0;
}

/* Has at least `least` bytes ready to be taken, waiting for them. */
static int ahead_fill(struct lane *lane, size_t least, uint64_t deadline_ns)
{
    size_t have = lane->ahead_size - lane->ahead_at;

    if (have >= least)
        return 0;
    memmove(lane->ahead, lane->ahead + lane->ahead_at, have);
    lane->ahead_at = 0;
    lane->ahead_size = have;
    return socket_fill(lane, lane->ahead, &lane->ahead_size, least, sizeof(lane->ahead), deadline_ns);
}

static void ahead_take(struct lane *lane, void *data, size_t size)
{
    memcpy(data, lane->ahead + lane->ahead_at, size);
    lane->ahead_at += size;
}

static bool has_ahead(const struct lane *lane)
{
    return lane->ahead_at != lane->ahead_size;
}

/* Reads a frame and checks it. */
static int frame_receive(struct lane *lane, struct frame *frame, enum frame_kind kind, uint64_t deadline_ns)
{
    ssize_t first = 0;
    int rc;

    if (!has_ahead(lane)) {
        first = socket_first(lane, lane->ahead, sizeof(lane->ahead), deadline_ns);
        if (first < 0)
            return (int)first;
        lane->ahead_at = 0;
        lane->ahead_size = (size_t)first;
    }
    rc = ahead_fill(lane, sizeof(frame->header), deadline_ns);
    if (rc < 0)
        return rc;
    ahead_take(lane, &frame->header, sizeof(frame->header));
    lane->other_cpu = frame->header.sequence;
    frame->header.sequence = 0; /* as it is in every frame that has arrived */
    if (!frame_counts_fit(&frame->header))
        return -EBADMSG;

    rc = ahead_fill(lane, frame_wire_size(&frame->header) - sizeof(frame->header), deadline_ns);
    if (rc < 0)
        return rc;
    ahead_take(lane, frame->buffers, frame_head_size(&frame->header) - sizeof(frame->header));
    ahead_take(lane, frame->body, frame->header.inline_size);
    return frame_check(frame, kind);
}

/* The bytes of one descriptor: first what came with the frame, then from the socket. */
static int buffer_receive(struct lane *lane, const struct frame_buffer *buffer, uint64_t deadline_ns)
{
    uint8_t *data = lane_payload(lane, buffer->offset, buffer->size);
    size_t have = lane->ahead_size - lane->ahead_at;

    if (data == NULL)
        return -EBADMSG;
    if (have > buffer->size)
        have = (size_t)buffer->size;
    ahead_take(lane, data, have);

    return socket_fill(lane, data, &have, buffer->size, buffer->size, deadline_ns);
}

/* Reads the payload behind a frame.  Nothing may follow what is waited for. */
static int payload_receive(struct lane *lane, const struct frame *frame, uint64_t deadline_ns)
{
    uint32_t direction = frame->header.kind == FRAME_CALL ? BUFFER_IN : BUFFER_OUT;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < frame->header.buffer_count; i++) {
        if (frame->buffers[i].flags & direction)
            rc = buffer_receive(lane, &frame->buffers[i], deadline_ns);
    }
    if (rc == 0 && has_ahead(lane) && !(frame->header.flags & FRAME_POSTED))
        rc = -EBADMSG;
    return rc;
}

/* ---- the trips ---- */

/* An answer that was written before the other end went is taken even when our request did not get out whole. */
static int answer_receive(struct lane *lane, uint64_t deadline_ns)
{
    int rc = frame_receive(lane, &lane->reply, FRAME_RESULT, deadline_ns);

    if (rc == 0)
        rc = frame_check_reply(&lane->reply, &lane->request);
    if (rc == 0)
        rc = payload_receive(lane, &lane->reply, deadline_ns);
    return rc;
}

/* Ours was the last that was sent, and none that has not come whole is carried out. */
static bool was_left_unread(const struct lane *lane)
{
    socklen_t size = sizeof(int);
    int family = AF_UNSPEC;

    return lane->left_unread && getsockopt(lane->fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX;
}

int lane_socket_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent)
{
    int rc;

    /* The program may have closed our number and opened a socket of its own there. */
    if (!descriptor_is_ours(&lane->mark, lane->fd))
        return -ECONNRESET;
    lane->function = lane->request.header.function;
    rc = frame_send(lane, &lane->request, deadline_ns, sent);
    if (rc < 0 && lane_is_inherited(lane)) /* the rest of it comes from the parent */
        *sent = false;
    if (rc == 0 || (rc == -ECONNRESET && *sent))
        rc = answer_receive(lane, deadline_ns);
    if (rc == 0)
        lane_counts_note_over(&lane->counts, atomic_load(&lane->counts.filled));
    if (rc == -ECONNRESET && was_left_unread(lane))
        *sent = false;

    return rc;
}

/*
 * Counted when all of it is sent: a signal handler that interrupts the sending, and leaves it half done while it waits
 * for what was posted, must not wait for this one.
 */
int lane_socket_post(struct lane *lane, uint64_t deadline_ns)
{
    struct frame_header *header = &lane->request.header;
    bool sent = false;
    int rc;

    if (header->flags & FRAME_ROOM_FOR_BODY || frame_travelling(&lane->request, BUFFER_IN) > POST_MOST)
        return -ENOTSUP;
    if (!descriptor_is_ours(&lane->mark, lane->fd))
        return -ECONNRESET;
    header->flags = (header->flags & ~(uint32_t)FRAME_MAY_TELL) | FRAME_POSTED;
    rc = frame_send(lane, &lane->request, deadline_ns, &sent);
    if (rc == 0)
        atomic_fetch_add(&lane->counts.filled, 1); /* counterpart: ring_is_empty() */
    return rc;
}

int lane_socket_receive(struct lane *lane)
{
    int rc = frame_receive(lane, &lane->request, FRAME_CALL, 0);

    if (rc == 0)
        rc = lane_socket_provide(lane);
    if (rc == 0)
        rc = payload_receive(lane, &lane->request, 0);
    lane->function = lane->request.header.function;
    lane->is_posted = rc == 0 && lane->request.header.flags & FRAME_POSTED;
    atomic_store(&lane->is_answering, rc == 0 && !lane->is_posted); /* counterpart: lane_socket_has_posted() */
    return rc;
}

/* Whether an answer is on its way, perhaps for ever, behind which nothing has come. */
static bool is_sending_last(const struct lane *lane)
{
    uint8_t next;

    return atomic_load(&lane->is_sending) && system_receive(lane->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 &&
           atomic_load(&lane->is_sending); /* else it may have come, and have been taken, meanwhile */
}

/* Behind a call that is waited for there is nothing. */
bool lane_socket_has_posted(struct lane *lane)
{
    shutdown(lane->fd, SHUT_RD);
    return !atomic_load(&lane->is_answering) && !is_sending_last(lane);
}

int lane_socket_answer(struct lane *lane)
{
    bool sent = false;
    int rc;

    atomic_store(&lane->is_sending, true);    /* both: counterpart: lane_socket_has_posted() */
    atomic_store(&lane->is_answering, false); /* what it posts next may be here before we are back */
    rc = frame_send(lane, &lane->reply, 0, &sent);
    atomic_store(&lane->is_sending, false);
    return rc;
}
