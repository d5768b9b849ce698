#include "preload/command/bench/bench_plot.h"

#include "preload/command/program.h"
#include "spec/base/own.h"
#include "spec/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const latency_names[] = {"echo_32_split",  "echo_32_same",     "echo_32_none",    "crc32_16_split",
                                            "echo_64k_split", "floor_spin_split", "floor_futex_same"};

struct line {
    const char *title, *figure; /* FIGURE_SIZE_bytes_per_s */
};

static const struct line lines[] = {
    {"winapi_alloc_buffer", "buffer_zero_copy"},
    {"copied", "buffer_copy"},
    {"floor: checksum", "floor_checksum"},
    {"floor: memcpy, checksum", "floor_copy_checksum"},
};

static const struct {
    const char *name;
    double size;
} sizes[] = {{"4k", 4096},    {"16k", 16384},  {"64k", 65536},    {"256k", 262144},
             {"1m", 1048576}, {"4m", 4194304}, {"16m", 16777216}, {"64m", 67108864}};

bool plot_is_possible(void)
{
    AUTO_FREE char *path = NULL;

    return program_find("gnuplot", &path) == 0;
}

static void add_histogram(struct text *text, const struct histogram *histogram)
{
    uint64_t all = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        all += histogram->counts[i];
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        if (histogram->counts[i])
            text_format(text, "%g %g\n", (double)(histogram_from(i) + histogram_from(i + 1)) / 2e3,
                        (double)histogram->counts[i] * 100 / (double)all);
    text_add(text, "e\n");
}

static void add_latencies(struct text *text, const struct figures *figures)
{
    const char *before = "plot ";

    text_add(text, "set title 'latency'\nset logscale x\nset xlabel 'microseconds'\nset ylabel '% of calls'\n");
    for (size_t i = 0; i < COUNT_OF(latency_names); i++) {
        if (!figures_histogram(figures, latency_names[i]))
            continue;
        text_format(text, "%s'-' using 1:2 with histeps lw 2 title '%s'", before, latency_names[i]);
        before = ", ";
    }
    text_add(text, "\n");
    for (size_t i = 0; i < COUNT_OF(latency_names); i++)
        if (figures_histogram(figures, latency_names[i]))
            add_histogram(text, figures_histogram(figures, latency_names[i]));
}

static const struct figure *throughput(const struct figures *figures, const char *name, const char *size)
{
    char full[FIGURE_NAME_MOST];

    snprintf(full, sizeof(full), "%s_%s_bytes_per_s", name, size);
    return figures_find(figures, full);
}

static void add_throughput(struct text *text, const struct figures *figures)
{
    text_add(text, "set title 'throughput'\nset logscale x 2\nset xlabel 'KiB'\nset ylabel 'GB/s'\nplot ");
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        text_format(text, "%s'-' using 1:2 with linespoints lw 2 title '%s'", i ? ", " : "", lines[i].title);
    text_add(text, "\n");
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        for (size_t k = 0; k < COUNT_OF(sizes); k++) {
            const struct figure *figure = throughput(figures, lines[i].figure, sizes[k].name);

            if (figure)
                text_format(text, "%g %g\n", sizes[k].size / 1024, median(figure->values, figure->count) / 1e9);
        }
        text_add(text, "e\n");
    }
}

/* A single quote in a gnuplot string is written twice. */
static void add_path(struct text *text, const char *path)
{
    for (; *path; path++)
        text_add_bytes(text, *path == '\'' ? "''" : path, *path == '\'' ? 2 : 1);
}

static int draw(const char *commands)
{
    FILE *pipe = popen("exec gnuplot", "we");
    bool is_told;
    int status;

    if (!pipe)
        return -errno;
    is_told = fputs(commands, pipe) >= 0 && fflush(pipe) == 0;
    status = pclose(pipe);
    return is_told && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int plot_write(const struct bench *bench, const char *path)
{
    bool has_latency = bench->figures.histogram_count > 0;
    bool has_throughput = throughput(&bench->figures, lines[0].figure, "1m") != NULL;
    struct text text AUTO_TEXT = {0};
    int error;

    if (!has_latency && !has_throughput) {
        bench_say("--plot draws latency and throughput, and neither was measured");
        return -ENODATA;
    }
    text_format(&text, "set terminal svg noenhanced background 'white' size 900,%d\nset output '",
                has_latency && has_throughput ? 900 : 450);
    add_path(&text, path);
    text_format(&text, "'\nset grid\nset multiplot layout %d,1\n", has_latency && has_throughput ? 2 : 1);
    if (has_latency)
        add_latencies(&text, &bench->figures);
    if (has_throughput)
        add_throughput(&text, &bench->figures);
    text_add(&text, "unset multiplot\n");
    error = text.failed ? -ENOMEM : draw(text.data);
    if (error == -EIO)
        bench_say("gnuplot could not draw %s", path);
    return error;
}
