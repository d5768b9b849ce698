/*
 * How long calls took, in buckets: eight to each doubling from 32 ns to 68 s, so that a percentile is right within 6 %.
 */
#ifndef WINAPI_PRELOAD_CALL_COUNTS_H
#define WINAPI_PRELOAD_CALL_COUNTS_H

#include "preload/control_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a call came to. */
struct call_cost {
    uint64_t took_ns;
    uint64_t sent, received; /* bytes */
    bool is_error;
};

/* Counts one call.  Any thread, signal handlers too: single additions, in no order. */
void call_counts_add(struct control_counts *counts, const struct call_cost *cost);

/* The bucket that a duration falls into, and the middle of one, in ns. */
size_t call_counts_bucket(uint64_t took_ns);
uint64_t call_counts_middle(size_t bucket);

/* `into` += `from`; a copy that another program made up may overflow, which does no harm. */
void call_counts_merge(struct control_counts *into, const struct control_counts *from);

uint64_t call_counts_calls(const struct control_counts *counts);

/* The duration, in ns, that `percent` of the calls did not exceed; 0 without calls. */
uint64_t call_counts_percentile(const struct control_counts *counts, unsigned percent);

#endif
