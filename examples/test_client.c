/*
 * A program that calls every function of libwinapi and checks every answer.
 *
 * It is an ordinary program: it is linked to libwinapi.so and knows nothing of remoting.  Here are its options;
 * what they run is in the other test_client_*.c files.
 */
#include "test_client.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

#define ITERATIONS_DEFAULT 10000
#define ITERATIONS_MOST    10000000
#define SIZE_DEFAULT       100000000
#define SIZE_MOST          1000000000000

static const char usage[] =
    "usage: test_client [OPTION]...\n"
    "\n"
    "Without options the echo, buffer and performance tests run.\n"
    "\n"
    "  --test NAME             run one of them: echo, buffer or performance\n"
    "  --integration           all of them, and every error, limit and kind of memory, sessions, threads\n"
    "  --stress                mixed calls, each answer checked\n"
    "  --benchmark latency     how long calls take: echoes of 32 bytes\n"
    "  --benchmark throughput  how many MB/s go through calls that write, read and verify\n"
    "  --perf-only             the performance test and both benchmarks\n"
    "\n"
    "  --iterations N          rounds of --stress, calls of --benchmark latency (10000)\n"
    "  --size SIZE             bytes of --benchmark throughput, 4KiB to 1000GB (100MB); units are B, KB, MB, GB of\n"
    "                          1000 and KiB, MiB, GiB of 1024\n"
    "  --help                  this text\n"
    "\n"
    "Exits with 0 when every check passed, 1 when one failed, 2 for a wrong option.\n";

static void default_tests(struct client *client)
{
    echo_test(client);
    buffer_test(client);
    performance_test(client);
}

static void performance_only(struct client *client)
{
    performance_test(client);
    latency_benchmark(client);
    throughput_benchmark(client);
}

/* What can be asked for.  `option` is the letter that getopt_long() gives, `name` the option's argument if any. */
static const struct work {
    const char *name;
    void (*run)(struct client *client);
    int option;
    bool takes_iterations;
    bool takes_size;
} works[] = {
    {NULL, default_tests, 0, false, false},           {"echo", echo_test, 't', false, false},
    {"buffer", buffer_test, 't', false, false},       {"performance", performance_test, 't', false, false},
    {"latency", latency_benchmark, 'b', true, false}, {"throughput", throughput_benchmark, 'b', false, true},
    {NULL, integration_test, 'i', false, false},      {NULL, stress_test, 's', true, false},
    {NULL, performance_only, 'p', true, true},
};

/* What the command line says; a number that it leaves out is 0. */
struct options {
    const struct work *work;
    uint64_t iterations;
    uint64_t size;
};

static const struct option long_options[] = {
    {"test", required_argument, NULL, 't'},
    {"benchmark", required_argument, NULL, 'b'},
    {"integration", no_argument, NULL, 'i'},
    {"stress", no_argument, NULL, 's'},
    {"perf-only", no_argument, NULL, 'p'},
    {"iterations", required_argument, NULL, 'n'},
    {"size", required_argument, NULL, 'z'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int complain(const char *what, const char *value)
{
    fprintf(stderr, "test_client: %s%s%s\nTry test_client --help.\n", what, value ? ": " : "", value ? value : "");
    return EXIT_USAGE;
}

static int work_choose(struct options *options, int option, const char *name)
{
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        const struct work *work = &works[i];

        if (work->option != option || (work->name && strcmp(work->name, name) != 0))
            continue;
        if (options->work->option != 0)
            return complain("only one of --test, --benchmark, --integration, --stress and --perf-only can run", NULL);
        options->work = work;
        return 0;
    }

    return option == 't' ? complain("--test is echo, buffer or performance, not", name)
                         : complain("--benchmark is latency or throughput, not", name);
}

/* Digits, then one of the units.  False for anything else and for what does not fit. */
static bool size_parse(const char *text, uint64_t *size)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1},           {"B", 1},     {"KB", 1000},     {"MB", 1000000}, {"GB", 1000000000},
                 {"KiB", 1u << 10}, {"MiB", MIB}, {"GiB", 1u << 30}};
    unsigned long long number;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno)
        return false;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].bytes, size);
    }

    return false;
}

static int number_read(const char *text, uint64_t *number, uint64_t least, uint64_t most, const char *complaint)
{
    if (!size_parse(text, number) || *number < least || *number > most)
        return complain(complaint, text);

    return 0;
}

static int option_take(struct options *options, int option)
{
    switch (option) {
    case 'n':
        if (optarg[strspn(optarg, "0123456789")] != '\0')
            return complain("--iterations is a number, not", optarg);
        return number_read(optarg, &options->iterations, 1, ITERATIONS_MOST,
                           "--iterations goes from 1 to 10000000, not to");
    case 'z':
        return number_read(optarg, &options->size, WINAPI_BUFFER_SIZE_LEAST, SIZE_MOST,
                           "--size is from 4KiB to 1000GB, like 100MB, not");
    case '?':
        fputs("Try test_client --help.\n", stderr);
        return EXIT_USAGE;
    default:
        return work_choose(options, option, optarg);
    }
}

/* Gives the exit status, or -1 when there is work to do. */
static int options_read(struct options *options, int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int status;

        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        status = option_take(options, option);
        if (status)
            return status;
    }
    if (optind < argc)
        return complain("what to run is said by options, not by", argv[optind]);
    if (options->iterations > 0 && !options->work->takes_iterations)
        return complain("--iterations goes with --stress, --benchmark latency or --perf-only", NULL);
    if (options->size > 0 && !options->work->takes_size)
        return complain("--size goes with --benchmark throughput or --perf-only", NULL);

    return -1;
}

int main(int argc, char **argv)
{
    struct options options = {.work = &works[0]};
    struct client client = {0};
    int status = options_read(&options, argc, argv);

    if (status >= 0)
        return status;
    client.iterations = options.iterations > 0 ? options.iterations : ITERATIONS_DEFAULT;
    client.size = options.size > 0 ? options.size : SIZE_DEFAULT;

    setvbuf(stdout, NULL, _IOLBF, 0);
    client.handle = winapi_init();
    if (!client.handle) {
        fprintf(stderr, "test_client: winapi_init: no session: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }

    options.work->run(&client);
    winapi_cleanup(client.handle);
    printf("summary: %u checks passed, %u failed\n", client.passed, client.failed);

    return client.failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
