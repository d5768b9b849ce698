/*
 * `winapi bench`: measures calls through the whole path beside what the machine can do at best.
 *
 * Here: where the parts of the installation are, the rounds, and the end, which leaves nothing behind.
 */
#include "preload/command/bench/bench.h"

#include "preload/command/bench/bench_options.h"
#include "preload/command/bench/bench_plot.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_report.h"
#include "preload/command/bench/bench_scene.h"
#include "preload/command/command.h"
#include "preload/loader/place.h"
#include "spec/base/own.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_WRONG = 1, QUICK_PART = 20, QUICK_LEAST = 2 };

const struct bench_part *const bench_parts[BENCH_PARTS] = {&bench_latency, &bench_throughput, &bench_rate,
                                                           &bench_native,  &bench_startup,    &bench_memory,
                                                           &bench_socket,  &bench_async};

/* ---- what parts ask for ---- */

uint32_t bench_count(const struct bench *bench, uint32_t count)
{
    uint32_t part = count / QUICK_PART;

    if (!bench->is_quick)
        return count;
    return part > QUICK_LEAST ? part : QUICK_LEAST;
}

void bench_leave_out(struct bench *bench, const char *key, const char *format, ...)
{
    struct reason *reason = &bench->reasons[bench->reason_count];
    va_list arguments;

    if (bench_reason(bench, key) || bench->reason_count == BENCH_REASONS_MOST)
        return;
    snprintf(reason->key, sizeof(reason->key), "%s", key);
    va_start(arguments, format);
    vsnprintf(reason->text, sizeof(reason->text), format, arguments);
    va_end(arguments);
    bench->reason_count++;
}

const char *bench_reason(const struct bench *bench, const char *key)
{
    for (size_t i = 0; i < bench->reason_count; i++)
        if (strcmp(key, bench->reasons[i].key) == 0)
            return bench->reasons[i].text;
    return NULL;
}

/* ---- what it needs ---- */

/* The program called `name`, installed or in the build tree; malloc'ed, or NULL with a line. */
static char *find_program(const struct bench *bench, const char *name)
{
    static const char *const places[] = {"../libexec/winapi", "."};
    int size = (int)(strrchr(bench->winapi, '/') - bench->winapi);

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        AUTO_FREE char *path = NULL;

        if (asprintf(&path, "%.*s/%s/%s", size, bench->winapi, places[i], name) < 0)
            path = NULL;
        else if (access(path, X_OK) == 0)
            return take_pointer(&path);
    }
    bench_say("%s is not installed beside %s", name, bench->winapi);
    return NULL;
}

static int find_parts(struct bench *bench)
{
    bench->winapi = realpath("/proc/self/exe", NULL);
    bench->host_program = place_host_program();
    if (!bench->winapi || !bench->host_program) {
        bench_say("%s is not found", bench->winapi ? "winapi-host" : "this program itself, in /proc/self/exe,");
        return -ENOENT;
    }
    bench->client_program = find_program(bench, "winapi-bench-client");
    bench->floor_program = bench->client_program ? find_program(bench, "winapi-bench-floor") : NULL;
    return bench->floor_program ? 0 : -ENOENT;
}

/*
 * What would change what is measured, or where it goes, is not taken over from the environment; the log's settings,
 * time limits and what may come are, and the report lists them.
 */
static int clean_environment(const struct bench *bench)
{
    static const char *const dropped[] = {"WINAPI_MODE",  "WINAPI_HOST",          "WINAPI_SPEC",
                                          "WINAPI_ROUTE", "WINAPI_SHARED_MEM",    "WINAPI_TRANSPORT",
                                          "WINAPI_TRACE", "WINAPI_COMPARE_REPORT"};
    const char *preloads = getenv("LD_PRELOAD");
    AUTO_FREE char *cache = NULL;

    if (preloads && strstr(preloads, "libwinapi_preload.so")) {
        bench_say("LD_PRELOAD has libwinapi_preload.so, and what is to run bare would not: unset it");
        return -EINVAL;
    }
    for (size_t i = 0; i < COUNT_OF(dropped); i++)
        unsetenv(dropped[i]);
    if (asprintf(&cache, "%s/cache", bench->folder) < 0)
        return -ENOMEM;
    return setenv("XDG_CACHE_HOME", cache, 1) < 0 ? -errno : 0;
}

