/* Drawings, by gnuplot, which gets commands and data through a pipe. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_PLOT_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_PLOT_H

#include "preload/command/bench/bench.h"

/* Whether gnuplot is there. */
bool plot_is_possible(void);

/* Latencies, and throughput over size, one below the other.  Errors are logged. */
MUST_CHECK int plot_write(const struct bench *bench, const char *path);

#endif
