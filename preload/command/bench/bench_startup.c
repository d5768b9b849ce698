/*
 * What a start costs: /bin/true, python3, and a program that makes one remote call, each bare and with tables of 10,
 * 1000 and 20000 functions.
 *
 * A start is measured from before it is made until it has been waited for, with the environment that `winapi run` gives
 * a program, so that the command's own time is not in it; the stub lies in the cache.  Bare and not bare take turns.
 * All run on one processor, ours, as waking another one would cost more than what is measured.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"
#include "preload/command/bench/bench_tables.h"
#include "preload/command/program.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { BARE, TABLE_COUNTS = 4, VARIABLES_MOST = 1024, RUNS_MOST = 40 };

/* How many functions; 0 stands for a bare start. */
static const unsigned table_counts[TABLE_COUNTS] = {0, 10, 1000, 20000};

/* A table's host, and what a program gets from `winapi run` with it. */
struct setting {
    struct bench_host host;
    char *text; /* the variables, each with its NUL */
    char *variables[VARIABLES_MOST];
};

static struct setting settings[TABLE_COUNTS];

extern char **environ;

struct started {
    const char *name; /* in figures */
    const char *const *arguments;
    uint32_t runs;
    bool has_call; /* one, of toascii() */
};

/* ---- what `winapi run` gives ---- */

static int read_to_the_end(struct bench_child *child, struct text *text)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(child->fd, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR && !bench_interrupted()))
        if (got > 0)
            text_add_bytes(text, bytes, (size_t)got);
    if (bench_interrupted())
        return -EINTR;
    return text->failed ? -ENOMEM : 0;
}

static int take_variables(struct setting *setting, struct text *text)
{
    size_t count = 0;

    for (size_t at = 0; at < text->size && count + 1 < VARIABLES_MOST; at += strlen(text->data + at) + 1)
        setting->variables[count++] = text->data + at;
    setting->variables[count] = NULL;
    setting->text = take_pointer(&text->data);
    *text = (struct text){0};
    return 0;
}

static int ask_environment(struct bench *bench, struct setting *setting, const char *spec)
{
    const char *const arguments[] = {bench->winapi,   "run", "--host", setting->host.address,
                                     "--spec",        spec,  "--",     bench->client_program,
                                     "--environment", NULL};
    struct bench_start start = {
        .name = "winapi run", .arguments = arguments, .cpu = BENCH_ANY_CPU, .kept_fd = -1, .has_jobs = true};
    struct text text AUTO_TEXT = {0};
    struct bench_child child;
    int error = bench_child_start(&child, &start);

    if (error)
        return error;
    error = read_to_the_end(&child, &text);
    bench_child_end(&child);
    if (!error && !text.data) {
        bench_say("winapi run -- %s --environment gave no environment", bench->client_program);
        error = -ENODATA;
    }
    return error ? error : take_variables(setting, &text);
}

static int prepare(struct bench *bench)
{
    int error = 0;

    for (size_t i = BARE + 1; !error && i < TABLE_COUNTS; i++) {
        AUTO_FREE char *spec = NULL;

        if (settings[i].text)
            continue;
        error = tables_write_many(bench, table_counts[i], &spec);
        if (!error) {
            const char *const specs[] = {spec, NULL};

            error = bench_host_start(&settings[i].host, bench->folder, bench->host_program, BENCH_ANY_CPU, specs);
        }
        if (!error)
            error = ask_environment(bench, &settings[i], spec);
    }
    return error;
}

/* ---- starts ---- */

/* /dev/null for its output, and nothing of ours; a signal that we ignore is one that it does not. */
static int spawn(const struct started *started, char *const *variables, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t usual;
    int error;

    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    error =
        posix_spawn(pid, started->arguments[0], &actions, &attributes, (char *const *)started->arguments, variables);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -error;
}

/* Such a program ends by itself, also when the bench is to end: nothing is left behind. */
static int start_once(const struct started *started, size_t which, double *took_ms)
{
    char *const *variables = which == BARE ? environ : settings[which].variables;
    uint64_t start_ns = clock_now_ns();
    int status = 0;
    pid_t pid;
    int error = spawn(started, variables, &pid);

    if (!error)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    *took_ms = (double)(clock_now_ns() - start_ns) / 1e6;
    if (bench_interrupted())
        return -EINTR;
    if (error || status) {
        bench_say("%s %s", started->arguments[0], error ? strerror(-error) : "has failed");
        return error ? error : -EBADMSG;
    }
    if (started->has_call && which != BARE)
        settings[which].host.calls[COUNTED_CHARACTER]++;
    return 0;
}

static int measure(struct bench *bench, const struct started *started)
{
    double took_ms[TABLE_COUNTS][RUNS_MOST], once;
    uint32_t runs = bench_count(bench, started->runs);
    int error = 0;

    progress_step(started->name);
    for (size_t i = 0; !error && i < TABLE_COUNTS; i++)
        error = start_once(started, i, &once);
    for (uint32_t run = 0; run < runs; run++)
        for (size_t i = 0; !error && i < TABLE_COUNTS; i++)
            error = start_once(started, i, &took_ms[i][run]);
    if (error)
        return error;
    figures_add(&bench->figures, median(took_ms[BARE], runs), "floor_startup_%s_ms", started->name);
    for (size_t i = BARE + 1; i < TABLE_COUNTS; i++)
        figures_add(&bench->figures, median(took_ms[i], runs), "startup_%s_%u_ms", started->name, table_counts[i]);
    return 0;
}

/* The system's own before others, which may be scripts that look for it. */
static int find_python(char **python)
{
    int error = program_find("/usr/bin/python3", python);

    return error ? program_find("python3", python) : 0;
}

static int measure_all(struct bench *bench)
{
    AUTO_FREE char *python = NULL;
    int found = find_python(&python);
    const char *const true_arguments[] = {"/bin/true", NULL};
    const char *const python_arguments[] = {python, "-c", "pass", NULL};
    const char *const call_arguments[] = {bench->client_program, "--first-call", NULL};
    const struct started starts[] = {{"true", true_arguments, 20, false},
                                     {"first_call", call_arguments, 10, true},
                                     {"python3", python_arguments, 5, false}};
    size_t count = found == 0 ? COUNT_OF(starts) : COUNT_OF(starts) - 1;
    int error = 0;

    if (found < 0)
        bench_leave_out(bench, "startup_python3", "there is no python3 here");
    for (size_t i = 0; !error && i < count; i++)
        error = measure(bench, &starts[i]);
    for (size_t i = BARE + 1; !error && i < TABLE_COUNTS; i++)
        error = bench_host_verify(&settings[i].host, &bench->verified_calls);
    return error;
}

static int run(struct bench *bench)
{
    cpu_set_t before, own;
    int error;

    progress_step("tables");
    error = prepare(bench);
    if (error)
        return error;
    CPU_ZERO(&own);
    CPU_SET((unsigned)bench->here_cpu, &own);
    if (sched_getaffinity(0, sizeof(before), &before) < 0 || sched_setaffinity(0, sizeof(own), &own) < 0)
        return -errno;
    error = measure_all(bench);
    if (sched_setaffinity(0, sizeof(before), &before) < 0 && !error)
        error = -errno;
    return error;
}

static size_t steps(const struct bench *bench)
{
    (void)bench;
    return 4;
}

static void finish(struct bench *bench)
{
    (void)bench;
    for (size_t i = 0; i < TABLE_COUNTS; i++) {
        bench_host_stop(&settings[i].host);
        free(settings[i].text);
    }
}

const struct bench_part bench_startup = {"startup", steps, run, finish};
