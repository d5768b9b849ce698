/*
 * Ping-pong in shared memory: one word that both sides write in turns, alone in its cache line.
 *
 * The word is TURN_HERE, TURN_THERE or TURN_OVER.  Each side stores it with release and looks with acquire, so that
 * what a payload would be has arrived with it.
 */
#include "preload/command/bench_programs/bench_floor.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CACHE_LINE = 64, WARM = 500, PAIRS_MOST = BENCH_THREADS_MOST };

enum turn { TURN_HERE, TURN_THERE, TURN_OVER };

struct table_tennis {
    _Alignas(CACHE_LINE) _Atomic uint32_t turn;
    _Alignas(CACHE_LINE) struct bench_run run; /* of a pair among others: what its first side reports */
    int other_cpu;                             /* where its second side runs */
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- both spin ---- */

static void spin_there(void *context)
{
    struct table_tennis *game = context;

    for (;;) {
        uint32_t turn;

        while ((turn = atomic_load_explicit(&game->turn, memory_order_acquire)) == TURN_HERE)
            relax();
        if (turn == TURN_OVER)
            return;
        atomic_store_explicit(&game->turn, TURN_HERE, memory_order_release);
    }
}

static void spin_act(void *context)
{
    struct table_tennis *game = context;

    atomic_store_explicit(&game->turn, TURN_THERE, memory_order_release);
    while (atomic_load_explicit(&game->turn, memory_order_acquire) != TURN_HERE)
        relax();
}

/* ---- both sleep ---- */

static void futex_wait(_Atomic uint32_t *word, uint32_t while_it_is)
{
    syscall(SYS_futex, word, FUTEX_WAIT, while_it_is, NULL, NULL, 0);
}

static void futex_hand_over(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_there(void *context)
{
    struct table_tennis *game = context;

    for (;;) {
        uint32_t turn;

        while ((turn = atomic_load_explicit(&game->turn, memory_order_acquire)) == TURN_HERE)
            futex_wait(&game->turn, TURN_HERE);
        if (turn == TURN_OVER)
            return;
        futex_hand_over(&game->turn, TURN_HERE);
    }
}

static void futex_act(void *context)
{
    struct table_tennis *game = context;

    futex_hand_over(&game->turn, TURN_THERE);
    while (atomic_load_explicit(&game->turn, memory_order_acquire) == TURN_THERE)
        futex_wait(&game->turn, TURN_THERE);
}

/* ---- one pair, every round trip timed ---- */

static void play(struct bench_work *work, void (*act)(void *context), void (*there)(void *context))
{
    struct bench_step step = {.act = act};
    struct table_tennis *game = bench_floor_share(sizeof(*game));
    pid_t pid;

    if (!game) {
        bench_work_fail(work, "no shared memory");
        return;
    }
    pid = bench_floor_fork(work->job.other_cpu, there, game);
    if (pid < 0) {
        bench_work_fail(work, "the other side: %s", strerror(-pid));
    } else {
        bench_work_sample(work, &step, game, WARM);
        futex_hand_over(&game->turn, TURN_OVER);
        bench_floor_end(pid, false);
    }
    bench_floor_unshare(game, sizeof(*game));
}

void bench_floor_spin(struct bench_work *work)
{
    play(work, spin_act, spin_there);
}

void bench_floor_futex(struct bench_work *work)
{
    play(work, futex_act, futex_there);
}

/* ---- many pairs, counted ---- */

static bool rate_act(void *context)
{
    futex_act(context);
    return true;
}

/* The first side of a pair, which makes the second. */
static void rate_pair(void *context)
{
    struct table_tennis *game = context;
    pid_t pid = bench_floor_fork(game->other_cpu, futex_there, game);

    if (pid < 0)
        return;
    bench_run_until(&game->run, rate_act, game);
    futex_hand_over(&game->turn, TURN_OVER);
    bench_floor_end(pid, false);
}

void bench_floor_futex_rate(struct bench_work *work)
{
    size_t size = PAIRS_MOST * sizeof(struct table_tennis);
    struct table_tennis *games = bench_floor_share(size);
    pid_t pids[PAIRS_MOST];
    uint32_t started = 0;

    for (; games && started < work->job.threads; started++) {
        games[started].run = (struct bench_run){.start_ns = work->job.start_ns, .end_ns = work->job.end_ns};
        games[started].other_cpu = work->job.other_cpu;
        pids[started] = bench_floor_fork(-1, rate_pair, &games[started]);
        if (pids[started] < 0)
            break;
    }
    if (started < work->job.threads)
        bench_work_fail(work, "pair %u of %u could not be made", started + 1, work->job.threads);
    for (uint32_t i = 0; i < started; i++) {
        bench_floor_end(pids[i], false);
        if (!games[i].run.ready_ns)
            bench_work_fail(work, "pair %u did not play", i);
        bench_work_add_run(work, &games[i].run);
    }
    bench_floor_unshare(games, size);
}
