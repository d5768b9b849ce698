/*
 * A lane without its medium: who owns what, and payload memory.
 *
 * Both media encode and decode in private frames; only whole frames cross.
 */
#include "spec/wire/lane.h"

#include "spec/wire/lane_medium.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAYLOAD_STEP = 64 << 10 }; /* payload memory grows in these steps */

static void lane_clear(struct lane *lane, enum medium medium, int fd, int watch_fd)
{
    memset(lane, 0, offsetof(struct lane, ahead));
    lane->medium = medium;
    lane->fd = fd;
    lane->watch_fd = watch_fd;
}

int lane_open_memory(struct lane *lane, const struct memory *memory, uint32_t index, struct arena *arena, int watch_fd)
{
    lane_clear(lane, MEDIUM_MEMORY, -1, watch_fd);
    lane->memory = memory;
    lane->arena = arena;
    spin_init(&lane->spin);
    descriptor_mark(&lane->mark, watch_fd);

    return lane_memory_start(lane, index);
}

int lane_open_socket(struct lane *lane, int fd, uint64_t payload_most)
{
    lane_clear(lane, MEDIUM_SOCKET, fd, -1);
    lane->payload_most = payload_most;
    spin_init(&lane->spin);
    descriptor_mark(&lane->mark, fd);
    if (!lane->mark.is_socket)
        return -ENOTSOCK;

    lane_socket_start(lane);
    return 0;
}

/* Not while the host may still look there. */
static void ring_give_back(struct lane *lane)
{
    if (lane->arena != NULL && lane->ring.bytes != NULL && !lane->owed && ring_is_empty(&lane->ring))
        (void)!arena_give(lane->arena, lane->ring_offset);
}

/* A lane that was closed can be closed again. */
static void lane_drop(struct lane *lane)
{
    descriptor_close(&lane->mark, lane->fd);
    if (lane->medium == MEDIUM_SOCKET)
        lane_socket_shrink(lane);
    lane->fd = -1;
    lane->out = lane->in = NULL;
    lane->ring = (struct ring){0};
    lane->arena = NULL;
    lane->payload = NULL;
    lane->payload_size = 0;
    lane->lent_count = 0;
}

static void payload_give_back(struct lane *lane)
{
    if (lane->arena == NULL || lane->payload == NULL || lane->owed)
        return;
    /* It was taken by this lane, so it is there. */
    (void)!arena_give(lane->arena, lane->payload_offset);
}

void lane_close(struct lane *lane)
{
    if (lane->out != NULL)
        lane_memory_leave(lane);
    payload_give_back(lane);
    ring_give_back(lane);
    lane_drop(lane);
}

bool lane_leave_when_idle(struct lane *lane)
{
    if (lane->medium == MEDIUM_MEMORY)
        return lane_memory_leave_when_idle(lane);
    shutdown(lane->fd, SHUT_RD);
    return false;
}

void lane_forget(struct lane *lane)
{
    lane_drop(lane);
}

struct spin_budget lane_spin_budget(struct lane *lane, uint64_t now_ns, uint64_t deadline_ns)
{
    struct spin_budget budget;

    if (lane->has_outcome)
        spin_learn(&lane->spin, &lane->outcome);
    lane->has_outcome = true;
    budget = spin_budget(&lane->spin, lane->function, lane->woke, now_ns);
    if (deadline_ns != 0 && now_ns + budget.ns > deadline_ns)
        budget.ns = deadline_ns > now_ns ? (uint32_t)(deadline_ns - now_ns) : 0;
    lane->outcome = (struct spin_outcome){.function = lane->function, .woke = lane->woke, .spun = budget.ns != 0};
    return budget;
}

struct frame *lane_request(struct lane *lane)
{
    return &lane->request;
}

struct frame *lane_reply(struct lane *lane)
{
    return &lane->reply;
}

static int arena_payload_grow(struct lane *lane, uint64_t size)
{
    int rc;

    payload_give_back(lane);
    lane->payload = NULL;
    lane->payload_size = 0;
    rc = arena_take(lane->arena, size, &lane->payload_offset);
    if (rc < 0)
        return rc;

    lane->payload = memory_at(lane->memory, lane->payload_offset, size);
    lane->payload_size = size;
    return 0;
}

void *lane_reserve(struct lane *lane, uint64_t size, uint64_t *offset)
{
    uint64_t wanted;
    int rc = 0;

    if (size > UINT64_MAX - PAYLOAD_STEP)
        return NULL;
    wanted = size == 0 ? PAYLOAD_STEP : (size + PAYLOAD_STEP - 1) / PAYLOAD_STEP * PAYLOAD_STEP;
    if (lane->payload == NULL || wanted > lane->payload_size)
        rc = lane->medium == MEDIUM_MEMORY ? arena_payload_grow(lane, wanted) : lane_socket_grow(lane, wanted);
    if (lane->medium == MEDIUM_MEMORY && lane_is_inherited(lane))
        rc = lane_inherited_reserve(lane, wanted);
    if (rc < 0)
        return NULL;

    *offset = lane->payload_offset;
    return lane->payload;
}

void lane_lend(struct lane *lane, uint64_t offset, void *address, uint64_t size)
{
    if (lane->lent_count < FRAME_BUFFERS)
        lane->lent[lane->lent_count++] = (struct lent){.offset = offset, .size = size, .address = address};
}

