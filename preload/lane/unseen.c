/*
 * Two clones, one wait.
 *
 * A process that adopts orphans, as process 1 of a container and child subreapers do, would inherit what the
 * intermediate leaves behind.  There the intermediate stays, as the parent: a keeper.  It never executes a program, so
 * its end raises no signal either, and wait() does not find it.  It runs in the program's memory, on a stack of its
 * own, so that nothing is copied for it, and does nothing there but wait: errno, too, is the program's.
 */
#include "preload/lane/unseen.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs on a stack that no sanitizer knows of. */
#define OUT_OF_SIGHT __attribute__((no_sanitize("address", "thread", "undefined")))

enum { KEEPER_SIZE = 256 << 10, NUMBERS_MOST = 65536, LOOK_EVERY_NS = 100000000 };

/* Stands at the start of its mapping, whose rest is its stack. */
struct keeper {
    void (*main)(const void *context);
    const void *context;
    pid_t pid;
    uint32_t verdict; /* a futex; 0: not yet, 1: there is a process now, 2: none could be made */
    struct keeper *next;
};

static _Atomic(struct keeper *) keepers;

/* fork() without its handlers, without a signal at the end, and unseen by a debugger. */
static pid_t clone_quietly(void)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)CLONE_UNTRACED, NULL, NULL, NULL, 0UL);
}

/* Not _exit(): ThreadSanitizer's writes out what lies in the program's buffers. */
static void leave(int code)
{
    for (;;)
        syscall(SYS_exit_group, code);
}

static void run(void (*main)(const void *context), const void *context)
{
    setsid();
    main(context);
    leave(0);
}

/* ---- the intermediate that ends ---- */

/* In the intermediate: its exit code says whether there is a process now. */
static void hand_over(void (*main)(const void *context), const void *context)
{
    pid_t pid = clone_quietly();

    if (pid == 0)
        run(main, context);
    leave(pid < 0 ? 1 : 0);
}

static int start_through_intermediate(void (*main)(const void *context), const void *context)
{
    pid_t intermediate = clone_quietly();
    int status = 1;

    if (intermediate == 0)
        hand_over(main, context);
    if (intermediate < 0)
        return -errno;
    while (waitpid(intermediate, &status, __WCLONE) < 0)
        if (errno != EINTR) /* a thread of the program's that waits for clones too was faster: it ended, though */
            return errno == ECHILD ? 0 : -errno;
    return status == 0 ? 0 : -EAGAIN;
}

/* ---- the intermediate that stays ---- */

/* Whether this process would be given the orphans among its descendants. */
static bool adopts_orphans(void)
{
    int is_subreaper = 0;

    return getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0) == 0 && is_subreaper);
}

#if defined(__x86_64__)
/* A system call of the keeper's.  syscall() would leave a failure in the errno of the thread whose memory it shares. */
static long call_kernel(long number, long first, long second, long third, long fourth)
{
    register long fourth_place __asm__("r10") = fourth;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(fourth_place)
                     : "rcx", "r11", "memory");
    return result;
}
#else
#define call_kernel(number, first, second, third, fourth) syscall(number, first, second, third, fourth)
#endif

/* No signal action of the program's, nothing that it has open, its directory free to go. */
OUT_OF_SIGHT static void let_go(void)
{
    static const uint64_t usual[8]; /* the kernel's struct sigaction, all zero: SIG_DFL */

    call_kernel(SYS_rt_sigaction, SIGCHLD, (long)usual, 0, sizeof(uint64_t));
    call_kernel(SYS_setsid, 0, 0, 0, 0);
    call_kernel(SYS_chdir, (long)"/", 0, 0, 0);
    call_kernel(SYS_prctl, PR_SET_NAME, (long)"winapi-keeper", 0, 0);
    if (call_kernel(SYS_close_range, 0, UINT32_MAX, 0, 0) < 0)
        for (int fd = 0; fd < NUMBERS_MOST; fd++)
            call_kernel(SYS_close, fd, 0, 0, 0);
}

/* Adopts what its child leaves behind, so that the program does not, and ends when all have. */
OUT_OF_SIGHT static int keep(void *context)
{
    struct keeper *keeper = context;
    long pid;

    call_kernel(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
    pid = call_kernel(SYS_clone, CLONE_UNTRACED, 0, 0, 0);
    if (pid == 0)
        run(keeper->main, keeper->context);
    let_go();
    __atomic_store_n(&keeper->verdict, pid < 0 ? 2 : 1, __ATOMIC_SEQ_CST); /* counterpart: await_verdict() */
    call_kernel(SYS_futex, (long)&keeper->verdict, FUTEX_WAKE, 1, 0);
    while (call_kernel(SYS_wait4, -1, 0, __WALL, 0) > 0)
        ;
    return 0;
}

/* Of keepers that have ended, and of those of a parent, nothing is left to see. */
static void reap_keepers(void)
{
    struct keeper *next, *first = atomic_exchange(&keepers, NULL);

    for (struct keeper *keeper = first; keeper; keeper = next) {
        next = keeper->next;
        if (waitpid(keeper->pid, NULL, __WCLONE | WNOHANG) != 0) {
            munmap(keeper, KEEPER_SIZE);
            continue;
        }
        keeper->next = atomic_load(&keepers);
        while (!atomic_compare_exchange_weak(&keepers, &keeper->next, keeper))
            continue;
    }
}

static bool has_ended(const struct keeper *keeper)
{
    siginfo_t end = {.si_pid = 0};

    return waitid(P_PID, (id_t)keeper->pid, &end, WEXITED | WNOHANG | WNOWAIT | __WCLONE) < 0 || end.si_pid != 0;
}

static uint32_t await_verdict(struct keeper *keeper)
{
    const struct timespec often = {.tv_nsec = LOOK_EVERY_NS};
    uint32_t verdict;

    while ((verdict = __atomic_load_n(&keeper->verdict, __ATOMIC_SEQ_CST)) == 0) {
        syscall(SYS_futex, &keeper->verdict, FUTEX_WAIT, 0, &often, NULL, 0);
        if (has_ended(keeper))
            return __atomic_load_n(&keeper->verdict, __ATOMIC_SEQ_CST);
    }
    return verdict;
}

static int start_through_keeper(void (*main)(const void *context), const void *context)
{
    struct keeper *keeper;

    reap_keepers();
    keeper = mmap(NULL, KEEPER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (keeper == MAP_FAILED)
        return -ENOMEM;
    keeper->main = main;
    keeper->context = context;
    keeper->pid = clone(keep, (char *)keeper + KEEPER_SIZE, CLONE_VM | CLONE_UNTRACED, keeper);
    if (keeper->pid < 0) {
        munmap(keeper, KEEPER_SIZE);
        return -EAGAIN;
    }
    keeper->next = atomic_load(&keepers);
    while (!atomic_compare_exchange_weak(&keepers, &keeper->next, keeper))
        continue;
    return await_verdict(keeper) == 1 ? 0 : -EAGAIN;
}

int unseen_start(void (*main)(const void *context), const void *context)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    error = adopts_orphans() ? start_through_keeper(main, context) : start_through_intermediate(main, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}
