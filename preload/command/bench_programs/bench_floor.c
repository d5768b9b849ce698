/*
 * winapi-bench-floor: what `winapi bench` holds its measurements against.
 */
#include "preload/command/bench_programs/bench_floor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t bench_floor_fork(int cpu, void (*side)(void *context), void *context)
{
    pid_t parent = getpid(), pid = fork();
    cpu_set_t set;

    if (pid != 0)
        return pid < 0 ? -errno : pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CPU_ZERO(&set);
    if (cpu >= 0)
        CPU_SET((unsigned)cpu, &set);
    if (getppid() == parent && (cpu < 0 || sched_setaffinity(0, sizeof(set), &set) == 0))
        side(context);
    _exit(0);
}

void bench_floor_end(pid_t pid, bool has_to_be_killed)
{
    if (has_to_be_killed)
        kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void *bench_floor_share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void bench_floor_unshare(void *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}

/* getppid, which no libc answers by itself. */
static void do_system_call(struct bench_work *work)
{
    uint64_t start = bench_now_ns();

    for (uint32_t i = 0; i < work->job.count; i++)
        syscall(SYS_getppid);
    work->answer.took_ns = bench_now_ns() - start;
    work->answer.timed_calls = work->job.count;
}

int main(void)
{
    static bench_work_function *const functions[JOB_KINDS] = {
        [JOB_SPIN] = bench_floor_spin,
        [JOB_FUTEX] = bench_floor_futex,
        [JOB_FUTEX_RATE] = bench_floor_futex_rate,
        [JOB_SOCKET] = bench_floor_socket,
        [JOB_TRANSFER] = bench_floor_transfer,
        [JOB_SYSTEM_CALL] = do_system_call,
    };

    return bench_work_loop(functions);
}
