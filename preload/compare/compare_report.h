/*
 * What compare has counted, and the report of it.
 *
 * The counts lie in memory that a watcher shares: a process, unseen by the program like a host that we start, which
 * writes the report when the program has ended without doing so itself: by _exit or by a signal.
 */
#ifndef WINAPI_PRELOAD_COMPARE_COMPARE_REPORT_H
#define WINAPI_PRELOAD_COMPARE_COMPARE_REPORT_H

#include "preload/core.h"
#include "spec/call/difference.h"

#include <stdatomic.h>
#include <stdbool.h>

/* One function.  A lock of one word guards `first`. */
struct compare_entry {
    _Atomic uint64_t calls, differences, not_compared;
    _Atomic uint64_t native_ns, remote_ns;
    _Atomic bool has_first, has_reason;
    struct difference first;
    char reason[96]; /* why calls were not compared: the first reason */
};

/* This process's entries by binding index, made at the first need and again after a fork.  NULL: no memory. */
struct compare_entry *compare_report_entries(struct core *core);

/* Writes the report, unless this process compared nothing or has written it. */
void compare_report_write(void);

#endif
