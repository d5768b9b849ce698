/* The report for people: figures in units that are easily read, then the ratios with what they ought to be. */
#include "preload/command/bench/bench_ratios.h"
#include "preload/command/bench/bench_report.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MOST = FIGURE_NAME_MOST, VALUE_MOST = 32 };

struct unit {
    const char *suffix; /* of the figure's name */
    const char *shown;
    double divisor;
};

static const struct unit units[] = {
    {"_bytes_per_s", "GB/s", 1e9},
    {"_calls_per_s", "k/s", 1e3},
    {"_ns_per_s", "ns/s", 1},
    {"_bytes", "KiB", 1024},
    {"_ns", "ns", 1},
    {"_ms", "ms", 1},
};

static const struct unit *find_unit(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t size = strlen(units[i].suffix);

        if (strlen(name) > size && strcmp(name + strlen(name) - size, units[i].suffix) == 0)
            return &units[i];
    }
    return &units[COUNT_OF(units) - 1];
}

static void format_value(char *text, double value)
{
    int digits = value < 10 ? 2 : value < 1000 ? 1 : 0;

    snprintf(text, VALUE_MOST, "%.*f", digits, value);
}

/* NULL, or the figure NAME_percentile_ns. */
static const struct figure *find_part(const struct figures *figures, const char *name, const char *part)
{
    char full[NAME_MOST + 16];

    snprintf(full, sizeof(full), "%s_%s_ns", name, part);
    return figures_find(figures, full);
}

static void print_latencies(const struct figures *figures)
{
    static const char *const parts[] = {"p50", "p90", "p99", "max"};

    if (figures->histogram_count == 0)
        return;
    printf("\n%-34s %10s %10s %10s %10s   us\n", "single calls", "p50", "p90", "p99", "max");
    for (size_t i = 0; i < figures->histogram_count; i++) {
        printf("%-34s", figures->histograms[i].name);
        for (size_t k = 0; k < COUNT_OF(parts); k++) {
            const struct figure *figure = find_part(figures, figures->histograms[i].name, parts[k]);
            char value[VALUE_MOST] = "";

            if (figure)
                format_value(value, median(figure->values, figure->count) / 1e3);
            printf(" %10s", value);
        }
        printf("\n");
    }
}

static bool is_latency(const struct figure *figure)
{
    static const char *const suffixes[] = {"_p50_ns", "_p90_ns", "_p99_ns", "_max_ns"};
    size_t size = strlen(figure->name);

    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (size > strlen(suffixes[i]) && strcmp(figure->name + size - strlen(suffixes[i]), suffixes[i]) == 0)
            return true;
    return false;
}

static void find_span(const double *values, size_t count, double *least, double *most)
{
    *least = *most = values[0];
    for (size_t i = 1; i < count; i++) {
        *least = values[i] < *least ? values[i] : *least;
        *most = values[i] > *most ? values[i] : *most;
    }
}

static void print_figure(const struct figure *figure)
{
    const struct unit *unit = find_unit(figure->name);
    int name_size = (int)(strlen(figure->name) - strlen(unit->suffix));
    char middle[VALUE_MOST], low[VALUE_MOST], high[VALUE_MOST];
    double least, most;

    find_span(figure->values, figure->count, &least, &most);
    format_value(middle, median(figure->values, figure->count) / unit->divisor);
    format_value(low, least / unit->divisor);
    format_value(high, most / unit->divisor);
    printf("%-34.*s %10s %10s %10s   %s\n", name_size, figure->name, middle, low, high, unit->shown);
}

static void print_figures(const struct figures *figures)
{
    printf("\n%-34s %10s %10s %10s\n", "rounds", "median", "least", "most");
    for (size_t i = 0; i < figures->figure_count; i++)
        if (!is_latency(&figures->figures[i]))
            print_figure(&figures->figures[i]);
}

static void print_ratio(const struct bench *bench, const struct ratio *ratio)
{
    struct ratio_result result;
    double least, most;

    ratio_make(ratio, &bench->figures, &result);
    if (result.count == 0) {
        const char *reason = bench_reason(bench, ratio->key);

        if (reason)
            printf("%-34s %s\n", ratio->key, reason);
        return;
    }
    find_span(result.rounds, result.count, &least, &most);
    printf("%-34s %10.2f %10.2f %10.2f   %s %-5g %s\n", ratio->key, result.median, least, most,
           ratio->target == TARGET_AT_MOST ? "<=" : ">=", ratio->limit, result.is_met ? "met" : "not met");
}

int report_table(const struct bench *bench)
{
    struct machine machine;

    machine_describe(&machine, bench->here_cpu);
    printf("winapi " WINAPI_VERSION " on %s, %u processors%s%s; %u rounds; %.0f calls verified\n",
           *machine.processor ? machine.processor : "a processor without a name", bench->cpu_count,
           *machine.governor ? ", governor " : "", machine.governor, bench->rounds, (double)bench->verified_calls);
    print_latencies(&bench->figures);
    print_figures(&bench->figures);
    printf("\n%-34s %10s %10s %10s   %s\n", "ratio to the floor", "median", "least", "most", "target");
    for (size_t i = 0; i < ratio_count; i++)
        print_ratio(bench, &ratios[i]);
    for (size_t i = 0; i < bench->reason_count; i++)
        if (!ratio_is_known(bench->reasons[i].key))
            printf("%-34s %s\n", bench->reasons[i].key, bench->reasons[i].text);
    return report_end_output(0);
}
