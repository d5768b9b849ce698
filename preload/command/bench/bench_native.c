/*
 * What a call costs that stays at home: toascii() through a pointer, in the client program with a table that names it
 * and WINAPI_MODE=native, and in the same program bare.  Beside it what calls are made of: an empty system call, and
 * libffi's ffi_call().
 *
 * Such calls are not counted, so that they were the product's is seen in the client's control memory.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_ffi.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"
#include "preload/command/bench/bench_tables.h"
#include "preload/command/guest_control.h"
#include "preload/settings.h"
#include "spec/base/own.h"

#include <errno.h>
#include <string.h>

enum { CALLS = 2000000, SYSTEM_CALLS = 200000, FFI_CALLS = 500000, TRIES = 5 };

static struct bench_child native;

/* The best of a few tries, in ns a call: whatever disturbs makes it slower only. */
static int measure(struct bench_child *child, const struct bench_job *job, double *best_ns, uint64_t *digest)
{
    struct bench_answer answer;

    for (int i = 0; i < TRIES; i++) {
        int error = bench_child_run(child, job, &answer, NULL);
        double took_ns;

        if (error)
            return error;
        took_ns = (double)answer.took_ns / (double)answer.timed_calls;
        if (i == 0 || took_ns < *best_ns)
            *best_ns = took_ns;
        *digest = answer.digest;
    }
    return 0;
}

static int need_native(struct bench *bench, int cpu)
{
    static const char *const variables[] = {"WINAPI_MODE=native", NULL};
    AUTO_FREE char *spec = NULL;
    int error;

    if (native.pid)
        return 0;
    error = tables_write(bench, TABLE_CHARACTER, &spec);
    if (!error) {
        const char *const specs[] = {spec, NULL};

        error = scene_start_client(bench, &native, NULL, cpu, specs, variables);
    }
    return error;
}

static bool is_native(const struct control_view *view, const char *name)
{
    for (size_t i = 0; i < view->function_count; i++)
        if (strcmp(control_view_name(view, i), name) == 0)
            return view->functions[i].is_direct && view->functions[i].mode == MODE_NATIVE;
    return false;
}

/* The first call makes the control memory, and notes there that calls go from the stub to the native function. */
static int verify_calls(void)
{
    struct guest_control control;
    bool is_right = false;
    int error = guest_control_open(&control, native.pid);

    if (!error) {
        is_right = is_native(&control.view, "toascii");
        guest_control_close(&control);
    }
    if (is_right)
        return 0;
    if (bench_interrupted())
        return -EINTR;
    bench_say("the calls of toascii() in native mode have not passed the library, so those figures are of something "
              "else: %s",
              error ? control.why : "its control memory does not name the function as native");
    return -EBADMSG;
}

static int measure_calls(struct bench *bench, enum placement placement)
{
    struct bench_job job = {.kind = JOB_CHARACTER, .count = bench_count(bench, CALLS)};
    double direct_ns, native_ns;
    uint64_t direct_digest, native_digest;
    struct bench_child *bare;
    int error = scene_bare(bench, placement, &bare);

    progress_step("native calls");
    if (!error)
        error = need_native(bench, placement == PLACEMENT_NONE ? BENCH_ANY_CPU : bench->here_cpu);
    if (!error)
        error = measure(bare, &job, &direct_ns, &direct_digest);
    if (!error)
        error = measure(&native, &job, &native_ns, &native_digest);
    if (!error)
        error = verify_calls();
    if (error)
        return error;
    if (direct_digest != native_digest) {
        bench_say("toascii() gives something else in native mode");
        return -EBADMSG;
    }
    figures_add(&bench->figures, direct_ns, "floor_direct_call_ns");
    figures_add(&bench->figures, native_ns, "native_call_ns");
    return 0;
}

static int measure_system_call(struct bench *bench, enum placement placement)
{
    struct bench_job job = {.kind = JOB_SYSTEM_CALL, .count = bench_count(bench, SYSTEM_CALLS)};
    struct bench_child *floor;
    uint64_t digest;
    double best_ns;
    int error = scene_floor(bench, placement, &floor);

    if (!error)
        error = measure(floor, &job, &best_ns, &digest);
    if (!error)
        figures_add(&bench->figures, best_ns, "floor_system_call_ns");
    return error;
}

static void measure_ffi(struct bench *bench)
{
    double best_ns = 0;

    for (int i = 0; i < TRIES; i++) {
        double took_ns = bench_ffi_call_ns(bench_count(bench, FFI_CALLS));

        if (i == 0 || took_ns < best_ns)
            best_ns = took_ns;
    }
    figures_add(&bench->figures, best_ns, "floor_ffi_call_ns");
}

static int run(struct bench *bench)
{
    enum placement placement = scene_placement(bench, PLACEMENT_SAME);
    int error = measure_calls(bench, placement);

    if (!error)
        error = measure_system_call(bench, placement);
    if (!error)
        measure_ffi(bench);
    return error;
}

static void finish(struct bench *bench)
{
    (void)bench;
    bench_child_end(&native);
}

const struct bench_part bench_native = {"native", NULL, run, finish};
