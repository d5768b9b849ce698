/* The processes of one placement: a host, clients under `winapi run`, the same program bare, and the floors. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_SCENE_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_SCENE_H

#include "preload/command/bench/bench.h"

/* Finds out which processors are there. */
MUST_CHECK int scene_choose_cpus(struct bench *bench);

/* The placement that a part gets when it wants this one. */
enum placement scene_placement(const struct bench *bench, enum placement wanted);
bool scene_is_possible(const struct bench *bench, enum placement placement);
/* What a part gets that wants a processor for each side, and can do with one. */
enum placement scene_two_cpus(const struct bench *bench);
/* Two sides that wait awake on one processor only get on when the scheduler takes it from one of them. */
bool scene_may_spin(const struct bench *bench, enum placement placement);

const char *scene_name(enum placement placement);

/* Each gives a process that runs; errors are logged. */
MUST_CHECK int scene_client(struct bench *bench, enum placement placement, size_t number, struct bench_child **child);
MUST_CHECK int scene_socket_client(struct bench *bench, enum placement placement, struct bench_child **child);
MUST_CHECK int scene_bare(struct bench *bench, enum placement placement, struct bench_child **child);
MUST_CHECK int scene_floor(struct bench *bench, enum placement placement, struct bench_child **child);

/* Where a floor's other side runs: for struct bench_job. */
int scene_other_cpu(const struct bench *bench, enum placement placement);

/*
 * Runs a program under `winapi run`; `specs` (NULL at the end) are what it is given, `variables` what it has in its
 * environment besides (NULL at the end, few).  `host` may be NULL.
 */
MUST_CHECK int scene_start_client(struct bench *bench, struct bench_child *child, const char *host, int cpu,
                                  const char *const *specs, const char *const *variables);

/* A job for a client of the scene's host, whose calls are then counted as the host ought to. */
MUST_CHECK int scene_run(struct bench *bench, enum placement placement, struct bench_child *child,
                         const struct bench_job *job, struct bench_answer *answer);
void scene_count(struct bench_host *host, const struct bench_job *job, const struct bench_answer *answer);

/* Compares every host's counts with the clients'. */
MUST_CHECK int scenes_verify(struct bench *bench);
void scenes_finish(struct bench *bench);

#endif
