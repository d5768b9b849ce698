/*
 * Calls that do not wait for their answer, beside the same calls that do: srand48(), by one table and by another that
 * marks it as asynchronous.  lrand48() at the end shows that all have arrived, in order, and belongs to what is timed.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"
#include "preload/command/bench/bench_tables.h"
#include "spec/base/own.h"

#include <errno.h>

enum { CALLS = 50000, SEED = 4711 };

/* A host and a client that have one of the two tables. */
struct side {
    struct bench_host host;
    struct bench_child client;
};

static struct side waiting, later;

static int need_side(struct bench *bench, struct side *side, const char *spec, enum placement placement)
{
    const char *const specs[] = {spec, NULL};
    int error;

    if (side->client.pid)
        return 0;
    error = bench_host_start(&side->host, bench->folder, bench->host_program, scene_other_cpu(bench, placement), specs);
    if (error)
        return error;
    return scene_start_client(bench, &side->client, side->host.address,
                              placement == PLACEMENT_NONE ? BENCH_ANY_CPU : bench->here_cpu, specs, NULL);
}

static int need_sides(struct bench *bench, enum placement placement)
{
    AUTO_FREE char *seed = NULL;
    AUTO_FREE char *seed_later = NULL;
    int error = tables_write(bench, TABLE_SEED, &seed);

    if (!error)
        error = tables_write(bench, TABLE_SEED_LATER, &seed_later);
    if (!error)
        error = need_side(bench, &waiting, seed, placement);
    if (!error && tables_is_understood(seed_later))
        return need_side(bench, &later, seed_later, placement);
    bench_leave_out(bench, "async_rate", "this version knows no asynchronous calls");
    return error;
}

static int measure_side(struct bench *bench, struct side *side, const char *figure, uint64_t digest)
{
    struct bench_job job = {.kind = JOB_SEED, .count = bench_count(bench, CALLS), .seed = SEED};
    struct bench_answer answer;
    int error = bench_child_run(&side->client, &job, &answer, NULL);

    if (error)
        return error;
    scene_count(&side->host, &job, &answer);
    if (answer.digest != digest) {
        bench_say("lrand48() after srand48() gives something else than on this machine itself");
        return -EBADMSG;
    }
    figures_add(&bench->figures, (double)answer.timed_calls * 1e9 / (double)answer.took_ns, "%s", figure);
    return 0;
}

static int run(struct bench *bench)
{
    struct bench_job job = {.kind = JOB_SEED, .count = bench_count(bench, CALLS), .seed = SEED};
    enum placement placement = scene_two_cpus(bench);
    struct bench_answer native;
    struct bench_child *bare;
    int error = need_sides(bench, placement);

    progress_step("asynchronous calls");
    if (!error)
        error = scene_bare(bench, placement, &bare);
    if (!error)
        error = bench_child_run(bare, &job, &native, NULL);
    if (!error)
        error = measure_side(bench, &waiting, "floor_sync_calls_per_s", native.digest);
    if (!error && later.client.pid)
        error = measure_side(bench, &later, "async_calls_per_s", native.digest);
    if (!error)
        error = bench_host_verify(&waiting.host, &bench->verified_calls);
    if (!error && later.client.pid)
        error = bench_host_verify(&later.host, &bench->verified_calls);
    return error;
}

static void finish(struct bench *bench)
{
    (void)bench;
    bench_child_end(&waiting.client);
    bench_child_end(&later.client);
    bench_host_stop(&waiting.host);
    bench_host_stop(&later.host);
}

const struct bench_part bench_async = {"async", NULL, run, finish};
