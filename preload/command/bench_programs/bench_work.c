#include "preload/command/bench_programs/bench_work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

uint64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void bench_sleep_until(uint64_t ns)
{
    struct timespec until = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

uint64_t bench_digest(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * UINT64_C(0x9E3779B97F4A7C15) + (digest >> 29);
}

bool bench_work_fail(struct bench_work *work, const char *format, ...)
{
    va_list arguments;

    if (work->answer.failed)
        return false;
    work->answer.failed = 1;
    va_start(arguments, format);
    vsnprintf(work->answer.text, sizeof(work->answer.text), format, arguments);
    va_end(arguments);
    return false;
}

static bool take_step(struct bench_work *work, const struct bench_step *step, void *context, uint32_t index)
{
    uint64_t start, took;

    if (step->prepare)
        step->prepare(context, index);
    start = bench_now_ns();
    step->act(context);
    took = bench_now_ns() - start;
    work->samples[index] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    work->answer.took_ns += took;
    work->answer.calls++;
    return !step->check || step->check(work, context, index);
}

bool bench_work_sample(struct bench_work *work, const struct bench_step *step, void *context, uint32_t warm)
{
    for (uint32_t i = 0; i < warm && i <= work->job.count / 4; i++)
        if (!take_step(work, step, context, i))
            return false;
    work->answer.took_ns = 0;
    work->answer.digest = 0;
    for (uint32_t i = 0; i < work->job.count; i++)
        if (!take_step(work, step, context, i))
            return false;
    work->answer.timed_calls = work->job.count;
    work->answer.sample_count = work->job.count;
    return true;
}

bool bench_run_until(struct bench_run *run, bool (*act)(void *context), void *context)
{
    for (int i = 0; i < BENCH_RUN_WARM; i++)
        if (!act(context))
            return false;
    run->ready_ns = bench_now_ns();
    bench_sleep_until(run->start_ns);
    for (run->calls = 0; bench_now_ns() < run->end_ns; run->calls++)
        if (!act(context))
            return false;
    return true;
}

void bench_work_add_run(struct bench_work *work, const struct bench_run *run)
{
    work->answer.calls += run->calls + BENCH_RUN_WARM;
    work->answer.timed_calls += run->calls;
    work->answer.took_ns = run->end_ns - run->start_ns;
    if (run->ready_ns > run->start_ns)
        work->answer.is_late = 1;
}

/* ---- the loop ---- */

static bool write_all(const void *data, size_t size)
{
    const char *rest = data;

    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, rest, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        rest += written;
        size -= (size_t)written;
    }
    return true;
}

static bool read_all(void *data, size_t size)
{
    char *rest = data;

    while (size > 0) {
        ssize_t got = read(STDIN_FILENO, rest, size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        rest += got;
        size -= (size_t)got;
    }
    return true;
}

static void do_job(struct bench_work *work, bench_work_function *const functions[JOB_KINDS])
{
    memset(&work->answer, 0, sizeof(work->answer));
    if (work->job.kind >= JOB_KINDS || !functions[work->job.kind])
        bench_work_fail(work, "this program does no job of the kind %u", work->job.kind);
    else if (work->job.threads > BENCH_THREADS_MOST)
        bench_work_fail(work, "%u threads are too many", work->job.threads);
    else
        functions[work->job.kind](work);
    if (work->answer.failed)
        work->answer.sample_count = 0;
}

int bench_work_loop(bench_work_function *const functions[JOB_KINDS])
{
    static uint32_t samples[BENCH_SAMPLES_MOST];
    static struct bench_work work = {.samples = samples};

    memset(samples, 1, sizeof(samples)); /* touched before anything is timed */
    while (read_all(&work.job, sizeof(work.job))) {
        do_job(&work, functions);
        if (!write_all(&work.answer, sizeof(work.answer)) ||
            !write_all(samples, work.answer.sample_count * sizeof(samples[0])))
            return 1;
    }
    return 0;
}
