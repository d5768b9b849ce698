/*
 * Large buffers, in bytes a second: handed over by winapi_alloc_buffer(), and from ordinary memory.
 *
 * Their floors are the same work by the same program without the product: the checksum alone, and memcpy() before it.
 * That also shows whether the host's checksums are right, as the contents are the same.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"

#include <errno.h>
#include <stdio.h>

enum { SLICES = 3 };

struct buffer_size {
    uint32_t size;
    const char *name;
    uint32_t count;
};

static const struct buffer_size buffer_sizes[] = {
    {4 << 10, "4k", 2000}, {16 << 10, "16k", 2000}, {64 << 10, "64k", 1000}, {256 << 10, "256k", 300},
    {1 << 20, "1m", 200},  {4 << 20, "4m", 40},     {16 << 20, "16m", 16},   {64 << 20, "64m", 9},
};

/* What a kind has done in the slices so far. */
struct sum {
    double bytes, took_ns;
};

static void sum_add(struct sum *sum, const struct bench_job *job, const struct bench_answer *answer)
{
    sum->bytes += (double)job->size * (double)answer->timed_calls;
    sum->took_ns += (double)answer->took_ns;
}

static void add(struct bench *bench, const char *what, const struct buffer_size *size, const struct sum *sum)
{
    figures_add(&bench->figures, sum->bytes * 1e9 / sum->took_ns, "%s_%s_bytes_per_s", what, size->name);
}

/* The floor and the product with the same work, one after the other. */
static int take_slice(struct bench *bench, struct bench_job job, enum bench_buffer kind, struct sum sums[2])
{
    enum placement placement = scene_two_cpus(bench);
    struct bench_answer floor, product;
    struct bench_child *bare, *client;
    int error = scene_bare(bench, placement, &bare);

    if (!error)
        error = scene_client(bench, placement, 0, &client);
    job.option = kind == BUFFER_OWN ? BUFFER_COPIED_FIRST : BUFFER_OWN;
    if (!error)
        error = bench_child_run(bare, &job, &floor, bench->samples);
    job.option = kind;
    if (!error)
        error = scene_run(bench, placement, client, &job, &product);
    if (error)
        return error;
    if (floor.digest != product.digest) {
        bench_say("the checksums of buffers of %u bytes are not those that this machine computes itself", job.size);
        return -EBADMSG;
    }
    sum_add(&sums[0], &job, &floor);
    sum_add(&sums[1], &job, &product);
    return 0;
}

static int measure_pair(struct bench *bench, const struct buffer_size *size, enum bench_buffer kind)
{
    struct bench_job job = {
        .kind = JOB_BUFFER, .size = size->size, .count = bench_count(bench, size->count / SLICES), .seed = 7};
    bool is_copied = kind == BUFFER_OWN;
    struct sum sums[2] = {{0, 0}, {0, 0}};
    int slices = bench->is_quick ? 1 : SLICES, error = 0;

    progress_step(is_copied ? "buffers, copied" : "buffers");
    for (int slice = 0; !error && slice < slices; slice++)
        error = take_slice(bench, job, kind, sums);
    if (error)
        return error;
    add(bench, is_copied ? "floor_copy_checksum" : "floor_checksum", size, &sums[0]);
    add(bench, is_copied ? "buffer_copy" : "buffer_zero_copy", size, &sums[1]);
    return 0;
}

static int run(struct bench *bench)
{
    int error = 0;

    for (size_t i = 0; !error && i < COUNT_OF(buffer_sizes); i++) {
        error = measure_pair(bench, &buffer_sizes[i], BUFFER_ALLOCATED);
        if (!error)
            error = measure_pair(bench, &buffer_sizes[i], BUFFER_OWN);
    }
    return error;
}

static size_t steps(const struct bench *bench)
{
    (void)bench;
    return 2 * COUNT_OF(buffer_sizes);
}

const struct bench_part bench_throughput = {"throughput", steps, run, NULL};
