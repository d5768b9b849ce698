/*
 * The shared counts.  Relaxed throughout, but for names and for counts that move: nobody draws conclusions from the
 * order of others.
 */
#include "host/statistics.h"

#include "spec/wire/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SUM_TRIES = 1000 };

static void add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

int statistics_create(struct statistics **statistics, size_t function_count, size_t client_count)
{
    size_t line = _Alignof(struct client_slot);
    size_t functions_size = (function_count * sizeof(struct function_count) + line - 1) / line * line;
    size_t size = sizeof(struct statistics) + functions_size + client_count * sizeof(struct client_slot);
    struct statistics *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED)
        return -errno;
    made->size = size;
    made->supervisor = getpid();
    made->started_ns = clock_now_ns();
    made->function_count = function_count;
    made->client_count = client_count;
    made->functions = (struct function_count *)(made + 1);
    made->clients = (struct client_slot *)(void *)((char *)(made + 1) + functions_size);
    *statistics = made;
    return 0;
}

void statistics_destroy(struct statistics *statistics)
{
    if (statistics)
        munmap(statistics, statistics->size);
}

/* ---- tallies ---- */

static uint64_t load(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* By the only thread that writes there. */
static void own_add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_store_explicit(count, load(count) + more, memory_order_relaxed);
}

/* Counts on their way are nowhere for a moment: who sums them up meanwhile does so again. */
static void moves_begin(struct statistics *statistics)
{
    atomic_fetch_add(&statistics->moves_begun, 1); /* counterpart: statistics_sum() */
}

static void moves_end(struct statistics *statistics)
{
    atomic_fetch_add(&statistics->moves_over, 1); /* counterpart: statistics_sum() */
}

/* Where the count was is 0 afterwards. */
static void move_count(_Atomic uint64_t *to, _Atomic uint64_t *from)
{
    uint64_t count = load(from);

    if (count == 0)
        return;
    atomic_store_explicit(from, 0, memory_order_release); /* counterpart of these two: sum_count() */
    atomic_fetch_add_explicit(to, count, memory_order_release);
}

/* Between moves_begin() and moves_end(). */
static void tally_settle(struct statistics *statistics, struct tally *tally)
{
    uint32_t function = atomic_load_explicit(&tally->function, memory_order_relaxed);
    struct function_count *to;

    if (function == 0)
        return;
    to = &statistics->functions[function - 1];
    move_count(&to->calls, &tally->count.calls);
    move_count(&to->errors, &tally->count.errors);
    move_count(&to->bytes_in, &tally->count.bytes_in);
    move_count(&to->bytes_out, &tally->count.bytes_out);
    atomic_store_explicit(&tally->function, 0, memory_order_relaxed);
}

static void track_settle(struct statistics *statistics, struct track_counts *track)
{
    for (size_t i = 0; i < TALLIES; i++)
        tally_settle(statistics, &track->tallies[i]);
    atomic_store(&track->calls, 0);
    atomic_store(&track->sleeps, 0);
    atomic_store(&track->wakes, 0);
}

void statistics_count(struct statistics *statistics, struct client_slot *slot, const struct call_outcome *outcome)
{
    struct track_counts *track = &slot->counts[outcome->track];
    struct tally *tally = &track->tallies[outcome->function % TALLIES];

    if (atomic_load_explicit(&tally->function, memory_order_relaxed) != outcome->function + 1) {
        moves_begin(statistics);
        tally_settle(statistics, tally);
        moves_end(statistics);
        atomic_store_explicit(&tally->function, outcome->function + 1, memory_order_relaxed);
        atomic_store_explicit(&slot->has_counted[outcome->track], true, memory_order_release);
    }
    own_add(&track->calls, 1);
    own_add(&tally->count.calls, 1);
    own_add(&tally->count.bytes_in, outcome->bytes_in);
    own_add(&tally->count.bytes_out, outcome->bytes_out);
    if (outcome->failed)
        own_add(&tally->count.errors, 1);
    own_add(&track->sleeps, outcome->sleeps);
    own_add(&track->wakes, outcome->wakes);
}

static void sum_count(struct function_sum *sum, const struct function_count *count)
{
    sum->calls += atomic_load_explicit(&count->calls, memory_order_acquire); /* counterpart of all: move_count() */
    sum->errors += atomic_load_explicit(&count->errors, memory_order_acquire);
    sum->bytes_in += atomic_load_explicit(&count->bytes_in, memory_order_acquire);
    sum->bytes_out += atomic_load_explicit(&count->bytes_out, memory_order_acquire);
}

