/*
 * What was measured: figures, one value for each round; and the spread of single calls, over all rounds.
 *
 * A figure's name ends with its unit: _ns, _ms, _bytes, _bytes_per_s, _calls_per_s, _ns_per_s.
 */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_FIGURES_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_FIGURES_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIGURE_NAME_MOST = 64, FIGURE_ROUNDS_MOST = 99 };

struct figure {
    char name[FIGURE_NAME_MOST];
    double values[FIGURE_ROUNDS_MOST];
    size_t count;
};

/*
 * Buckets, eight to each doubling: a bucket's limits differ by an eighth at most.  Below eight each value has its own.
 */
enum { HISTOGRAM_PER_DOUBLING = 8, HISTOGRAM_BUCKETS = 30 * HISTOGRAM_PER_DOUBLING };

struct histogram {
    char name[FIGURE_NAME_MOST];
    uint64_t counts[HISTOGRAM_BUCKETS];
};

struct figures {
    struct figure *figures;
    size_t figure_count;
    struct histogram *histograms;
    size_t histogram_count;
    bool failed; /* out of memory: asked for once, at the end */
};

void figures_finish(struct figures *figures);

/* Adds this round's value. */
void figures_add(struct figures *figures, double value, const char *name_format, ...) FORMAT_LIKE(3, 4);

/*
 * Adds NAME_p50_ns, _p90_ns, _p99_ns and _max_ns of samples, and the samples to the histogram NAME.  Sorts them.
 */
void figures_add_samples(struct figures *figures, const char *name, uint32_t *samples, size_t count);

/* NULL: it was not measured. */
const struct figure *figures_find(const struct figures *figures, const char *name);
const struct histogram *figures_histogram(const struct figures *figures, const char *name);

/* The smallest sample that `percent` of them do not exceed; they are sorted, and there is at least one. */
uint32_t percentile(const uint32_t *sorted, size_t count, double percent);

/* Of at least one value; the middle of the two in the middle when their number is even. */
double median(const double *values, size_t count);

void samples_sort(uint32_t *samples, size_t count);

size_t histogram_bucket(uint32_t value);
/* The smallest value of a bucket; the next one's is its end. */
uint64_t histogram_from(size_t bucket);

#endif
