/*
 * A lane in the child of a fork that a signal handler made in the midst of a call on it.
 *
 * The lane is the parent's, whose call goes on.  The child returns to the same call, at whatever instruction, and must
 * not touch what the parent and the host share: private pages, or a socket without another end, take the place of that,
 * at the same addresses and under the same number.  There the child's call comes to its end.
 *
 * Whether the request had been handed over before the fork cannot be asked of the shared words, which the parent moves
 * on meanwhile, nor of a flag beside the store, as the fork may have come between both.  So the private words begin
 * with what no request has: if one of them is the request's in the end, the child itself has stored it there, and
 * nobody else has it from the child.
 */
#include "spec/wire/lane_medium.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define NO_REQUEST UINT32_C(0x80000000) /* flipped: as far from any count that comes next as can be */

/* Where there is no memory for that the pages stay as they are. */
static void pages_replace(void *pages, size_t size)
{
    if (pages != NULL && size != 0)
        (void)mmap(pages, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void memory_inherit(struct lane *lane)
{
    if (lane->out == NULL)
        return;
    pages_replace(lane->out, LANE_SIZE); /* and lane->in */
    pages_replace(lane->ring.bytes, RING_SIZE);
    pages_replace(lane->payload, lane->payload_size);
    atomic_store(lane_sequence(lane->out), lane->sent ^ NO_REQUEST);
    atomic_store(&lane->out->ring_count, lane->ring.at ^ NO_REQUEST);
    atomic_store(&lane->in->ring_count, lane->ring.at ^ NO_REQUEST);
    atomic_store(&lane->in->closed, 1);
}

/* In this order, so that there are numbers for it even where all are in use. */
static void socket_inherit(struct lane *lane)
{
    int ends[2], fd = lane->fd;

    if (!descriptor_is_ours(&lane->mark, fd))
        return;
    lane->fd = -1;
    close(fd);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    close(ends[1]);
    if (ends[0] == fd || dup3(ends[0], fd, O_CLOEXEC) == fd)
        lane->fd = fd;
    if (ends[0] != fd)
        close(ends[0]);
    descriptor_mark(&lane->mark, lane->fd);
}

void lane_inherit(struct lane *lane)
{
    if (lane_is_inherited(lane))
        return;
    if (lane->medium == MEDIUM_MEMORY)
        memory_inherit(lane);
    else
        socket_inherit(lane);
    atomic_store_explicit(&lane->is_inherited, true, memory_order_relaxed); /* counterpart: lane_is_inherited() */
}

int lane_inherited_exchange(const struct lane *lane, uint32_t sent_before, bool *sent)
{
    *sent = lane->sent != sent_before && atomic_load(lane_sequence(lane->out)) != lane->sent;
    return -ESTALE;
}

int lane_inherited_reserve(struct lane *lane, uint64_t size)
{
    lane->payload = NULL; /* the parent's books do not count here: anything may lie there */
    lane->payload_size = 0;
    return lane_socket_grow(lane, size);
}

int lane_inherited_post(struct lane *lane, int rc)
{
    uint32_t filled = atomic_load(lane->ring.filled);

    if (rc == -ENOTSUP || (rc == 0 && filled != lane->ring.at))
        return rc;
    atomic_store(lane->ring.emptied, filled); /* nobody is to wait for it */
    return -ESTALE;
}
