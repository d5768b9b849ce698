/* A bar on stderr, where that is a terminal; nothing otherwise. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_PROGRESS_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_PROGRESS_H

#include <stddef.h>

void progress_start(size_t steps);

/* One more step begins: what is measured now. */
void progress_step(const char *what);

/* Takes the bar away, before anything else is written and at the end. */
void progress_clear(void);

#endif
