/*
 * Calls, and how long they took, in buckets: eight to each doubling from 32 ns to 68 s, so that a percentile is right
 * within 6 %.
 *
 * The clock costs more than the counting.  So the first calls are all timed, and of the others one in eight, which then
 * counts for eight.  Which one is as good as random: a program that calls in a pattern is not seen at one beat of it.
 */
#ifndef WINAPI_PRELOAD_CONTROL_CALL_COUNTS_H
#define WINAPI_PRELOAD_CONTROL_CALL_COUNTS_H

#include "preload/control/control_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CALL_COUNTS_TIMED_FIRST = 256, CALL_COUNTS_TIMED_ONE_IN = 8 };

/* What a call came to. */
struct call_cost {
    uint64_t weight; /* how many calls its duration stands for; 0: it was not timed */
    uint64_t took_ns;
    uint64_t sent, received; /* bytes */
    uint64_t sleeps, wakes;  /* of this end while it waited, and of the other end, which had to be woken */
    bool is_error;
    bool is_own; /* the counts are of this thread only */
};

/*
 * Counts one call and fills in its weight.  Any thread, signal handlers too: single additions, in no order; with
 * `is_own` they are not locked, which costs a tenth.
 */
void call_counts_begin(struct control_counts *counts, struct call_cost *cost);
void call_counts_end(struct control_counts *counts, const struct call_cost *cost);

/* The bucket that a duration falls into, and the middle of one, in ns. */
size_t call_counts_bucket(uint64_t took_ns);
uint64_t call_counts_middle(size_t bucket);

/* `into` += `from`; a copy that another program made up may overflow, which does no harm. */
void call_counts_merge(struct control_counts *into, const struct control_counts *from);

/* The duration, in ns, that `percent` of the timed calls did not exceed; 0 without any. */
uint64_t call_counts_percentile(const struct control_counts *counts, unsigned percent);

#endif
