/*
 * fork, wait and kill.  How a worker ended is told from its status and from what it left in the shared statistics: a
 * worker whose session ended in order says so there, so a library that calls exit() is found out too.
 */
#include "host/worker.h"

#include "host/statistics_message.h"
#include "spec/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRACKS_TEXT_MOST = 256 };

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

_Noreturn static void worker_run(const struct worker_setting *setting, struct client_slot *slot, int fd, int write_fd)
{
    static struct session session;
    int error;

    /* The parent may have died before it could be asked to take us along. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != setting->statistics->supervisor)
        _exit(0);
    close_all(setting->closed_fds, COUNT_OF(setting->closed_fds));
    close_all(setting->refused_fds, COUNT_OF(setting->refused_fds));
    pthread_sigmask(SIG_SETMASK, &setting->signals, NULL);
    atomic_store(&slot->worker, getpid());
    session.functions = setting->functions;
    session.statistics = setting->statistics;
    session.client = slot;
    session.limits = setting->limits;
    error = session_init(&session, fd, write_fd);
    if (error) {
        log_error("client %d: no session for it: %s", (int)slot->pid, strerror(-error));
        _exit(1);
    }
    session_run(&session);
}

int worker_start(const struct worker_setting *setting, struct client_slot *slot, int fd, int write_fd)
{
    pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid == 0)
        worker_run(setting, slot, fd, write_fd);
    atomic_store(&slot->worker, pid);
    log_debug("client %d: worker %d serves it", (int)slot->pid, (int)pid);
    return 0;
}

static struct client_slot *find_slot(const struct statistics *statistics, pid_t worker)
{
    for (size_t i = 0; i < statistics->client_count; i++) {
        struct client_slot *slot = &statistics->clients[i];

        if (atomic_load(&slot->is_used) && atomic_load(&slot->worker) == worker)
            return slot;
    }
    return NULL;
}

static void log_crash(const struct worker_setting *setting, const struct client_slot *slot, int status)
{
    char tracks[TRACKS_TEXT_MOST], how[64];

    if (WIFSIGNALED(status))
        snprintf(how, sizeof(how), "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof(how), "was ended with exit status %d", WEXITSTATUS(status));
    statistics_describe_tracks(slot, setting->functions, tracks, sizeof(tracks));
    log_error("client %d: its worker %d %s in %s; other clients are not concerned", (int)slot->pid,
              (int)atomic_load(&slot->worker), how, tracks);
}

/* Somebody told the worker to end, or its session did: anything else is a crash. */
static bool is_crash(const struct client_slot *slot, int status, bool is_stopping)
{
    if (WIFSIGNALED(status))
        return !is_stopping && WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGINT && WTERMSIG(status) != SIGHUP;
    return !atomic_load(&slot->has_ended);
}

void worker_reap(const struct worker_setting *setting, bool is_stopping)
{
    struct client_slot *slot;
    bool crashed;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        slot = find_slot(setting->statistics, pid);
        if (!slot)
            continue;
        crashed = is_crash(slot, status, is_stopping);
        if (crashed)
            log_crash(setting, slot, status);
        else
            log_debug("client %d: its worker %d has ended", (int)slot->pid, (int)pid);
        statistics_client_end(setting->statistics, slot, crashed);
    }
}

size_t worker_count(const struct statistics *statistics)
{
    size_t count = 0;

    for (size_t i = 0; i < statistics->client_count; i++)
        count += atomic_load(&statistics->clients[i].is_used);
    return count;
}

void worker_signal_all(const struct statistics *statistics, int signal)
{
    for (size_t i = 0; i < statistics->client_count; i++) {
        const struct client_slot *slot = &statistics->clients[i];
        pid_t worker = atomic_load(&slot->worker);

        if (atomic_load(&slot->is_used) && worker > 0)
            kill(worker, signal);
    }
}
