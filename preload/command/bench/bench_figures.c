#include "preload/command/bench/bench_figures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void figures_finish(struct figures *figures)
{
    free(figures->figures);
    free(figures->histograms);
    *figures = (struct figures){0};
}

/* ---- statistics ---- */

static int compare_samples(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static int compare_values(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

void samples_sort(uint32_t *samples, size_t count)
{
    qsort(samples, count, sizeof(*samples), compare_samples);
}

uint32_t percentile(const uint32_t *sorted, size_t count, double percent)
{
    double position = percent * (double)count / 100;
    size_t rank = (size_t)position;

    if ((double)rank < position)
        rank++;
    if (rank > count)
        rank = count;
    return sorted[rank ? rank - 1 : 0];
}

double median(const double *values, size_t count)
{
    double sorted[FIGURE_ROUNDS_MOST];

    memcpy(sorted, values, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_values);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

size_t histogram_bucket(uint32_t value)
{
    unsigned doubling;

    if (value < HISTOGRAM_PER_DOUBLING)
        return value;
    doubling = 31 - (unsigned)__builtin_clz(value); /* at least 3 */
    return (size_t)(doubling - 2) * HISTOGRAM_PER_DOUBLING + (value >> (doubling - 3)) - HISTOGRAM_PER_DOUBLING;
}

uint64_t histogram_from(size_t bucket)
{
    if (bucket < HISTOGRAM_PER_DOUBLING)
        return bucket;
    return (uint64_t)(HISTOGRAM_PER_DOUBLING + bucket % HISTOGRAM_PER_DOUBLING)
           << (bucket / HISTOGRAM_PER_DOUBLING - 1);
}

/* ---- figures ---- */

static struct figure *find_figure(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->figure_count; i++)
        if (strcmp(figures->figures[i].name, name) == 0)
            return &figures->figures[i];
    return NULL;
}

const struct figure *figures_find(const struct figures *figures, const char *name)
{
    return find_figure(figures, name);
}

static struct figure *find_or_make(struct figures *figures, const char *name)
{
    struct figure *found = find_figure(figures, name);
    struct figure *grown;

    if (found)
        return found;
    grown = realloc(figures->figures, (figures->figure_count + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    figures->figures = grown;
    found = &grown[figures->figure_count++];
    *found = (struct figure){.count = 0};
    snprintf(found->name, sizeof(found->name), "%s", name);
    return found;
}

void figures_add(struct figures *figures, double value, const char *name_format, ...)
{
    char name[FIGURE_NAME_MOST];
    struct figure *figure;
    va_list arguments;

    va_start(arguments, name_format);
    vsnprintf(name, sizeof(name), name_format, arguments);
    va_end(arguments);
    figure = find_or_make(figures, name);
    if (figure && figure->count < FIGURE_ROUNDS_MOST)
        figure->values[figure->count++] = value;
    else
        figures->failed = true;
}

static struct histogram *find_histogram(const struct figures *figures, const char *name)
{
    for (size_t i = 0; i < figures->histogram_count; i++)
        if (strcmp(figures->histograms[i].name, name) == 0)
            return &figures->histograms[i];
    return NULL;
}

const struct histogram *figures_histogram(const struct figures *figures, const char *name)
{
    return find_histogram(figures, name);
}

static void add_to_histogram(struct figures *figures, const char *name, const uint32_t *samples, size_t count)
{
    struct histogram *histogram = find_histogram(figures, name), *grown;

    if (!histogram) {
        grown = realloc(figures->histograms, (figures->histogram_count + 1) * sizeof(*grown));
        if (!grown) {
            figures->failed = true;
            return;
        }
        figures->histograms = grown;
        histogram = &grown[figures->histogram_count++];
        *histogram = (struct histogram){.name = ""};
        snprintf(histogram->name, sizeof(histogram->name), "%s", name);
    }
    for (size_t i = 0; i < count; i++)
        histogram->counts[histogram_bucket(samples[i])]++;
}

void figures_add_samples(struct figures *figures, const char *name, uint32_t *samples, size_t count)
{
    samples_sort(samples, count);
    figures_add(figures, percentile(samples, count, 50), "%s_p50_ns", name);
    figures_add(figures, percentile(samples, count, 90), "%s_p90_ns", name);
    figures_add(figures, percentile(samples, count, 99), "%s_p99_ns", name);
    figures_add(figures, percentile(samples, count, 100), "%s_max_ns", name);
    add_to_histogram(figures, name, samples, count);
}
