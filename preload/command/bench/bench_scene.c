#include "preload/command/bench/bench_scene.h"

#include "spec/base/file.h"
#include "spec/base/own.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { LIST_MOST = 4096, RUN_ARGUMENTS_MOST = 16 };

static const char *const names[PLACEMENTS] = {
    [PLACEMENT_SPLIT] = "split", [PLACEMENT_SAME] = "same", [PLACEMENT_NONE] = "none"};

static const char *const shipped_specs[] = {"zlib", NULL};

/* ---- processors ---- */

/* Whether the kernel says that both are threads of one core. */
static bool is_sibling(int cpu, int other)
{
    char path[96];
    AUTO_FREE char *list = NULL;
    char *rest;
    size_t size;

    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    if (file_read(path, LIST_MOST, &list, &size))
        return false;
    for (rest = list; *rest;) {
        long first = strtol(rest, &rest, 10), last = first;

        if (*rest == '-')
            last = strtol(rest + 1, &rest, 10);
        if (other >= first && other <= last)
            return true;
        if (*rest++ != ',')
            return false;
    }
    return false;
}

int scene_choose_cpus(struct bench *bench)
{
    cpu_set_t set;

    bench->here_cpu = bench->there_cpu = BENCH_ANY_CPU;
    if (sched_getaffinity(0, sizeof(set), &set) < 0) {
        bench_say("the processors are not known: %s", strerror(errno));
        return -errno;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((unsigned)cpu, &set))
            continue;
        bench->cpu_count++;
        if (bench->here_cpu < 0) {
            bench->here_cpu = cpu;
        } else if (bench->there_cpu < 0 || bench->are_siblings) {
            bool are_siblings = is_sibling(bench->here_cpu, cpu);

            if (bench->there_cpu < 0 || !are_siblings)
                bench->there_cpu = cpu;
            bench->are_siblings = are_siblings;
        }
    }
    return 0;
}

enum placement scene_placement(const struct bench *bench, enum placement wanted)
{
    return bench->is_pinned ? bench->pin : wanted;
}

bool scene_is_possible(const struct bench *bench, enum placement placement)
{
    return placement != PLACEMENT_SPLIT || bench->there_cpu >= 0;
}

enum placement scene_two_cpus(const struct bench *bench)
{
    enum placement placement = scene_placement(bench, PLACEMENT_SPLIT);

    return scene_is_possible(bench, placement) ? placement : PLACEMENT_SAME;
}

bool scene_may_spin(const struct bench *bench, enum placement placement)
{
    return placement == PLACEMENT_SPLIT || (placement == PLACEMENT_NONE && bench->cpu_count > 1);
}

const char *scene_name(enum placement placement)
{
    return names[placement];
}

static int here(const struct bench *bench, enum placement placement)
{
    return placement == PLACEMENT_NONE ? BENCH_ANY_CPU : bench->here_cpu;
}

int scene_other_cpu(const struct bench *bench, enum placement placement)
{
    if (placement == PLACEMENT_NONE)
        return BENCH_ANY_CPU;
    return placement == PLACEMENT_SPLIT ? bench->there_cpu : bench->here_cpu;
}

/* ---- processes ---- */

int scene_start_client(struct bench *bench, struct bench_child *child, const char *host, int cpu,
                       const char *const *specs, const char *const *variables)
{
    const char *arguments[RUN_ARGUMENTS_MOST] = {bench->winapi, "run"};
    struct bench_start start = {
        .name = "winapi-bench-client", .arguments = arguments, .cpu = cpu, .kept_fd = -1, .has_jobs = true};
    size_t count = 2;

    if (host) {
        arguments[count++] = "--host";
        arguments[count++] = host;
    }
    for (; *specs && count + 4 < RUN_ARGUMENTS_MOST; specs++) {
        arguments[count++] = "--spec";
        arguments[count++] = *specs;
    }
    arguments[count++] = "--";
    arguments[count++] = bench->client_program;
    for (size_t i = 0; variables && variables[i] && i < BENCH_VARIABLES_MOST; i++)
        start.variables[i] = variables[i];
    return bench_child_start(child, &start);
}

