/*
 * Calls over a socket instead of shared memory, beside a bare socket pair.
 *
 * A bare side may sleep in recv() or ask again and again; the faster of the two is the floor.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"

#include <errno.h>
#include <stdio.h>

enum { SAMPLES = 20000, SLEEPING_SAMPLES = 3000, PING_SIZE = 32, TRANSFERS = 4, TRANSFER_SIZE = 64 << 20 };

static double bytes_per_s(const struct bench_answer *answer)
{
    return (double)TRANSFER_SIZE * (double)answer->timed_calls * 1e9 / (double)answer->took_ns;
}

static int measure_ping(struct bench *bench, enum placement placement, enum bench_socket kind, double *p50_ns)
{
    struct bench_job job = {.kind = JOB_SOCKET,
                            .size = PING_SIZE,
                            .option = kind,
                            .count = bench_count(bench, kind == SOCKET_POLLING ? SAMPLES : SLEEPING_SAMPLES),
                            .other_cpu = scene_other_cpu(bench, placement)};
    struct bench_answer answer;
    struct bench_child *floor;
    char name[FIGURE_NAME_MOST];
    int error = scene_floor(bench, placement, &floor);

    snprintf(name, sizeof(name), "floor_socket_32_%s_%s", kind == SOCKET_POLLING ? "polling" : "blocking",
             scene_name(placement));
    progress_step(name);
    if (!error)
        error = bench_child_run(floor, &job, &answer, bench->samples);
    if (error)
        return error;
    figures_add_samples(&bench->figures, name, bench->samples, answer.sample_count);
    *p50_ns = percentile(bench->samples, answer.sample_count, 50);
    return 0;
}

static int measure_pings(struct bench *bench, enum placement placement)
{
    double blocking = 0, polling;
    int error = measure_ping(bench, placement, SOCKET_BLOCKING, &blocking);

    polling = blocking;
    if (!error && scene_may_spin(bench, placement))
        error = measure_ping(bench, placement, SOCKET_POLLING, &polling);
    if (!error)
        figures_add(&bench->figures, polling < blocking ? polling : blocking, "floor_socket_32_p50_ns");
    return error;
}

static int measure_echo(struct bench *bench, enum placement placement)
{
    struct bench_job job = {.kind = JOB_ECHO, .size = PING_SIZE, .count = bench_count(bench, SAMPLES)};
    struct bench_answer answer;
    struct bench_child *client;
    int error = scene_socket_client(bench, placement, &client);

    progress_step("echo over a socket");
    if (!error)
        error = scene_run(bench, placement, client, &job, &answer);
    if (!error)
        figures_add_samples(&bench->figures, "socket_echo_32", bench->samples, answer.sample_count);
    return error;
}

static int measure_bare_transfer(struct bench *bench, enum placement placement)
{
    struct bench_job job = {.kind = JOB_TRANSFER,
                            .size = TRANSFER_SIZE,
                            .count = bench_count(bench, TRANSFERS),
                            .other_cpu = scene_other_cpu(bench, placement)};
    struct bench_answer answer;
    struct bench_child *floor;
    int error = scene_floor(bench, placement, &floor);

    progress_step("64 MiB over a bare socket");
    if (!error)
        error = bench_child_run(floor, &job, &answer, bench->samples);
    if (!error)
        figures_add(&bench->figures, bytes_per_s(&answer), "floor_socket_64m_bytes_per_s");
    return error;
}

/* The checksums are held against those of the same program without the product. */
static int measure_transfer(struct bench *bench, enum placement placement)
{
    struct bench_job job = {.kind = JOB_BUFFER,
                            .size = TRANSFER_SIZE,
                            .count = bench_count(bench, TRANSFERS),
                            .option = BUFFER_OWN,
                            .seed = 3};
    struct bench_answer answer, native;
    struct bench_child *client, *bare;
    int error = scene_socket_client(bench, placement, &client);

    progress_step("64 MiB over a socket");
    if (!error)
        error = scene_run(bench, placement, client, &job, &answer);
    if (!error)
        error = scene_bare(bench, placement, &bare);
    if (!error)
        error = bench_child_run(bare, &job, &native, bench->samples);
    if (error)
        return error;
    if (answer.digest != native.digest) {
        bench_say("the checksums of buffers over a socket are not those that this machine computes itself");
        return -EBADMSG;
    }
    figures_add(&bench->figures, bytes_per_s(&answer), "socket_64m_bytes_per_s");
    return 0;
}

static int run(struct bench *bench)
{
    enum placement placement = scene_two_cpus(bench);
    int error = measure_pings(bench, placement);

    if (!error)
        error = measure_echo(bench, placement);
    if (!error)
        error = measure_bare_transfer(bench, placement);
    if (!error)
        error = measure_transfer(bench, placement);
    return error;
}

static size_t steps(const struct bench *bench)
{
    return scene_may_spin(bench, scene_two_cpus(bench)) ? 5 : 4;
}

const struct bench_part bench_socket = {"socket", steps, run, NULL};
