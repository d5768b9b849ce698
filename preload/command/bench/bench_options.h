/* The options of `winapi bench`. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_OPTIONS_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_OPTIONS_H

#include "preload/command/bench/bench.h"

enum { BENCH_OPTIONS_RIGHT = -1 };

/* Fills in what was asked for.  Anything but BENCH_OPTIONS_RIGHT is the command's exit code, and all has been said. */
MUST_CHECK int bench_options_read(struct bench *bench, int argc, char **argv);

#endif