static void sum_client(const struct statistics *statistics, const struct client_slot *slot, struct function_sum *sums)
{
    for (size_t i = 0; i < TRACKS; i++)
        for (size_t j = 0; j < TALLIES && atomic_load(&slot->has_counted[i]); j++) {
            const struct tally *tally = &slot->counts[i].tallies[j];
            uint32_t function = atomic_load_explicit(&tally->function, memory_order_relaxed);

            if (function != 0 && function <= statistics->function_count)
                sum_count(&sums[function - 1], &tally->count);
        }
}

static void sum_all(const struct statistics *statistics, struct function_sum *sums)
{
    memset(sums, 0, statistics->function_count * sizeof(*sums));
    for (size_t i = 0; i < statistics->function_count; i++)
        sum_count(&sums[i], &statistics->functions[i]);
    for (size_t i = 0; i < statistics->client_count; i++)
        if (atomic_load(&statistics->clients[i].is_used))
            sum_client(statistics, &statistics->clients[i], sums);
}

/* A worker that was killed in the middle of a move leaves it unfinished: then what there is must do. */
struct function_sum *statistics_sum(const struct statistics *statistics)
{
    struct function_sum *sums = calloc(statistics->function_count + 1, sizeof(*sums));
    uint64_t over, begun;
    int tries = 0;

    if (!sums)
        return NULL;
    do {
        over = atomic_load(&statistics->moves_over); /* counterpart: moves_end() */
        sum_all(statistics, sums);
        begun = atomic_load(&statistics->moves_begun); /* counterpart: moves_begin() */
    } while (begun != over && ++tries < SUM_TRIES);
    return sums;
}

struct client_sum statistics_client_sum(const struct client_slot *slot)
{
    struct client_sum sum = {0};

    for (size_t i = 0; i < TRACKS; i++) {
        const struct track_counts *track = &slot->counts[i];

        if (!atomic_load(&slot->has_counted[i]))
            continue;
        sum.calls += load(&track->calls);
        sum.sleeps += load(&track->sleeps);
        sum.wakes += load(&track->wakes);
    }
    return sum;
}

/* ---- clients ---- */

static void slot_clear(struct client_slot *slot)
{
    atomic_store(&slot->worker, 0);
    atomic_store(&slot->has_ended, false);
    atomic_store(&slot->name_size, 0);
    for (size_t i = 0; i < TRACKS; i++)
        atomic_store_explicit(&slot->tracks[i], 0, memory_order_relaxed);
}

struct client_slot *statistics_client_begin(struct statistics *statistics, pid_t pid, uid_t uid)
{
    for (size_t i = 0; i < statistics->client_count; i++) {
        struct client_slot *slot = &statistics->clients[i];

        if (atomic_load(&slot->is_used))
            continue;
        slot_clear(slot);
        slot->pid = pid;
        slot->uid = uid;
        slot->since_ns = clock_now_ns();
        atomic_store(&slot->is_used, true);
        return slot;
    }
    return NULL;
}

void statistics_client_end(struct statistics *statistics, struct client_slot *slot, bool crashed)
{
    moves_begin(statistics);
    for (size_t i = 0; i < TRACKS; i++)
        if (atomic_exchange(&slot->has_counted[i], false))
            track_settle(statistics, &slot->counts[i]);
    moves_end(statistics);
    add(&statistics->ended_clients, 1);
    add(&statistics->crashed_clients, crashed);
    atomic_store(&slot->is_used, false);
}

void statistics_client_name(struct client_slot *slot, const char *name)
{
    size_t size = strnlen(name, sizeof(slot->name));

    if (atomic_load_explicit(&slot->name_size, memory_order_relaxed))
        return;
    for (size_t i = 0; i < size; i++)
        slot->name[i] = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
    /* Counterpart: the acquire of whoever shows the name. */
    atomic_store_explicit(&slot->name_size, (uint32_t)size, memory_order_release);
}

void statistics_call_begin(struct client_slot *slot, size_t track, uint32_t function)
{
    atomic_store_explicit(&slot->tracks[track], function + 1, memory_order_relaxed);
}

void statistics_call_end(struct client_slot *slot, size_t track)
{
    atomic_store_explicit(&slot->tracks[track], 0, memory_order_relaxed);
}
