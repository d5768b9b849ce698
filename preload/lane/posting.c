/*
 * The places and their words.  What they say may be old only for calls that are being posted at this very moment, and
 * no thread can know of those.
 */
#include "preload/lane/posting.h"

#include <errno.h>

struct posting winapi_postings[POSTINGS_MOST];
_Atomic uint32_t winapi_posting_count;

/* ---- looking ---- */

/* false: nobody posts there. */
static bool filled_of(struct posting *posting, uint32_t *filled)
{
    _Atomic uint32_t *word = atomic_load_explicit(&posting->filled, memory_order_acquire); /* counterpart: list() */

    if (word)
        *filled = atomic_load_explicit(word, memory_order_acquire);
    return word;
}

static uint32_t emptied_of(struct posting *posting)
{
    return atomic_load_explicit(atomic_load_explicit(&posting->emptied, memory_order_relaxed), memory_order_acquire);
}

static bool is_over(struct posting *posting)
{
    uint32_t filled;

    return !filled_of(posting, &filled) || emptied_of(posting) == filled;
}

bool posting_are_over(uint32_t count, const struct thread_lane *but)
{
    for (uint32_t i = 0; i < count; i++)
        if (!posting_is_of(&winapi_postings[i], but) && !is_over(&winapi_postings[i]))
            return false;
    return true;
}

void posting_mark(struct posting_marks *marks)
{
    marks->count = atomic_load(&winapi_posting_count);
    for (uint32_t i = 0; i < marks->count; i++) {
        struct posting *posting = &winapi_postings[i];

        marks->uses[i] = atomic_load(&posting->uses);
        if (!filled_of(posting, &marks->until[i]))
            marks->uses[i]--; /* of a lane that is no more */
    }
}

bool posting_is_over_until(uint32_t place, const struct posting_marks *marks)
{
    struct posting *posting = &winapi_postings[place];

    return atomic_load(&posting->uses) != marks->uses[place] || is_over(posting) ||
           (int32_t)(emptied_of(posting) - marks->until[place]) >= 0;
}

bool posting_are_over_until(const struct posting_marks *marks, const struct thread_lane *but)
{
    for (uint32_t i = 0; i < marks->count; i++)
        if (!posting_is_of(&winapi_postings[i], but) && !posting_is_over_until(i, marks))
            return false;
    return true;
}

bool posting_is_settled(const struct thread_lane *lane)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count; i++)
        if (posting_is_of(&winapi_postings[i], lane))
            return is_over(&winapi_postings[i]);
    return true;
}

/* ---- under the pool's lock ---- */

static struct posting *find(const struct thread_lane *lane)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count; i++)
        if (posting_is_of(&winapi_postings[i], lane))
            return &winapi_postings[i];
    return NULL;
}

/* One that was never taken, or whose lane has gone and is not waited for; NULL: none. */
static struct posting *find_free(void)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count; i++)
        if (!atomic_load(&winapi_postings[i].lane) && is_over(&winapi_postings[i]))
            return &winapi_postings[i];
    if (count == POSTINGS_MOST)
        return NULL;
    atomic_store(&winapi_posting_count, count + 1);
    return &winapi_postings[count];
}

/* The words of a page are those of each lane that ever lies there. */
static void forget_earlier(const struct lane *lane)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count; i++)
        if (atomic_load(&winapi_postings[i].filled) == lane->ring.filled)
            posting_forget(&winapi_postings[i]);
}

static void list(struct posting *posting, struct thread_lane *lane)
{
    forget_earlier(&lane->lane);
    posting->connection = lane->connection;
    posting->index = lane->index;
    posting->closed = lane->lane.medium == MEDIUM_MEMORY ? &lane->lane.in->closed : NULL;
    posting->counts = lane->lane.medium == MEDIUM_SOCKET ? &lane->lane.counts : NULL;
    atomic_store(&posting->filled, NULL);
    atomic_fetch_add(&posting->uses, 1);
    atomic_store(&posting->lane, lane);
    atomic_store(&posting->emptied, lane->lane.ring.emptied);
    atomic_store(&posting->filled, lane->lane.ring.filled); /* counterpart: filled_of() */
}

int posting_begin(struct thread_lane *lane)
{
    struct posting *posting;

    if (find(lane))
        return 0;
    posting = find_free();
    if (!posting || lane_ring_open(&lane->lane))
        return -ENOTSUP;
    list(posting, lane);
    return 0;
}

/* First the words, then what points to them. */
static void keep_counts(struct posting *posting)
{
    atomic_store(&posting->left.filled, atomic_load(&posting->counts->filled));
    atomic_store(&posting->left.emptied, atomic_load(&posting->counts->emptied));
    posting->counts = &posting->left;
    atomic_store(&posting->emptied, &posting->left.emptied);
    atomic_store(&posting->filled, &posting->left.filled);
}

void posting_leave(struct thread_lane *lane)
{
    struct posting *posting = find(lane);

    if (!posting)
        return;
    if (posting->counts)
        keep_counts(posting);
    atomic_store(&posting->lane, NULL);
}

void posting_forget(struct posting *posting)
{
    atomic_store(&posting->filled, NULL);
    posting->closed = NULL;
    posting->counts = NULL;
    posting->connection = NULL;
}

void posting_forget_lane(struct thread_lane *lane)
{
    struct posting *posting = find(lane);

    if (!posting)
        return;
    posting_forget(posting);
    atomic_store(&posting->lane, NULL);
}

void posting_forget_connection(const struct connection *connection)
{
    uint32_t count = atomic_load(&winapi_posting_count);

    for (uint32_t i = 0; i < count; i++)
        if (winapi_postings[i].connection == connection)
            posting_forget(&winapi_postings[i]);
}

/* ---- in a forked child ---- */

void posting_start_over(void)
{
    atomic_store(&winapi_posting_count, 0);
    for (size_t i = 0; i < POSTINGS_MOST; i++) {
        posting_forget(&winapi_postings[i]);
        atomic_store(&winapi_postings[i].lane, NULL);
    }
}
