/*
 * What a client costs that does nothing, at both ends: memory, also for each lane, by /proc/PID/smaps_rollup; and
 * processor time.
 *
 * pss counts a page that several processes have by its share, private counts those that only one has.  All are
 * differences: between the same program with and without the product, between one client and many, between one thread
 * that calls and many.
 */
#include "preload/command/bench/bench.h"
#include "preload/command/bench/bench_progress.h"
#include "preload/command/bench/bench_scene.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { CLIENTS = 8, LANES = 9, ROLLUP_MOST = 1 << 16, SETTLE_MS = 50, IDLE_MS = 200 };

struct usage {
    double pss, private; /* bytes */
};

static double kilobytes_of(const char *text, const char *name)
{
    const char *line = strstr(text, name);

    return line ? strtod(line + strlen(name), NULL) : 0;
}

/* Zero where the kernel does not say. */
static struct usage usage_of(pid_t pid)
{
    AUTO_FREE char *text = NULL;
    char path[64];
    size_t size;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    if (file_read(path, ROLLUP_MOST, &text, &size))
        return (struct usage){0};
    return (struct usage){
        .pss = 1024 * kilobytes_of(text, "\nPss:"),
        .private = 1024 * (kilobytes_of(text, "\nPrivate_Clean:") + kilobytes_of(text, "\nPrivate_Dirty:")),
    };
}

static struct usage usage_less(struct usage one, struct usage other)
{
    return (struct usage){one.pss - other.pss, one.private - other.private};
}

static void add(struct bench *bench, const char *what, struct usage usage, unsigned count)
{
    figures_add(&bench->figures, usage.pss / count, "memory_%s_pss_bytes", what);
    figures_add(&bench->figures, usage.private / count, "memory_%s_private_bytes", what);
}

/* The host's processes together; with `client` only the worker that it has. */
static int host_usage(const struct bench_host *host, pid_t client, struct usage *usage)
{
    cJSON *answer = NULL;
    const cJSON *entry;
    int error = bench_host_ask(host, &answer);

    *usage = client ? (struct usage){0} : usage_of(host->child.pid);
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(answer, "clients"))
    {
        pid_t pid = (pid_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(entry, "pid"));
        struct usage one = usage_of((pid_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(entry, "worker")));

        if (pid != getpid() && (!client || pid == client))
            *usage = (struct usage){usage->pss + one.pss, usage->private + one.private};
    }
    cJSON_Delete(answer);
    return error;
}

static int find_worker(const struct bench_host *host, pid_t client, pid_t *worker)
{
    cJSON *answer = NULL;
    const cJSON *entry;
    int error = bench_host_ask(host, &answer);

    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(answer, "clients"))
    {
        if ((pid_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(entry, "pid")) == client)
            *worker = (pid_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(entry, "worker"));
    }
    cJSON_Delete(answer);
    return error;
}

/* A client of the host, or without a host the program bare, in which so many threads have called and live. */
static int start(struct bench *bench, struct bench_host *host, uint32_t threads, struct bench_child *child)
{
    static const char *const specs[] = {"zlib", NULL};
    const char *const bare[] = {bench->client_program, NULL};
    struct bench_start how = {
        .name = bare[0], .arguments = bare, .cpu = BENCH_ANY_CPU, .kept_fd = -1, .has_jobs = true};
    struct bench_job job = {.kind = JOB_KEEP_LANES, .threads = threads};
    struct bench_answer answer;
    int error = host ? scene_start_client(bench, child, host->address, BENCH_ANY_CPU, specs, NULL)
                     : bench_child_start(child, &how);

    if (!error)
        error = bench_child_run(child, &job, &answer, NULL);
    if (!error && host)
        scene_count(host, &job, &answer);
    return error;
}

/* What a process of so many threads uses here, and in the host (which may be NULL). */
static int measure_one(struct bench *bench, struct bench_host *host, uint32_t threads, struct usage *here,
                       struct usage *there)
{
    struct bench_child child = {.fd = -1};
    int error = start(bench, host, threads, &child);

