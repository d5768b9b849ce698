/* Calls by many threads: how many in a time, and threads that are there only to be looked at. */
#include "preload/command/bench_programs/bench_client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct caller {
    pthread_t thread;
    struct bench_run run;
    char input[BENCH_ECHO_RATE_SIZE + 1], output[BENCH_ECHO_RATE_SIZE + 1];
    unsigned number;   /* of the thread: in its text, so that it knows its own answers */
    uint32_t sequence; /* of the call, likewise */
    bool is_right;
};

static bool call_once(void *context)
{
    struct caller *caller = context;
    uint32_t sequence = caller->sequence++;

    for (unsigned i = 0; i < 8; i++)
        caller->input[8 + i] = (char)('a' + ((sequence >> (4 * i)) & 0xF));
    return winapi_echo(bench_client_handle(), caller->input, caller->output, sizeof(caller->output)) == 0 &&
           memcmp(caller->input, caller->output, sizeof(caller->input)) == 0;
}

static void caller_init(struct caller *caller, const struct bench_job *job, unsigned number)
{
    memset(caller, 0, sizeof(*caller));
    caller->run = (struct bench_run){.start_ns = job->start_ns, .end_ns = job->end_ns};
    caller->number = number;
    memset(caller->input, '.', BENCH_ECHO_RATE_SIZE);
    snprintf(caller->input, 8, "%07u", number);
    caller->input[7] = '.';
}

static void *call_until_the_end(void *context)
{
    struct caller *caller = context;

    caller->is_right = bench_run_until(&caller->run, call_once, caller);
    return NULL;
}

void bench_client_echo_rate(struct bench_work *work)
{
    static struct caller callers[BENCH_THREADS_MOST];
    unsigned started = 0;

    bench_client_handle();
    for (; started < work->job.threads; started++) {
        caller_init(&callers[started], &work->job, started);
        if (pthread_create(&callers[started].thread, NULL, call_until_the_end, &callers[started]) != 0)
            break;
    }
    if (started < work->job.threads)
        bench_work_fail(work, "thread %u of %u could not be made", started + 1, work->job.threads);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(callers[i].thread, NULL);
        if (!callers[i].is_right)
            bench_work_fail(work, "thread %u got an answer that is not its own, or none", i);
        bench_work_add_run(work, &callers[i].run);
    }
}

/* ---- threads that stay ---- */

static pthread_barrier_t all_have_called;

static void *call_and_stay(void *context)
{
    struct caller *caller = context;

    caller->is_right = call_once(caller);
    pthread_barrier_wait(&all_have_called);
    while (pause() < 0)
        ;
    return NULL;
}

void bench_client_keep_lanes(struct bench_work *work)
{
    static struct caller callers[BENCH_THREADS_MOST];

    bench_client_handle();
    pthread_barrier_init(&all_have_called, NULL, work->job.threads + 1);
    for (unsigned i = 0; i < work->job.threads; i++) {
        caller_init(&callers[i], &work->job, i);
        if (pthread_create(&callers[i].thread, NULL, call_and_stay, &callers[i]) != 0) {
            bench_work_fail(work, "thread %u of %u could not be made", i + 1, work->job.threads);
            return;
        }
    }
    pthread_barrier_wait(&all_have_called);
    for (unsigned i = 0; i < work->job.threads; i++)
        if (!callers[i].is_right)
            bench_work_fail(work, "thread %u got an answer that is not its own, or none", i);
    work->answer.calls = work->job.threads;
}
