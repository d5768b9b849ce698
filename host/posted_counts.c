/* What is asked for is mostly over, or about to be: so who waits looks again and again, with longer and longer naps. */
#include "host/posted_counts.h"

#include "spec/wire/clock.h"

#include <string.h>
#include <time.h>

enum { ANSWER_MS = 100, NAP_LEAST_NS = 20000, NAP_MOST_NS = 1000000 };

int posted_counts_init(struct posted_counts *counts)
{
    memset(counts, 0, sizeof(*counts));
    return -pthread_mutex_init(&counts->lock, NULL);
}

void posted_counts_open(struct posted_counts *counts, size_t place, uint32_t number)
{
    pthread_mutex_lock(&counts->lock);
    counts->lanes[place].is_open = true;
    counts->lanes[place].number = number;
    atomic_store(&counts->lanes[place].over, 0);
    pthread_mutex_unlock(&counts->lock);
}

void posted_counts_close(struct posted_counts *counts, size_t place)
{
    pthread_mutex_lock(&counts->lock);
    counts->lanes[place].is_open = false;
    pthread_mutex_unlock(&counts->lock);
}

void posted_counts_add(struct posted_counts *counts, size_t place)
{
    uint32_t over = atomic_load_explicit(&counts->lanes[place].over, memory_order_relaxed);

    atomic_store_explicit(&counts->lanes[place].over, over + 1, memory_order_release); /* counterpart: over_of() */
}

/* With the lock held. */
static uint32_t over_of(const struct posted_counts *counts, const struct frame_pending *pending)
{
    for (size_t i = 0; i < LANES_MOST; i++)
        if (counts->lanes[i].is_open && counts->lanes[i].number == pending->lane)
            return atomic_load_explicit(&counts->lanes[i].over, memory_order_acquire);
    return pending->count;
}

/* Whether all is over that the request lists. */
static bool look(struct posted_counts *counts, const struct frame *request, struct frame *reply)
{
    uint32_t count = request->header.inline_size / sizeof(struct frame_pending);
    bool are_over = true;

    pthread_mutex_lock(&counts->lock);
    for (size_t i = 0; i < count; i++) {
        struct frame_pending pending;
        uint32_t over;

        memcpy(&pending, request->body + i * sizeof(pending), sizeof(pending));
        over = over_of(counts, &pending);
        are_over &= (int32_t)(over - pending.count) >= 0;
        memcpy(reply->body + i * sizeof(over), &over, sizeof(over));
    }
    pthread_mutex_unlock(&counts->lock);
    reply->header.inline_size = count * (uint32_t)sizeof(uint32_t);
    return are_over;
}

void posted_counts_answer(struct posted_counts *counts, const struct frame *request, struct frame *reply)
{
    uint64_t deadline_ns = clock_deadline_ns(ANSWER_MS);
    struct timespec nap = {.tv_nsec = NAP_LEAST_NS};

    while (!look(counts, request, reply) && !clock_is_past(deadline_ns)) {
        nanosleep(&nap, NULL);
        if (nap.tv_nsec < NAP_MOST_NS)
            nap.tv_nsec *= 2;
    }
}
