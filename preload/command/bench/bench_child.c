#include "preload/command/bench/bench_child.h"

#include "preload/command/bench/bench_progress.h"
#include "spec/base/own.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { CHILDREN_MOST = 128, END_MS = 5000, EXIT_NOT_STARTED = 127 };

/* Written with the signals blocked, and read by their handler. */
static struct {
    volatile pid_t pids[CHILDREN_MOST];
    volatile int signals[CHILDREN_MOST]; /* what ends each */
} children;

static volatile sig_atomic_t interrupted;

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};

void bench_say(const char *format, ...)
{
    va_list arguments;

    progress_clear();
    fputs("winapi bench: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* ---- the list ---- */

static void end_those(int signal)
{
    for (int i = 0; i < CHILDREN_MOST; i++)
        if (children.pids[i] > 0 && children.signals[i] == signal)
            kill(children.pids[i], signal);
}

/* Hosts last: no client lives to say that it has lost its own. */
static void end_all(int number)
{
    int before = errno;

    interrupted = number;
    end_those(SIGKILL);
    end_those(SIGTERM);
    errno = before;
}

void bench_children_watch(void)
{
    struct sigaction action = {.sa_handler = end_all};

    for (size_t i = 0; i < COUNT_OF(watched); i++)
        sigaddset(&action.sa_mask, watched[i]);
    for (size_t i = 0; i < COUNT_OF(watched); i++)
        sigaction(watched[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int bench_interrupted(void)
{
    return interrupted;
}

static void hold_signals(sigset_t *before)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < COUNT_OF(watched); i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, before);
}

static int find_slot(pid_t pid)
{
    for (int i = 0; i < CHILDREN_MOST; i++)
        if (children.pids[i] == pid)
            return i;
    return -1;
}

/* ---- starting ---- */

static int prepare_descriptors(const struct bench_start *start, int fd)
{
    AUTO_CLOSE int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int used = start->has_jobs ? fd : nothing;

    if (dup2(used, STDIN_FILENO) < 0 || dup2(used, STDOUT_FILENO) < 0)
        return -errno;
    if (start->kept_fd >= 0 && fcntl(start->kept_fd, F_SETFD, 0) < 0)
        return -errno;
    return 0;
}

static int set_variables(const struct bench_start *start)
{
    for (size_t i = 0; i < BENCH_VARIABLES_MOST && start->variables[i]; i++) {
        const char *variable = start->variables[i], *equals = strchr(variable, '=');
        AUTO_FREE char *name = strndup(variable, (size_t)(equals - variable));

        if (!name || setenv(name, equals + 1, 1) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int pin(int cpu)
{
    cpu_set_t set;

    if (cpu == BENCH_ANY_CPU)
        return 0;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static void become(const struct bench_start *start, int fd, pid_t parent, const sigset_t *mask)
{
    int error;

    for (size_t i = 0; i < COUNT_OF(watched); i++)
        signal(watched[i], SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    prctl(PR_SET_PDEATHSIG, start->is_host ? SIGTERM : SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_NOT_STARTED);
    error = prepare_descriptors(start, fd);
    if (!error)
        error = pin(start->cpu);
    if (!error)
        error = set_variables(start);
    if (!error) {
        execv(start->arguments[0], (char *const *)start->arguments);
        error = -errno;
    }
    bench_say("%s cannot be started: %s: %s", start->name, start->arguments[0], strerror(-error));
    _exit(EXIT_NOT_STARTED);
}

/* With the signals held, so that none comes between the fork and the list. */
static int start_held(struct bench_child *child, const struct bench_start *start, int fd, const sigset_t *mask)
{
    pid_t parent = getpid();
    int slot = find_slot(0);

    if (interrupted)
        return -EINTR;
    if (slot < 0)
        return -EAGAIN;
    child->pid = fork();
    if (child->pid == 0)
        become(start, fd, parent, mask);
    if (child->pid < 0) {
        child->pid = 0;
        return -errno;
    }
    children.signals[slot] = start->is_host ? SIGTERM : SIGKILL;
    children.pids[slot] = child->pid;
    return 0;
}

int bench_child_start(struct bench_child *child, const struct bench_start *start)
{
    int fds[2] = {-1, -1};
    sigset_t before;
    int error = 0;

    *child = (struct bench_child){.fd = -1, .name = start->name};
    if (start->has_jobs && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        error = -errno;
    if (!error) {
        hold_signals(&before);
        error = start_held(child, start, fds[1], &before);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    own_close(&fds[1]);
    if (error)
        own_close(&fds[0]);
    else
        child->fd = fds[0];
    if (error && error != -EINTR)
        bench_say("%s cannot be started: %s", start->name, strerror(-error));
    return error;
}

/* ---- ending ---- */

/* Takes it off the list first: its number may be another's as soon as it has been waited for. */
static void forget(struct bench_child *child)
{
    int slot = find_slot(child->pid);

    if (slot >= 0)
        children.pids[slot] = 0;
    own_close(&child->fd);
    *child = (struct bench_child){.fd = -1, .name = child->name};
}

/* Waits by looking, as a signal to the bench is no reason to leave one behind; after a while it is killed. */
void bench_child_end(struct bench_child *child)
{
    uint64_t deadline_ns = clock_deadline_ns(END_MS);
    sigset_t before;
    int slot;

    if (child->pid == 0)
        return;
    hold_signals(&before);
    slot = find_slot(child->pid);
    kill(child->pid, slot >= 0 ? children.signals[slot] : SIGKILL);
    while (waitpid(child->pid, NULL, WNOHANG) == 0) {
        if (clock_is_past(deadline_ns))
            kill(child->pid, SIGKILL);
        poll(NULL, 0, 1);
    }
    forget(child);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
