/* Which figures make a ratio, and what it ought to be: a table. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_RATIOS_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_RATIOS_H

#include "preload/command/bench/bench.h"

enum ratio_kind { RATIO_QUOTIENT, RATIO_DIFFERENCE };
enum target_kind { TARGET_AT_MOST, TARGET_AT_LEAST };

struct ratio {
    const char *key;
    const char *product, *floor; /* names of figures */
    enum ratio_kind kind;
    enum target_kind target;
    double limit;
};

/* What this run makes of a ratio: one value for each round, and their median; count 0: it was not measured. */
struct ratio_result {
    double rounds[FIGURE_ROUNDS_MOST];
    size_t count;
    double median;
    bool is_met;
};

extern const struct ratio ratios[];
extern const size_t ratio_count;

/* Whether there is one of that name. */
bool ratio_is_known(const char *key);

void ratio_make(const struct ratio *ratio, const struct figures *figures, struct ratio_result *result);

#endif
