/*
 * `winapi bench`: what its parts share.
 *
 * A part measures the product and the floors that it is held against, one after the other, once in each round.  What
 * it finds goes into the figures by name; bench_ratios.c knows which figures make a ratio, and what it ought to be.
 */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_H

#include "preload/command/bench/bench_figures.h"
#include "preload/command/bench/bench_host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the two sides run. */
enum placement { PLACEMENT_SPLIT, PLACEMENT_SAME, PLACEMENT_NONE, PLACEMENTS };

enum { BENCH_ROUNDS_DEFAULT = 5, BENCH_CLIENTS_MOST = 16, BENCH_REASONS_MOST = 32 };

/* One placement's processes, each started when it is first needed. */
struct scene {
    struct bench_host host;
    struct bench_child clients[BENCH_CLIENTS_MOST];
    struct bench_child socket_client; /* with WINAPI_TRANSPORT=socket */
    struct bench_child bare;          /* the client program without the product */
    struct bench_child floor;
};

/* Why a ratio was left out, or figures that make none. */
struct reason {
    char key[FIGURE_NAME_MOST];
    char text[160];
};

struct bench {
    /* what was asked for */
    unsigned rounds;
    bool is_quick;
    bool is_pinned; /* --pin was given: everything is measured in `pin` */
    enum placement pin;
    const char *only; /* NULL: all parts */
    const char *json_path, *plot_path;

    /* where things are */
    char *folder; /* goes at the end */
    char *winapi, *host_program, *client_program, *floor_program;
    int here_cpu, there_cpu; /* of the program and of the host when each has its own; there_cpu -1: there is one only */
    bool are_siblings;       /* the two are threads of one core */
    unsigned cpu_count;      /* that this process may use */

    struct scene scenes[PLACEMENTS];
    uint32_t *samples; /* BENCH_SAMPLES_MOST */
    struct figures figures;
    struct reason reasons[BENCH_REASONS_MOST];
    size_t reason_count;
    uint64_t verified_calls;
};

/* One part: what --only calls it, how many steps of the progress bar a round has, and the round itself. */
struct bench_part {
    const char *name;
    size_t (*steps)(const struct bench *bench); /* NULL: one */
    int (*run)(struct bench *bench);            /* one round; errors are logged */
    void (*finish)(struct bench *bench); /* ends what the part has started for itself, at the end; NULL: nothing */
};

extern const struct bench_part bench_latency, bench_throughput, bench_rate, bench_native, bench_startup, bench_memory,
    bench_socket, bench_async;

enum { BENCH_PARTS = 8 };

/* In the order in which they run. */
extern const struct bench_part *const bench_parts[BENCH_PARTS];

/* Fewer where it has to be quick. */
uint32_t bench_count(const struct bench *bench, uint32_t count);

/* Leaves a ratio out, or figures that make none, whose names begin so; said once for each key. */
void bench_leave_out(struct bench *bench, const char *key, const char *format, ...) FORMAT_LIKE(3, 4);

/* NULL: nothing was said of this key. */
const char *bench_reason(const struct bench *bench, const char *key);

#endif
