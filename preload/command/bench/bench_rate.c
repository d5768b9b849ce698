/*
 * Calls a second, of N threads in one program and of N programs, beside as many bare pairs that hand over by futex.
 *
 * All begin at the same time and end at the same time.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"
#include "spec/wire/clock.h"

#include <errno.h>

#define NS_PER_MS UINT64_C(1000000)

/* Threads and processes are made, and have called, before the start. */
enum { LEAD_MS = 40, LEAD_EACH_MS = 3, RUN_MS = 120, QUICK_PART = 4, TRIES = 6 };

static const uint32_t thread_counts[] = {1, 2, 4, 8};
static const uint32_t client_counts[] = {1, 2, 4, 8, 16};

/* Each further try has twice as long to make ready. */
static void set_times(const struct bench *bench, struct bench_job *job, uint32_t sides, unsigned try)
{
    uint64_t part = bench->is_quick ? QUICK_PART : 1;

    job->start_ns = clock_now_ns() + ((LEAD_MS + sides * LEAD_EACH_MS) * NS_PER_MS / part << try);
    job->end_ns = job->start_ns + RUN_MS * NS_PER_MS / part;
}

/*
 * Sends the job to processes of a kind and takes their answers; *rate is the sum of theirs.  `host` may be NULL: the
 * calls are nobody's.  -EAGAIN: some were late.
 */
static int run_once(struct bench_child **children, uint32_t count, const struct bench_job *job, struct bench_host *host,
                    double *rate)
{
    struct bench_answer answer;
    bool is_late = false;
    int error = 0;

    *rate = 0;
    for (uint32_t i = 0; !error && i < count; i++)
        error = bench_child_send(children[i], job);
    for (uint32_t i = 0; !error && i < count; i++) {
        error = bench_child_receive(children[i], job, &answer, NULL);
        if (error)
            break;
        if (host)
            scene_count(host, job, &answer);
        is_late = is_late || answer.is_late;
        *rate += (double)answer.timed_calls * 1e9 / (double)answer.took_ns;
    }
    return !error && is_late ? -EAGAIN : error;
}

static int run_in_time(struct bench *bench, struct bench_child **children, uint32_t count, struct bench_job *job,
                       struct bench_host *host, double *rate)
{
    int error = -EAGAIN;

    for (unsigned try = 0; error == -EAGAIN && try < TRIES; try++) {
        set_times(bench, job, count * job->threads, try);
        error = run_once(children, count, job, host, rate);
    }
    if (error == -EAGAIN)
        bench_say("%u processes with %u threads each do not get to begin together: this machine is too busy", count,
                  job->threads);
    return error;
}

static int measure_floor(struct bench *bench, enum placement placement, const char *what, uint32_t pairs)
{
    struct bench_job job = {.kind = JOB_FUTEX_RATE, .threads = pairs, .other_cpu = scene_other_cpu(bench, placement)};
    struct bench_child *floor;
    double rate;
    int error = scene_floor(bench, placement, &floor);

    if (!error)
        error = run_in_time(bench, &floor, 1, &job, NULL, &rate);
    if (!error)
        figures_add(&bench->figures, rate, "floor_%s_%u_calls_per_s", what, pairs);
    return error;
}

/* So many threads of one program that call, or so many programs. */
static int measure(struct bench *bench, enum placement placement, bool are_threads, uint32_t count)
{
    uint32_t clients = are_threads ? 1 : count;
    struct bench_job job = {.kind = JOB_ECHO_RATE, .threads = are_threads ? count : 1};
    struct bench_child *children[BENCH_CLIENTS_MOST];
    double rate;
    int error = 0;

    for (uint32_t i = 0; !error && i < clients; i++)
        error = scene_client(bench, placement, i, &children[i]);
    if (!error)
        error = run_in_time(bench, children, clients, &job, &bench->scenes[placement].host, &rate);
    if (!error)
        figures_add(&bench->figures, rate, "%s_%u_calls_per_s", are_threads ? "threads" : "clients", count);
    return error;
}

static int measure_pair(struct bench *bench, enum placement placement, bool are_threads, uint32_t count)
{
    int error;

    progress_step(are_threads ? "threads" : "clients");
    error = measure_floor(bench, placement, are_threads ? "threads" : "clients", count);
    return error ? error : measure(bench, placement, are_threads, count);
}

static int run(struct bench *bench)
{
    enum placement placement = scene_placement(bench, PLACEMENT_NONE);
    int error = 0;

    for (size_t i = 0; !error && i < COUNT_OF(thread_counts); i++)
        error = measure_pair(bench, placement, true, thread_counts[i]);
    for (size_t i = 0; !error && i < COUNT_OF(client_counts); i++)
        error = measure_pair(bench, placement, false, client_counts[i]);
    return error;
}

static size_t steps(const struct bench *bench)
{
    (void)bench;
    return COUNT_OF(thread_counts) + COUNT_OF(client_counts);
}

const struct bench_part bench_rate = {"rate", steps, run, NULL};