void lane_take_back(struct lane *lane)
{
    lane->lent_count = 0;
}

static int memory_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent)
{
    uint32_t sent_before = lane->sent;
    int rc = lane_memory_exchange(lane, deadline_ns, sent);

    return lane_is_inherited(lane) ? lane_inherited_exchange(lane, sent_before, sent) : rc;
}

int lane_exchange(struct lane *lane, uint64_t deadline_ns, bool *sent)
{
    int rc;

    *sent = false;
    if (!frame_counts_fit(&lane->request.header))
        return -EINVAL;
    if (lane->medium == MEDIUM_MEMORY)
        return memory_exchange(lane, deadline_ns, sent);

    rc = lane_socket_exchange(lane, deadline_ns, sent);
    return rc < 0 && lane_is_inherited(lane) ? -ESTALE : rc;
}

int lane_ring_open(struct lane *lane)
{
    if (lane->ring.filled != NULL)
        return 0;
    if (lane->medium == MEDIUM_MEMORY)
        return lane_memory_ring_open(lane);
    ring_start(&lane->ring, NULL, &lane->counts.filled, &lane->counts.emptied);
    return 0;
}

static int memory_post(struct lane *lane, uint64_t deadline_ns)
{
    int rc = lane_memory_post(lane);

    while (rc == -EAGAIN) {
        rc = lane_memory_catch_up(lane, deadline_ns);
        if (rc == 0)
            rc = lane_memory_post(lane);
    }
    return lane_is_inherited(lane) ? lane_inherited_post(lane, rc) : rc;
}

int lane_post(struct lane *lane, uint64_t deadline_ns)
{
    int rc;

    if (lane->ring.filled == NULL)
        return -ENOTSUP;
    if (lane->medium == MEDIUM_MEMORY)
        return memory_post(lane, deadline_ns);

    rc = lane_socket_post(lane, deadline_ns);
    return rc < 0 && rc != -ENOTSUP && lane_is_inherited(lane) ? -ESTALE : rc;
}

bool lane_payload_was_sound(const struct lane *lane)
{
    return lane->medium == MEDIUM_SOCKET || lane->reply.header.buffer_count == 0 || !lane_is_inherited(lane);
}

bool lane_is_settled(const struct lane *lane)
{
    return ring_is_empty(&lane->ring);
}

/* Never back: who has asked may be told late.  Nor beyond what is counted as posted. */
void lane_counts_note_over(struct lane_counts *counts, uint32_t count)
{
    uint32_t before = atomic_load(&counts->emptied), posted = atomic_load(&counts->filled);

    if ((int32_t)(count - posted) > 0)
        count = posted;
    while ((int32_t)(count - before) > 0 &&
           !atomic_compare_exchange_weak(&counts->emptied, &before, count)) /* counterpart: ring_is_empty() */
        continue;
}

void lane_nudge(const struct lane *lane)
{
    if (lane->medium == MEDIUM_MEMORY)
        lane_memory_nudge(lane);
}

void lane_release(struct lane *lane)
{
    if (lane->medium == MEDIUM_MEMORY)
        ring_release(&lane->ring);
}

bool lane_has_posted(struct lane *lane)
{
    return lane->medium == MEDIUM_MEMORY ? lane_memory_has_posted(lane) : lane_socket_has_posted(lane);
}

int lane_receive(struct lane *lane)
{
    return lane->medium == MEDIUM_MEMORY ? lane_memory_receive(lane) : lane_socket_receive(lane);
}

/* An answer that names bytes outside would leak or crash: it is our own mistake, and stays here. */
static bool answer_is_sound(const struct lane *lane)
{
    const struct frame *reply = &lane->reply;

    if (!frame_counts_fit(&reply->header))
        return false;
    for (uint32_t i = 0; i < reply->header.buffer_count; i++) {
        if (lane_payload(lane, reply->buffers[i].offset, reply->buffers[i].size) == NULL)
            return false;
    }
    return true;
}

int lane_answer(struct lane *lane)
{
    if (!answer_is_sound(lane))
        return -EINVAL;

    return lane->medium == MEDIUM_MEMORY ? lane_memory_answer(lane) : lane_socket_answer(lane);
}

/* Payload memory may reach as far as what is lent, from earlier calls. */
static void *lent_payload(const struct lane *lane, uint64_t offset, uint64_t size)
{
    for (uint32_t i = 0; i < lane->lent_count; i++) {
        const struct lent *lent = &lane->lent[i];

        if (offset >= lent->offset && offset - lent->offset <= lent->size &&
            size <= lent->size - (offset - lent->offset))
            return lent->address + (offset - lent->offset);
    }
    return NULL;
}

void *lane_payload(const struct lane *lane, uint64_t offset, uint64_t size)
{
    void *lent;

    if (lane->medium == MEDIUM_MEMORY)
        return memory_at(lane->memory, offset, size);
    lent = lent_payload(lane, offset, size);
    if (lent != NULL)
        return lent;
    if (lane->payload == NULL || offset > lane->payload_size || size > lane->payload_size - offset)
        return NULL;

    return lane->payload + offset;
}
