/* The report as JSON: docs/performance.md says what each member is. */
#include "preload/command/bench/bench_report.h"

#include "preload/command/bench/bench_ratios.h"
#include "preload/command/bench/bench_scene.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { FILE_MODE = 0644, CPU_INFO_MOST = 4 << 20, GOVERNOR_MOST = 64 };

extern char **environ;

void machine_describe(struct machine *machine, int cpu)
{
    AUTO_FREE char *info = NULL;
    AUTO_FREE char *governor = NULL;
    const char *model;
    char path[96];
    size_t size;

    *machine = (struct machine){.processor = ""};
    if (file_read("/proc/cpuinfo", CPU_INFO_MOST, &info, &size) == 0 && (model = strstr(info, "model name\t: ")))
        sscanf(model, "model name\t: %127[^\n]", machine->processor);
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
    if (file_read(path, GOVERNOR_MOST, &governor, &size) == 0)
        sscanf(governor, "%63s", machine->governor);
}

static void add_text_or_null(cJSON *object, const char *name, const char *text)
{
    if (text && *text)
        cJSON_AddStringToObject(object, name, text);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_machine(cJSON *report, const struct bench *bench)
{
    cJSON *object = cJSON_AddObjectToObject(report, "machine");
    struct machine machine;
    struct utsname kernel;

    machine_describe(&machine, bench->here_cpu);
    add_text_or_null(object, "processor", machine.processor);
    cJSON_AddNumberToObject(object, "processors", bench->cpu_count);
    add_text_or_null(object, "governor", machine.governor);
    add_text_or_null(object, "kernel", uname(&kernel) == 0 ? kernel.release : NULL);
    add_text_or_null(object, "architecture", uname(&kernel) == 0 ? kernel.machine : NULL);
    cJSON_AddNumberToObject(object, "program_cpu", bench->here_cpu);
    if (bench->there_cpu >= 0)
        cJSON_AddNumberToObject(object, "host_cpu", bench->there_cpu);
    else
        cJSON_AddNullToObject(object, "host_cpu");
    cJSON_AddBoolToObject(object, "threads_of_one_core", bench->are_siblings);
}

static void add_settings(cJSON *report, const struct bench *bench)
{
    cJSON *settings = cJSON_AddObjectToObject(report, "settings");
    cJSON *variables = cJSON_CreateArray();

    cJSON_AddNumberToObject(settings, "rounds", bench->rounds);
    cJSON_AddBoolToObject(settings, "quick", bench->is_quick);
    add_text_or_null(settings, "pin", bench->is_pinned ? scene_name(bench->pin) : NULL);
    add_text_or_null(settings, "only", bench->only);
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "WINAPI_", strlen("WINAPI_")) == 0)
            cJSON_AddItemToArray(variables, cJSON_CreateString(*variable));
    cJSON_AddItemToObject(settings, "variables", variables);
}

/* ---- ratios and targets ---- */

static const char *why_not(const struct bench *bench, const char *key)
{
    const char *reason = bench_reason(bench, key);

    return reason ? reason : bench->only ? "--only left it out" : "it was not measured";
}

static void add_ratio(cJSON *report, const struct bench *bench, const struct ratio *ratio)
{
    cJSON *target = cJSON_AddObjectToObject(cJSON_GetObjectItem(report, "targets"), ratio->key);
    struct ratio_result result;

    ratio_make(ratio, &bench->figures, &result);
    cJSON_AddNumberToObject(target, ratio->target == TARGET_AT_MOST ? "at_most" : "at_least", ratio->limit);
    cJSON_AddStringToObject(target, "product", ratio->product);
    cJSON_AddStringToObject(target, "floor", ratio->floor);
    if (result.count == 0) {
        cJSON_AddNullToObject(target, "met");
        cJSON_AddNullToObject(cJSON_GetObjectItem(report, "ratios"), ratio->key);
        cJSON_AddStringToObject(cJSON_GetObjectItem(report, "why"), ratio->key, why_not(bench, ratio->key));
        return;
    }
    cJSON_AddBoolToObject(target, "met", result.is_met);
    cJSON_AddNumberToObject(cJSON_GetObjectItem(report, "ratios"), ratio->key, result.median);
    cJSON_AddItemToObject(cJSON_GetObjectItem(report, "ratio_rounds"), ratio->key,
                          cJSON_CreateDoubleArray(result.rounds, (int)result.count));
}

