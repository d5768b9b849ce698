/* The options of `winapi bench`. */
#include "preload/command/bench/bench_options.h"

#include "preload/command/bench/bench_scene.h"
#include "spec/base/own.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2, QUICK_ROUNDS = 2 };

static const char help[] =
    "usage: winapi bench [OPTION]...\n"
    "\n"
    "Measures calls through the whole path, each beside what this machine can do at best: a bare\n"
    "ping-pong of one cache line, of a futex, of a socket; one memcpy, one checksum of the same bytes.\n"
    "\n"
    "  --json FILE        the report as JSON; - for stdout, and then no table\n"
    "  --plot FILE.svg    draw latencies and throughput (needs gnuplot)\n"
    "  --pin PLACEMENT    where both sides run: same (one core), split (each on its own) or none (wherever\n"
    "                     they like); without it each measurement runs where its target wants it\n"
    "  --only NAME,...    latency, throughput, rate, native, startup, memory, socket, async\n"
    "  --rounds N         5 by default, 99 at most\n"
    "  --quick            few calls and two rounds: to try it, not to measure\n"
    "\n"
    "docs/performance.md says what each figure is.\n";

static int refuse(const char *option, const char *value, const char *why)
{
    fprintf(stderr, "winapi bench: %s %s: %s\n", option, value, why);
    return EXIT_USAGE;
}

static int take_pin(struct bench *bench, const char *value)
{
    for (int i = 0; i < PLACEMENTS; i++) {
        if (strcmp(value, scene_name((enum placement)i)) != 0)
            continue;
        bench->pin = (enum placement)i;
        bench->is_pinned = true;
        return BENCH_OPTIONS_RIGHT;
    }
    return refuse("--pin", value, "no such placement; there are same, split and none");
}

static int take_rounds(struct bench *bench, const char *value)
{
    char *end;
    long rounds = strtol(value, &end, 10);

    if (*end || end == value || rounds < 1 || rounds > FIGURE_ROUNDS_MOST)
        return refuse("--rounds", value, "not a number from 1 to 99");
    bench->rounds = (unsigned)rounds;
    return BENCH_OPTIONS_RIGHT;
}

static int take_only(struct bench *bench, const char *value)
{
    AUTO_FREE char *copy = strdup(value);
    char *rest = copy, *name;

    while ((name = strsep(&rest, ","))) {
        bool is_known = false;

        for (size_t i = 0; i < BENCH_PARTS; i++)
            is_known = is_known || strcmp(bench_parts[i]->name, name) == 0;
        if (!is_known)
            return refuse("--only", name,
                          "no such part; there are latency, throughput, rate, native, startup, memory, socket "
                          "and async");
    }
    bench->only = value;
    return BENCH_OPTIONS_RIGHT;
}

static int take_plot(struct bench *bench, const char *value)
{
    size_t size = strlen(value);

    if (size < strlen(".svg") || strcmp(value + size - strlen(".svg"), ".svg") != 0)
        return refuse("--plot", value, "the drawing is an SVG: give a name that ends with .svg");
    bench->plot_path = value;
    return BENCH_OPTIONS_RIGHT;
}

static int take_option(struct bench *bench, int option)
{
    switch (option) {
    case 'j':
        bench->json_path = optarg;
        return BENCH_OPTIONS_RIGHT;
    case 'P':
        return take_plot(bench, optarg);
    case 'p':
        return take_pin(bench, optarg);
    case 'o':
        return take_only(bench, optarg);
    case 'r':
        return take_rounds(bench, optarg);
    case 'q':
        bench->is_quick = true;
        return BENCH_OPTIONS_RIGHT;
    case 'h':
        fputs(help, stdout);
        return 0;
    default:
        fputs(help, stderr);
        return EXIT_USAGE;
    }
}

int bench_options_read(struct bench *bench, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", required_argument, NULL, 'j'},   {"plot", required_argument, NULL, 'P'},
        {"pin", required_argument, NULL, 'p'},    {"only", required_argument, NULL, 'o'},
        {"rounds", required_argument, NULL, 'r'}, {"quick", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        int code = take_option(bench, option);

        if (code != BENCH_OPTIONS_RIGHT)
            return code;
    }
    if (optind < argc)
        return refuse("argument", argv[optind], "none is wanted");
    if (!bench->rounds)
        bench->rounds = bench->is_quick ? QUICK_ROUNDS : BENCH_ROUNDS_DEFAULT;
    return BENCH_OPTIONS_RIGHT;
}
