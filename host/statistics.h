/*
 * Who calls what, and how often: one area of memory that the supervisor and all workers share.
 *
 * The supervisor makes it before it forks, so it lies at the same address everywhere.  A worker counts, and notes
 * which function each of its threads is in, so that the supervisor can name it when the worker crashes.  Everything
 * that changes is atomic and stands alone: readers see numbers that may be a moment apart.
 *
 * Each thread counts in tallies of its own, by plain stores, for the few functions that it has called last.  Only when
 * another function needs the tally, or the client ends, is it added to what all share.
 */
#ifndef WINAPI_HOST_STATISTICS_H
#define WINAPI_HOST_STATISTICS_H

#include "spec/base/error.h"
#include "spec/wire/protocol.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    STATISTICS_NAME_MOST = 64,
    ASYNC_REQUESTS_MOST = 16, /* JSON requests of one client that are worked on beside its connection */

    /* The threads of a worker that call functions, by number: its lanes, its connection, its asynchronous requests. */
    TRACK_CONNECTION = LANES_MOST,
    TRACK_ASYNC = LANES_MOST + 1,
    TRACKS = LANES_MOST + 1 + ASYNC_REQUESTS_MOST,

    TALLIES = 8, /* of one track */
};

struct function_count {
    _Atomic uint64_t calls, errors; /* an error is a call that was refused, not a function's own failure */
    _Atomic uint64_t bytes_in, bytes_out;
};

/* Read at one moment. */
struct function_sum {
    uint64_t calls, errors, bytes_in, bytes_out;
};

struct tally {
    _Atomic uint32_t function; /* id plus one; 0: none */
    struct function_count count;
};

/* What the thread of one track has counted.  It alone writes here, until the client has ended. */
struct track_counts {
    _Alignas(64) _Atomic uint64_t calls; /* in all */
    _Atomic uint64_t sleeps, wakes;      /* of its lanes, at this end */
    struct tally tallies[TALLIES];
};

/* One client that is connected.  The supervisor takes and frees the slot; the rest is its worker's. */
struct client_slot {
    _Atomic bool is_used;
    _Atomic int32_t worker; /* pid; 0 until it is known */
    int32_t pid;            /* of the client; 0: unknown */
    uint32_t uid;
    uint64_t since_ns;
    _Atomic bool has_ended;           /* the worker ends because its session does */
    _Atomic uint32_t name_size;       /* bytes of `name`, 0 until they are there: written once, before this */
    char name[STATISTICS_NAME_MOST];  /* what the client calls itself */
    _Atomic uint32_t tracks[TRACKS];  /* function id plus one; 0: in none */
    _Atomic bool has_counted[TRACKS]; /* what follows is touched only where this is set */
    struct track_counts counts[TRACKS];
};

/* What a client's lanes have done in all. */
struct client_sum {
    uint64_t calls, sleeps, wakes;
};

struct statistics {
    _Alignas(64) size_t size; /* bytes of the whole area */
    pid_t supervisor;
    uint64_t started_ns;
    _Atomic uint64_t ended_clients, crashed_clients;
    _Atomic uint64_t moves_begun, moves_over; /* of counts from a tally to what all share: see statistics_sum() */
    size_t function_count, client_count;
    struct function_count *functions; /* by function id: what is in no tally */
    struct client_slot *clients;
};

/* Everything zero, the calling process its supervisor.  Errors: what mmap says. */
MUST_CHECK int statistics_create(struct statistics **statistics, size_t function_count, size_t client_count);
void statistics_destroy(struct statistics *statistics);

/* A slot for a client that connects, or NULL when all are taken.  Supervisor only. */
struct client_slot *statistics_client_begin(struct statistics *statistics, pid_t pid, uid_t uid);
void statistics_client_end(struct statistics *statistics, struct client_slot *slot, bool crashed);

/* Notes what the client calls itself.  The first name stays. */
void statistics_client_name(struct client_slot *slot, const char *name);

/* Around each call, by the thread that makes it. */
void statistics_call_begin(struct client_slot *slot, size_t track, uint32_t function);
void statistics_call_end(struct client_slot *slot, size_t track);

/* What is known of a call once it is over. */
struct call_outcome {
    size_t track;
    uint32_t function;
    bool failed;
    uint64_t bytes_in, bytes_out;
    uint64_t sleeps, wakes; /* of the lane, since its last call was counted */
};

/* By the thread of that track, or by several under one lock. */
void statistics_count(struct statistics *statistics, struct client_slot *slot, const struct call_outcome *outcome);

/* Every function's counts, tallies and all, in a new array by function id; NULL: no memory. */
struct function_sum *statistics_sum(const struct statistics *statistics);

struct client_sum statistics_client_sum(const struct client_slot *slot);

#endif
