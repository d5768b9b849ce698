/*
 * What the bench's two programs share: the loop over jobs, and the one piece of code that takes every sample, of the
 * product as of the floors, so that what sampling costs is in both alike.
 */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_PROGRAMS_BENCH_WORK_H
#define WINAPI_PRELOAD_COMMAND_BENCH_PROGRAMS_BENCH_WORK_H

#include "preload/command/bench/bench_job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A job being done: what was asked, what will be answered, and room for job->count samples. */
struct bench_work {
    struct bench_job job;
    struct bench_answer answer;
    uint32_t *samples;
};

/* NULL for kinds that this program does not do.  A function that fails has said why with bench_work_fail(). */
typedef void bench_work_function(struct bench_work *work);

/* Does jobs until standard input ends; gives the exit code. */
int bench_work_loop(bench_work_function *const functions[JOB_KINDS]);

/* The answer becomes a failure, if it is not one already; gives false. */
bool bench_work_fail(struct bench_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * What is sampled.  `act` alone is timed; `prepare` comes before it and `check` after it, each may be NULL; a check
 * that gives false has failed the work, and ends it.
 */
struct bench_step {
    void (*prepare)(void *context, uint32_t index);
    void (*act)(void *context);
    bool (*check)(struct bench_work *work, void *context, uint32_t index);
};

/*
 * Takes job.count samples after `warm` steps without, a quarter of that count at most, and fills in the answer's counts
 * and time.
 * False: a check failed.
 */
bool bench_work_sample(struct bench_work *work, const struct bench_step *step, void *context, uint32_t warm);

uint64_t bench_now_ns(void);

/* Sleeps until then. */
void bench_sleep_until(uint64_t ns);

/* Adds a value to a digest. */
uint64_t bench_digest(uint64_t digest, uint64_t value);

/* A program that works through calls for a time, as one thread of it or one process. */
struct bench_run {
    uint64_t start_ns, end_ns;
    uint64_t calls;    /* between the two */
    uint64_t ready_ns; /* when it could have begun; 0: it did not come so far */
};

/* Calls `act` a few times, waits for the start, then calls it until the end.  Gives false as soon as `act` does. */
bool bench_run_until(struct bench_run *run, bool (*act)(void *context), void *context);

enum { BENCH_RUN_WARM = 100 };

/*
 * Adds a run to the answer: `timed_calls` in `took_ns` is then the rate of all together.  One that could not begin with
 * the others makes the answer late; one that could, and got no processor, had to share it with them, which counts.
 */
void bench_work_add_run(struct bench_work *work, const struct bench_run *run);

#endif
