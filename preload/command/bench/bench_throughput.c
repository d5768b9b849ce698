/*
 * Large buffers, in bytes a second: handed over by winapi_alloc_buffer(), and from ordinary memory.
 *
 * Their floors are the same work by the same program without the product: the checksum alone, and memcpy() before it.
 * That also shows whether the host's checksums are right, as the contents are the same.
 *
 * What counts is the median of the calls of a round.  Of two processors that both have to run, one is taken away twice
 * as often as of one, and a call that waits for it takes as long as five others.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"

#include <errno.h>
#include <string.h>

/* Caches need some ten calls to get used to buffers as large as they are themselves: those are taken in few slices. */
struct buffer_size {
    uint32_t size;
    const char *name;
    uint32_t count; /* of each slice */
    int slices;
};

static const struct buffer_size buffer_sizes[] = {
    {4 << 10, "4k", 700, 3}, {16 << 10, "16k", 700, 3}, {64 << 10, "64k", 350, 3}, {256 << 10, "256k", 100, 3},
    {1 << 20, "1m", 70, 10}, {4 << 20, "4m", 40, 2},    {16 << 20, "16m", 20, 3},  {64 << 20, "64m", 10, 5},
};

enum { CALLS_MOST = 2100 }; /* of all slices of a round */

/* What the calls of a kind have taken in the slices so far, in ns. */
struct taken {
    uint32_t ns[CALLS_MOST];
    size_t count;
};

static void take(struct taken *taken, const uint32_t *samples, size_t count)
{
    size_t room = CALLS_MOST - taken->count;

    if (count > room)
        count = room;
    memcpy(taken->ns + taken->count, samples, count * sizeof(*samples));
    taken->count += count;
}

/*
 * What is copied, and fits a core's cache, is measured with both sides on one core besides, as its floor is: on two
 * cores the copy lies in the cache of the one, and the other fetches it from there line by line, whoever made it.
 */
static const struct buffer_size copied_on_one_core = {1 << 20, "1m_same", 70, 10};

static void add(struct bench *bench, const char *what, const struct buffer_size *size, struct taken *taken)
{
    samples_sort(taken->ns, taken->count);
    figures_add(&bench->figures, size->size * 1e9 / percentile(taken->ns, taken->count, 50), "%s_%s_bytes_per_s", what,
                size->name);
}

/* The floor and the product with the same work, one after the other. */
static int take_slice(struct bench *bench, enum placement placement, struct bench_job job, enum bench_buffer kind,
                      struct taken taken[2])
{
    struct bench_answer floor, product;
    struct bench_child *bare, *client;
    int error = scene_bare(bench, placement, &bare);

    if (!error)
        error = scene_client(bench, placement, 0, &client);
    job.option = kind == BUFFER_OWN ? BUFFER_COPIED_FIRST : BUFFER_OWN;
    if (!error)
        error = bench_child_run(bare, &job, &floor, bench->samples);
    if (!error)
        take(&taken[0], bench->samples, floor.sample_count);
    job.option = kind;
    if (!error)
        error = scene_run(bench, placement, client, &job, &product);
    if (error)
        return error;
    if (floor.digest != product.digest) {
        bench_say("the checksums of buffers of %u bytes are not those that this machine computes itself", job.size);
        return -EBADMSG;
    }
    take(&taken[1], bench->samples, product.sample_count);
    return 0;
}

static int measure_pair(struct bench *bench, enum placement placement, const struct buffer_size *size,
                        enum bench_buffer kind)
{
    struct bench_job job = {
        .kind = JOB_BUFFER, .size = size->size, .count = bench_count(bench, size->count), .seed = 7};
    bool is_copied = kind == BUFFER_OWN;
    struct taken taken[2] = {{.count = 0}, {.count = 0}};
    int slices = bench->is_quick ? 1 : size->slices, error = 0;

    progress_step(is_copied ? "buffers, copied" : "buffers");
    for (int slice = 0; !error && slice < slices; slice++)
        error = take_slice(bench, placement, job, kind, taken);
    if (error)
        return error;
    add(bench, is_copied ? "floor_copy_checksum" : "floor_checksum", size, &taken[0]);
    add(bench, is_copied ? "buffer_copy" : "buffer_zero_copy", size, &taken[1]);
    return 0;
}

static bool has_one_core(const struct bench *bench)
{
    return scene_placement(bench, PLACEMENT_SAME) == PLACEMENT_SAME;
}

static int run(struct bench *bench)
{
    enum placement placement = scene_two_cpus(bench);
    int error = 0;

    for (size_t i = 0; !error && i < COUNT_OF(buffer_sizes); i++) {
        error = measure_pair(bench, placement, &buffer_sizes[i], BUFFER_ALLOCATED);
        if (!error)
            error = measure_pair(bench, placement, &buffer_sizes[i], BUFFER_OWN);
    }
    if (!has_one_core(bench))
        bench_leave_out(bench, "buffer_1m_copy", "--pin %s leaves it out", scene_name(placement));
    else if (!error)
        error = measure_pair(bench, PLACEMENT_SAME, &copied_on_one_core, BUFFER_OWN);
    return error;
}

static size_t steps(const struct bench *bench)
{
    return 2 * COUNT_OF(buffer_sizes) + (has_one_core(bench) ? 1 : 0);
}

const struct bench_part bench_throughput = {"throughput", steps, run, NULL};