static int start_bare(const char *program, const char *name, int cpu, struct bench_child *child)
{
    const char *const arguments[] = {program, NULL};
    struct bench_start start = {.name = name, .arguments = arguments, .cpu = cpu, .kept_fd = -1, .has_jobs = true};

    return bench_child_start(child, &start);
}

static int need_host(struct bench *bench, enum placement placement)
{
    struct bench_host *host = &bench->scenes[placement].host;

    if (host->child.pid)
        return 0;
    return bench_host_start(host, bench->folder, bench->host_program, scene_other_cpu(bench, placement), shipped_specs);
}

static int need_client(struct bench *bench, enum placement placement, struct bench_child *child,
                       const char *const *variables)
{
    int error = need_host(bench, placement);

    if (error || child->pid)
        return error;
    return scene_start_client(bench, child, bench->scenes[placement].host.address, here(bench, placement),
                              shipped_specs, variables);
}

int scene_client(struct bench *bench, enum placement placement, size_t number, struct bench_child **child)
{
    *child = &bench->scenes[placement].clients[number];
    return need_client(bench, placement, *child, NULL);
}

int scene_socket_client(struct bench *bench, enum placement placement, struct bench_child **child)
{
    static const char *const variables[] = {"WINAPI_TRANSPORT=socket", NULL};

    *child = &bench->scenes[placement].socket_client;
    return need_client(bench, placement, *child, variables);
}

int scene_bare(struct bench *bench, enum placement placement, struct bench_child **child)
{
    *child = &bench->scenes[placement].bare;
    if ((*child)->pid)
        return 0;
    return start_bare(bench->client_program, "winapi-bench-client, bare", here(bench, placement), *child);
}

int scene_floor(struct bench *bench, enum placement placement, struct bench_child **child)
{
    *child = &bench->scenes[placement].floor;
    if ((*child)->pid)
        return 0;
    return start_bare(bench->floor_program, "winapi-bench-floor", here(bench, placement), *child);
}

/* ---- calls ---- */

void scene_count(struct bench_host *host, const struct bench_job *job, const struct bench_answer *answer)
{
    static const int counted[JOB_KINDS] = {
        [JOB_ECHO] = COUNTED_ECHO + 1,   [JOB_ECHO_RATE] = COUNTED_ECHO + 1, [JOB_KEEP_LANES] = COUNTED_ECHO + 1,
        [JOB_CRC32] = COUNTED_CRC32 + 1, [JOB_BUFFER] = COUNTED_BUFFER + 1,  [JOB_SEED] = COUNTED_SEED + 1,
    };

    if (counted[job->kind])
        host->calls[counted[job->kind] - 1] += answer->calls;
}

int scene_run(struct bench *bench, enum placement placement, struct bench_child *child, const struct bench_job *job,
              struct bench_answer *answer)
{
    int error = bench_child_run(child, job, answer, bench->samples);

    if (!error)
        scene_count(&bench->scenes[placement].host, job, answer);
    return error;
}

int scenes_verify(struct bench *bench)
{
    int error = 0;

    for (int i = 0; !error && i < PLACEMENTS; i++)
        if (bench->scenes[i].host.child.pid)
            error = bench_host_verify(&bench->scenes[i].host, &bench->verified_calls);
    return error;
}

void scenes_finish(struct bench *bench)
{
    for (int i = 0; i < PLACEMENTS; i++) {
        struct scene *scene = &bench->scenes[i];

        for (size_t k = 0; k < BENCH_CLIENTS_MOST; k++)
            bench_child_end(&scene->clients[k]);
        bench_child_end(&scene->socket_client);
        bench_child_end(&scene->bare);
        bench_child_end(&scene->floor);
        bench_host_stop(&scene->host);
    }
}
