/* What a run has found: as JSON, and as a table for people. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_REPORT_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_REPORT_H

#include "preload/command/bench/bench.h"

/* Writes it to `path`, "-" for stdout.  Errors are logged. */
MUST_CHECK int report_json(const struct bench *bench, const char *path);

/* To stdout.  Errors are logged. */
MUST_CHECK int report_table(const struct bench *bench);

/* At the end of what went to stdout, whose error, if any, is given: whether all of it got there.  Errors are logged. */
MUST_CHECK int report_end_output(int error);

/* The processor's name, and the governor of its speed; "" where they are not known. */
struct machine {
    char processor[128], governor[64];
};

void machine_describe(struct machine *machine, int cpu);

#endif
