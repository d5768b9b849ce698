/* Looks at all lanes, under the pool's lock; asks without it. */
#include "preload/lane/pending.h"

#include <errno.h>
#include <string.h>

/* Counterpart of has_posted: post_prepare(). */
static bool has_some(const struct thread_lane *lane)
{
    return atomic_load(&lane->has_posted) && !lane_is_settled(&lane->lane);
}

static bool is_worth_waiting_for(struct thread_lane *lane)
{
    if (!has_some(lane))
        return false;
    if (lane_is_usable(lane) && !channel_is_gone(&lane->connection->channel))
        return true;
    atomic_store(&lane->connection->is_lost, true);
    connection_say_unmade(lane->connection);
    lane_note_over(&lane->lane, lane_posted(&lane->lane));
    return false;
}

bool pending_are_over(const struct thread_lane *but, bool *asks)
{
    bool are_over = true;

    *asks = false;
    lane_pool_lock();
    for (struct thread_lane *lane = lane_pool_first(); lane; lane = lane->next)
        if (lane != but && is_worth_waiting_for(lane)) {
            lane_nudge(&lane->lane);
            *asks |= lane->lane.medium == MEDIUM_SOCKET;
            are_over = false;
        }
    lane_pool_unlock();
    return are_over;
}

/* The asker's own calls are over when it is answered. */
static void list_pending(const struct thread_lane *asker, const struct thread_lane *but, struct frame *request)
{
    uint32_t size = 0;

    lane_pool_lock();
    for (const struct thread_lane *lane = lane_pool_first(); lane; lane = lane->next) {
        struct frame_pending pending = {.lane = lane->index, .count = lane_posted(&lane->lane)};

        if (lane == asker || lane == but || lane->connection != asker->connection || !has_some(lane) ||
            size + sizeof(pending) > FRAME_INLINE)
            continue;
        memcpy(request->body + size, &pending, sizeof(pending));
        size += sizeof(pending);
    }
    lane_pool_unlock();
    request->header.inline_size = size;
}

/* Lanes that have gone since are not there; none has the number of an earlier one. */
static void note_over(const struct connection *connection, uint32_t index, uint32_t count)
{
    for (struct thread_lane *lane = lane_pool_first(); lane; lane = lane->next)
        if (lane->connection == connection && lane->index == index)
            lane_note_over(&lane->lane, count);
}

static int take_answer(const struct thread_lane *asker)
{
    const struct frame *request = &asker->lane.request, *reply = &asker->lane.reply;
    uint32_t count = request->header.inline_size / sizeof(struct frame_pending), over;
    struct frame_pending pending;

    if (reply->header.inline_size != count * sizeof(over))
        return -EBADMSG;
    lane_pool_lock();
    for (size_t i = 0; i < count; i++) {
        memcpy(&pending, request->body + i * sizeof(pending), sizeof(pending));
        memcpy(&over, reply->body + i * sizeof(over), sizeof(over));
        note_over(asker->connection, pending.lane, over);
    }
    lane_pool_unlock();
    return 0;
}

int pending_ask(struct thread_lane *asker, const struct thread_lane *but, uint64_t deadline_ns)
{
    struct frame *request = lane_request(&asker->lane);
    bool sent;
    int error;

    frame_start(request, FRAME_CALL, ++asker->request, FRAME_NO_FUNCTION);
    list_pending(asker, but, request);
    error = lane_exchange(&asker->lane, deadline_ns, &sent);
    return error ? error : take_answer(asker);
}