/* A folder for sockets, spec files and stubs. */
static int make_folder(struct bench *bench)
{
    const char *parent = getenv("TMPDIR");

    if (asprintf(&bench->folder, "%s/winapi-bench.XXXXXX", parent && *parent ? parent : "/tmp") < 0) {
        bench->folder = NULL;
        return -ENOMEM;
    }
    if (!mkdtemp(bench->folder)) {
        int error = -errno;

        bench_say("no folder %s: %s", bench->folder, strerror(-error));
        free(bench->folder);
        bench->folder = NULL;
        return error;
    }
    return clean_environment(bench);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    remove(path);
    return 0;
}

static int prepare(struct bench *bench)
{
    int error;

    bench->samples = calloc(BENCH_SAMPLES_MOST, sizeof(*bench->samples));
    if (!bench->samples)
        return -ENOMEM;
    error = find_parts(bench);
    if (!error)
        error = scene_choose_cpus(bench);
    if (!error && bench->is_pinned && !scene_is_possible(bench, bench->pin)) {
        bench_say("--pin split needs two processors, and this process may use one");
        error = -ENODEV;
    }
    return error ? error : make_folder(bench);
}

static void finish(struct bench *bench)
{
    for (size_t i = 0; i < BENCH_PARTS; i++)
        if (bench_parts[i]->finish)
            bench_parts[i]->finish(bench);
    scenes_finish(bench);
    if (bench->folder)
        nftw(bench->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    progress_clear();
    figures_finish(&bench->figures);
    free(bench->folder);
    free(bench->samples);
    free(bench->winapi);
    free(bench->host_program);
    free(bench->client_program);
    free(bench->floor_program);
}

/* ---- the rounds ---- */

/* Whether a list with commas has this name. */
static bool list_has(const char *list, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, name, size) == 0 && (at[size] == ',' || !at[size]))
            return true;
    return false;
}

static bool is_wanted(const struct bench *bench, const struct bench_part *part)
{
    return !bench->only || list_has(bench->only, part->name);
}

static int run_rounds(struct bench *bench)
{
    size_t steps = 0;
    int error = 0;

    for (size_t i = 0; i < BENCH_PARTS; i++)
        if (is_wanted(bench, bench_parts[i]))
            steps += bench_parts[i]->steps ? bench_parts[i]->steps(bench) : 1;
    progress_start(steps * bench->rounds);
    for (unsigned round = 0; !error && round < bench->rounds; round++)
        for (size_t i = 0; !error && i < BENCH_PARTS; i++)
            if (is_wanted(bench, bench_parts[i]))
                error = bench_interrupted() ? -EINTR : bench_parts[i]->run(bench);
    return error ? error : scenes_verify(bench);
}

static int report(struct bench *bench)
{
    int error = 0;

    progress_clear();
    if (bench->figures.failed)
        return -ENOMEM;
    if (bench->json_path)
        error = report_json(bench, bench->json_path);
    if (!error && (!bench->json_path || strcmp(bench->json_path, "-") != 0))
        error = report_table(bench);
    if (!error && bench->plot_path)
        error = plot_write(bench, bench->plot_path);
    return error;
}

int command_bench(int argc, char **argv)
{
    static struct bench bench;
    int error, code = bench_options_read(&bench, argc, argv);

    if (code != BENCH_OPTIONS_RIGHT)
        return code;
    if (bench.plot_path && !plot_is_possible()) {
        bench_say("gnuplot is needed for --plot: apt-get install gnuplot-nox");
        return EXIT_WRONG;
    }
    bench_children_watch();
    error = prepare(&bench);
    if (!error)
        error = run_rounds(&bench);
    if (!error)
        error = report(&bench);
    if (error == -ENOMEM)
        bench_say("memory ran out");
    finish(&bench);
    if (bench_interrupted()) { /* ends as it would have without a handler, so a shell sees it */
        signal(bench_interrupted(), SIG_DFL);
        raise(bench_interrupted());
    }
    return error ? EXIT_WRONG : 0;
}
