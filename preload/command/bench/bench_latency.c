/*
 * How long single calls take: echoes of four sizes and a crc32, beside the two bare ping-pongs.
 *
 * On their own cores the floor is the spinning one, on one core the one that sleeps; not pinned both are shown.
 * A virtual machine's processors change their places, and with them what a cache line costs, within a second.  So a
 * round is made of slices, each of a little of everything: product and floors have met the same.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"

#include <stdio.h>

enum { SLICES = 5, SAMPLES = 20000, LARGE_SAMPLES = 4000, SLEEPING_SAMPLES = 3000, KINDS_MOST = 8 };

/* One kind of call or floor; its figures are called NAME_PLACEMENT. */
struct kind {
    const char *name;
    enum bench_job_kind job;
    uint32_t size;
    uint32_t samples; /* in a round */
};

static const struct kind spin = {"floor_spin", JOB_SPIN, 0, SAMPLES};
static const struct kind futex = {"floor_futex", JOB_FUTEX, 0, SAMPLES};
static const struct kind slow_futex = {"floor_futex", JOB_FUTEX, 0, SLEEPING_SAMPLES}; /* another core is woken */
static const struct kind echo_32 = {"echo_32", JOB_ECHO, 32, SAMPLES};
static const struct kind crc32_16 = {"crc32_16", JOB_CRC32, 16, SAMPLES};
static const struct kind echo_1k = {"echo_1k", JOB_ECHO, 1 << 10, SAMPLES};
static const struct kind echo_3k = {"echo_3k", JOB_ECHO, 3 << 10, SAMPLES};
static const struct kind echo_64k = {"echo_64k", JOB_ECHO, 64 << 10, LARGE_SAMPLES};

/* Those that are measured in turns, and how many samples each has by now; they lie at SAMPLES times its number. */
struct turns {
    enum placement placement;
    const struct kind *kinds[KINDS_MOST];
    size_t taken[KINDS_MOST];
    size_t count;
};

static void turns_add(struct turns *turns, const struct kind *kind)
{
    turns->kinds[turns->count++] = kind;
}

static struct turns turns_of_all(const struct bench *bench, enum placement placement)
{
    struct turns turns = {.placement = placement};

    if (scene_may_spin(bench, placement))
        turns_add(&turns, &spin);
    turns_add(&turns, &echo_32);
    turns_add(&turns, &crc32_16);
    turns_add(&turns, placement == PLACEMENT_SAME ? &futex : &slow_futex);
    turns_add(&turns, &echo_1k);
    turns_add(&turns, &echo_3k);
    turns_add(&turns, &echo_64k);
    return turns;
}

/* What the ratio of one core is made of. */
static struct turns turns_of_one_core(void)
{
    struct turns turns = {.placement = PLACEMENT_SAME};

    turns_add(&turns, &futex);
    turns_add(&turns, &echo_32);
    return turns;
}

static int take_slice(struct bench *bench, struct turns *turns, size_t number)
{
    const struct kind *kind = turns->kinds[number];
    struct bench_job job = {.kind = kind->job,
                            .size = kind->size,
                            .count = bench_count(bench, kind->samples / SLICES),
                            .seed = 1,
                            .other_cpu = scene_other_cpu(bench, turns->placement)};
    bool is_floor = kind->job == JOB_SPIN || kind->job == JOB_FUTEX;
    struct bench_answer answer;
    struct bench_child *child;
    int error =
        is_floor ? scene_floor(bench, turns->placement, &child) : scene_client(bench, turns->placement, 0, &child);

    progress_step(kind->name);
    if (!error)
        error = bench_child_run(child, &job, &answer, bench->samples + number * SAMPLES + turns->taken[number]);
    if (error)
        return error;
    if (!is_floor)
        scene_count(&bench->scenes[turns->placement].host, &job, &answer);
    turns->taken[number] += answer.sample_count;
    return 0;
}

static int measure(struct bench *bench, struct turns turns)
{
    int error = 0;

    for (int slice = 0; slice < SLICES; slice++)
        for (size_t i = 0; !error && i < turns.count; i++)
            error = take_slice(bench, &turns, i);
    for (size_t i = 0; !error && i < turns.count; i++) {
        char name[FIGURE_NAME_MOST];

        snprintf(name, sizeof(name), "%s_%s", turns.kinds[i]->name, scene_name(turns.placement));
        figures_add_samples(&bench->figures, name, bench->samples + i * SAMPLES, turns.taken[i]);
    }
    return error;
}

static void leave_out(struct bench *bench, enum placement placement)
{
    static const struct {
        enum placement placement;
        const char *key;
    } keys[] = {{PLACEMENT_SPLIT, "echo_32_split_p50"},
                {PLACEMENT_SPLIT, "echo_32_split_p99"},
                {PLACEMENT_SPLIT, "crc32_16_split_p50"},
                {PLACEMENT_SAME, "echo_32_same_p50"}};

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (keys[i].placement == placement)
            continue;
        if (bench->is_pinned)
            bench_leave_out(bench, keys[i].key, "--pin %s leaves it out", scene_name(placement));
        else
            bench_leave_out(bench, keys[i].key, "not measurable here: it needs two processors");
    }
}

static bool has_one_core_besides(const struct bench *bench, enum placement placement)
{
    return placement == PLACEMENT_SPLIT && !bench->is_pinned;
}

static int run(struct bench *bench)
{
    enum placement placement = scene_two_cpus(bench);
    int error = measure(bench, turns_of_all(bench, placement));

    if (!error && has_one_core_besides(bench, placement))
        return measure(bench, turns_of_one_core());
    leave_out(bench, placement);
    return error;
}

static size_t steps(const struct bench *bench)
{
    enum placement placement = scene_two_cpus(bench);
    size_t count = turns_of_all(bench, placement).count;

    return SLICES * (has_one_core_besides(bench, placement) ? count + turns_of_one_core().count : count);
}

const struct bench_part bench_latency = {"latency", steps, run, NULL};
