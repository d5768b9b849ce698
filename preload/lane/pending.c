/* Looks at all places, under the pool's lock; asks without it. */
#include "preload/lane/pending.h"

#include <errno.h>
#include <string.h>

/* What a host has left, or has ended with, it does not make any more. */
static bool is_worth_waiting_for(struct posting *posting)
{
    struct connection *connection = posting->connection;
    bool has_left = posting->closed && atomic_load(posting->closed);

    if (!has_left && !atomic_load(&connection->is_lost) && !channel_is_gone(&connection->channel))
        return true;
    if (!has_left)
        atomic_store(&connection->is_lost, true);
    connection_say_unmade(connection);
    posting_forget(posting);
    return false;
}

static void nudge(struct posting *posting)
{
    const struct thread_lane *lane = atomic_load(&posting->lane);

    if (lane)
        lane_nudge(&lane->lane);
}

bool pending_are_over(const struct posting_marks *marks, const struct thread_lane *but, bool *asks)
{
    bool are_over = true;

    *asks = false;
    lane_pool_lock();
    for (uint32_t i = 0; i < marks->count; i++) {
        struct posting *posting = &winapi_postings[i];

        if (posting_is_of(posting, but) || posting_is_over_until(i, marks) || !is_worth_waiting_for(posting))
            continue;
        nudge(posting);
        *asks |= posting->counts != NULL;
        are_over = false;
    }
    lane_pool_unlock();
    return are_over;
}

/* The asker's own calls are over when it is answered. */
static void list_pending(const struct thread_lane *asker, const struct thread_lane *but, struct frame *request)
{
    uint32_t size = 0, count = atomic_load(&winapi_posting_count);

    lane_pool_lock();
    for (uint32_t i = 0; i < count && size + sizeof(struct frame_pending) <= FRAME_INLINE; i++) {
        struct posting *posting = &winapi_postings[i];
        struct frame_pending pending = {.lane = posting->index};

        if (!posting->counts || posting->connection != asker->connection || posting_is_of(posting, asker) ||
            posting_is_of(posting, but))
            continue;
        pending.count = atomic_load(&posting->counts->filled);
        if (pending.count == atomic_load(&posting->counts->emptied))
            continue;
        memcpy(request->body + size, &pending, sizeof(pending));
        size += sizeof(pending);
    }
    lane_pool_unlock();
    request->header.inline_size = size;
}

/* Lanes that have been forgotten since are not there; none has the number of an earlier one. */
static void note_over(const struct connection *connection, uint32_t index, uint32_t over)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count; i++) {
        struct posting *posting = &winapi_postings[i];

        if (posting->counts && posting->connection == connection && posting->index == index)
            lane_counts_note_over(posting->counts, over);
    }
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