static void add_ratios(cJSON *report, const struct bench *bench)
{
    static const char *const objects[] = {"ratios", "why", "ratio_rounds", "targets"};

    for (size_t i = 0; i < COUNT_OF(objects); i++)
        cJSON_AddObjectToObject(report, objects[i]);
    for (size_t i = 0; i < ratio_count; i++)
        add_ratio(report, bench, &ratios[i]);
    for (size_t i = 0; i < bench->reason_count; i++)
        if (!ratio_is_known(bench->reasons[i].key))
            cJSON_AddStringToObject(cJSON_GetObjectItem(report, "why"), bench->reasons[i].key, bench->reasons[i].text);
}

/*
 * What each of N threads reaches of what one alone does.  Only where each thread, and its side of the host, can have a
 * processor does that say something.
 */
static void add_scaling(cJSON *report, const struct bench *bench)
{
    static const unsigned counts[] = {2, 4, 8};
    const struct figure *alone = figures_find(&bench->figures, "threads_1_calls_per_s");
    cJSON *scaling = cJSON_AddObjectToObject(report, "scaling");

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        char key[32], name[FIGURE_NAME_MOST];
        const struct figure *figure;

        snprintf(key, sizeof(key), "threads_%u", counts[i]);
        snprintf(name, sizeof(name), "%s_calls_per_s", key);
        figure = figures_find(&bench->figures, name);
        if (bench->cpu_count >= 2 * counts[i] && alone && figure)
            cJSON_AddNumberToObject(scaling, key,
                                    median(figure->values, figure->count) /
                                        (median(alone->values, alone->count) * counts[i]));
        else
            cJSON_AddNullToObject(scaling, key);
    }
    if (bench->cpu_count < 2 * counts[COUNT_OF(counts) - 1])
        cJSON_AddStringToObject(cJSON_GetObjectItem(report, "why"), "scaling",
                                "where null, not measurable here: N threads need 2 N processors");
}

/* ---- figures ---- */

static void add_figures(cJSON *report, const struct figures *figures)
{
    cJSON *objects = cJSON_AddObjectToObject(report, "figures");

    for (size_t i = 0; i < figures->figure_count; i++) {
        const struct figure *figure = &figures->figures[i];
        cJSON *object = cJSON_AddObjectToObject(objects, figure->name);

        cJSON_AddNumberToObject(object, "median", median(figure->values, figure->count));
        cJSON_AddItemToObject(object, "rounds", cJSON_CreateDoubleArray(figure->values, (int)figure->count));
    }
}

static void add_histogram(cJSON *histograms, const struct histogram *histogram)
{
    cJSON *list = cJSON_AddArrayToObject(histograms, histogram->name);

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        cJSON *bucket;

        if (!histogram->counts[i])
            continue;
        bucket = cJSON_CreateObject();
        cJSON_AddNumberToObject(bucket, "from_ns", (double)histogram_from(i));
        cJSON_AddNumberToObject(bucket, "below_ns", (double)histogram_from(i + 1));
        cJSON_AddNumberToObject(bucket, "count", (double)histogram->counts[i]);
        cJSON_AddItemToArray(list, bucket);
    }
}

static cJSON *make_report(const struct bench *bench)
{
    cJSON *report = cJSON_CreateObject(), *histograms;

    cJSON_AddStringToObject(report, "version", WINAPI_VERSION);
    add_machine(report, bench);
    add_settings(report, bench);
    add_ratios(report, bench);
    add_scaling(report, bench);
    cJSON_AddNumberToObject(report, "verified_calls", (double)bench->verified_calls);
    add_figures(report, &bench->figures);
    histograms = cJSON_AddObjectToObject(report, "histograms");
    for (size_t i = 0; i < bench->figures.histogram_count; i++)
        add_histogram(histograms, &bench->figures.histograms[i]);
    return report;
}

int report_end_output(int error)
{
    if (!error && fflush(stdout) != 0)
        error = -errno;
    if (!error && ferror(stdout))
        error = -EIO;
    if (error)
        bench_say("standard output: %s", strerror(-error));
    return error;
}

int report_json(const struct bench *bench, const char *path)
{
    cJSON *report = make_report(bench);
    AUTO_FREE char *text = cJSON_Print(report);
    int error = text ? 0 : -ENOMEM;

    cJSON_Delete(report);
    if (!error && strcmp(path, "-") == 0)
        return report_end_output(puts(text) < 0 ? -errno : 0);
    if (!error)
        error = file_replace(path, text, strlen(text), FILE_MODE);
    if (error)
        bench_say("%s cannot be written: %s", path, strerror(-error));
    return error;
}
