/*
 * How long a program takes from its start to its end, in several environments by turns.
 *
 *     start_up RUNS PROGRAM [ARGUMENT]... [-- [NAME=VALUE]...]...
 *
 * Each "--" begins an environment, which has those variables and no others; for each the lower decile and the median of
 * its runs are printed, in microseconds.
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { ENVIRONMENTS_MOST = 16 };

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double run_once(char **command, char **variables)
{
    double start = now_us();
    pid_t child;
    int status;

    if (posix_spawnp(&child, command[0], NULL, NULL, command, variables) || waitpid(child, &status, 0) < 0) {
        perror(command[0]);
        exit(EXIT_FAILURE);
    }
    if (status) {
        fprintf(stderr, "%s: status %d\n", command[0], status);
        exit(EXIT_FAILURE);
    }
    return now_us() - start;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Cuts the arguments at each "--": the command, then the environments. */
static size_t split(char **arguments, char **environments[ENVIRONMENTS_MOST])
{
    size_t count = 0;

    for (; *arguments; arguments++)
        if (strcmp(*arguments, "--") == 0 && count < ENVIRONMENTS_MOST) {
            *arguments = NULL;
            environments[count++] = arguments + 1;
        }
    return count;
}

int main(int argc, char **argv)
{
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    char **environments[ENVIRONMENTS_MOST];
    size_t count = runs > 0 ? split(argv + 2, environments) : 0;
    double *times = calloc(count * (size_t)runs + 1, sizeof(*times));

    if (!count || !times) {
        fprintf(stderr, "usage: start_up RUNS PROGRAM [ARGUMENT]... [-- [NAME=VALUE]...]...\n");
        return EXIT_FAILURE;
    }
    for (int run = 0; run < runs; run++)
        for (size_t i = 0; i < count; i++)
            times[i * (size_t)runs + (size_t)run] = run_once(argv + 2, environments[i]);
    for (size_t i = 0; i < count; i++) {
        double *own = &times[i * (size_t)runs];

        qsort(own, (size_t)runs, sizeof(*own), by_size);
        printf("%.1f %.1f\n", own[runs / 10], own[runs / 2]);
    }
    free(times);
    return EXIT_SUCCESS;
}
