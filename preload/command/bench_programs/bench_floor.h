/*
 * The jobs of winapi-bench-floor: the least that two processes need to hand something to each other and back, with
 * nothing of this project in between.
 *
 * The side that is measured is the program itself; the other one is a child that ends with it.
 */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_PROGRAMS_BENCH_FLOOR_H
#define WINAPI_PRELOAD_COMMAND_BENCH_PROGRAMS_BENCH_FLOOR_H

#include "preload/command/bench_programs/bench_work.h"

#include <sys/types.h>

bench_work_function bench_floor_spin, bench_floor_futex, bench_floor_futex_rate;
bench_work_function bench_floor_socket, bench_floor_transfer;

/* Makes the other side: a child on that processor (-1: any) that runs `side`.  Gives its pid, or a negative errno. */
pid_t bench_floor_fork(int cpu, void (*side)(void *context), void *context);

/* Waits for it, killed before if it is asked for. */
void bench_floor_end(pid_t pid, bool has_to_be_killed);

/* Memory that children share, zeroed; NULL: there is none. */
void *bench_floor_share(size_t size);
void bench_floor_unshare(void *memory, size_t size);

#endif