    if (!error)
        *here = usage_of(child.pid);
    if (!error && host)
        error = host_usage(host, child.pid, there);
    bench_child_end(&child);
    return error;
}

static int measure_lanes(struct bench *bench, struct bench_host *host)
{
    struct usage bare[2], here[2], there[2];
    int error = 0;

    for (int i = 0; !error && i < 2; i++) {
        error = measure_one(bench, NULL, i ? LANES : 1, &bare[i], NULL);
        if (!error)
            error = measure_one(bench, host, i ? LANES : 1, &here[i], &there[i]);
    }
    if (error)
        return error;
    add(bench, "client_here", usage_less(here[0], bare[0]), 1);
    add(bench, "lane_here", usage_less(usage_less(here[1], here[0]), usage_less(bare[1], bare[0])), LANES - 1);
    add(bench, "lane_there", usage_less(there[1], there[0]), LANES - 1);
    return 0;
}

static int measure_clients(struct bench *bench, struct bench_host *host)
{
    struct bench_child clients[CLIENTS] = {0};
    struct usage one = {0}, all = {0};
    int error = 0;

    for (int i = 0; !error && i < CLIENTS; i++) {
        error = start(bench, host, 1, &clients[i]);
        if (!error && i == 0)
            error = host_usage(host, 0, &one);
    }
    if (!error)
        error = host_usage(host, 0, &all);
    for (int i = 0; i < CLIENTS; i++)
        bench_child_end(&clients[i]);
    if (!error)
        add(bench, "client_there", usage_less(all, one), CLIENTS - 1);
    return error;
}

/* ---- processor time ---- */

/* Of all its threads so far, in ns; 0 where the kernel does not say. */
static uint64_t processor_time(pid_t pid)
{
    char folder[64];
    uint64_t sum = 0;
    struct dirent *thread;
    DIR *threads;

    snprintf(folder, sizeof(folder), "/proc/%d/task", (int)pid);
    threads = opendir(folder);
    while (threads && (thread = readdir(threads))) {
        AUTO_FREE char *text = NULL;
        AUTO_FREE char *path = NULL;
        size_t size;

        if (asprintf(&path, "%s/%s/schedstat", folder, thread->d_name) < 0)
            path = NULL;
        else if (file_read(path, ROLLUP_MOST, &text, &size) == 0)
            sum += strtoull(text, NULL, 10);
    }
    if (threads)
        closedir(threads);
    return sum;
}

/* After a call they may wait awake for a moment; then it begins to count. */
static int measure_idle(struct bench *bench, struct bench_host *host)
{
    struct bench_child child = {.fd = -1};
    uint64_t here, there;
    pid_t worker = 0;
    int error = start(bench, host, 1, &child);

    if (!error)
        error = find_worker(host, child.pid, &worker);
    if (!error) {
        poll(NULL, 0, SETTLE_MS);
        here = processor_time(child.pid);
        there = processor_time(worker);
        poll(NULL, 0, IDLE_MS);
        figures_add(&bench->figures, (double)(processor_time(child.pid) - here) * 1000 / IDLE_MS,
                    "idle_here_cpu_ns_per_s");
        figures_add(&bench->figures, (double)(processor_time(worker) - there) * 1000 / IDLE_MS,
                    "idle_there_cpu_ns_per_s");
    }
    bench_child_end(&child);
    return error;
}

static int run(struct bench *bench)
{
    static const char *const specs[] = {"zlib", NULL};
    struct bench_host host;
    int error = bench_host_start(&host, bench->folder, bench->host_program, BENCH_ANY_CPU, specs);

    progress_step("memory");
    if (error)
        return error;
    error = measure_clients(bench, &host);
    if (!error)
        error = measure_lanes(bench, &host);
    if (!error)
        error = measure_idle(bench, &host);
    if (!error)
        error = bench_host_verify(&host, &bench->verified_calls);
    bench_host_stop(&host);
    return error;
}

const struct bench_part bench_memory = {"memory", NULL, run, NULL};
