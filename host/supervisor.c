/*
 * One loop over the listening socket and a signalfd.
 *
 * Nothing here waits for a client: a connection is handed to a worker at once, or refused with one message.
 */
#include "host/supervisor.h"

#include "host/outbox.h"
#include "host/worker.h"
#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/wire/address.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REFUSE_TIMEOUT_MS = 1, /* a new connection has room for one message */
    STOP_GRACE_MS = 2000,  /* what workers have to end after SIGTERM */
};

/* The supervisor while it runs. */
struct watch {
    struct worker_setting setting;
    int listen_fd; /* -1: one client only */
    int signal_fd;
    bool is_stopping;
    size_t refused_next;
};

/* ---- signals ---- */

static int watch_signals(struct watch *watch)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &held, &watch->setting.signals);
    watch->signal_fd = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
    return watch->signal_fd < 0 ? -errno : 0;
}

static void take_signals(struct watch *watch)
{
    struct signalfd_siginfo signal;

    while (read(watch->signal_fd, &signal, sizeof(signal)) == sizeof(signal))
        if (signal.ssi_signo != SIGCHLD)
            watch->is_stopping = true;
    worker_reap(&watch->setting, watch->is_stopping);
}

/* ---- clients ---- */

/* The connection stays open for a while: closing it over an unread hello could take the error from the client. */
static void refuse(struct watch *watch, int fd, const char *code, const char *text)
{
    cJSON *message = error_message(code, text);
    struct channel channel;

    log_warn("%s", text);
    channel_start(&channel, fd, fd);
    if (message && channel_send(&channel, message, -1, clock_deadline_ns(REFUSE_TIMEOUT_MS)) == 0)
        shutdown(fd, SHUT_WR);
    cJSON_Delete(message);
    own_close(&watch->setting.refused_fds[watch->refused_next]);
    watch->setting.refused_fds[watch->refused_next] = fd;
    watch->refused_next = (watch->refused_next + 1) % REFUSED_MOST;
}

static void refuse_stranger(struct watch *watch, int fd, const struct ucred *peer)
{
    char text[160];

    snprintf(text, sizeof(text), "this host serves user %u only, not user %u (process %d): start one of your own",
             (unsigned)geteuid(), (unsigned)peer->uid, (int)peer->pid);
    refuse(watch, fd, "user", text);
}

static void refuse_more(struct watch *watch, int fd, const struct ucred *peer)
{
    char text[160];

    snprintf(text, sizeof(text),
             "this host serves %zu clients at a time and has them: process %d is refused; raise --max-clients",
             watch->setting.statistics->client_count, (int)peer->pid);
    refuse(watch, fd, "clients", text);
}

static void start_client(struct watch *watch, int fd, const struct ucred *peer)
{
    AUTO_CLOSE int owned = fd;
    struct client_slot *slot = statistics_client_begin(watch->setting.statistics, peer->pid, peer->uid);
    int error;

    if (!slot) {
        refuse_more(watch, take_fd(&owned), peer);
        return;
    }
    error = worker_start(&watch->setting, slot, fd, fd);
    if (!error)
        return;
    statistics_client_end(watch->setting.statistics, slot, false);
    log_error("client %d: no worker process for it: %s", (int)peer->pid, strerror(-error));
}

static void accept_client(struct watch *watch)
{
    int fd = accept4(watch->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || (peer.uid != geteuid() && peer.uid != 0))
        refuse_stranger(watch, fd, &peer);
    else
        start_client(watch, fd, &peer);
}

/* ---- the loop ---- */

static void wait_for_events(struct watch *watch, int timeout_ms)
{
    struct pollfd pollers[] = {{.fd = watch->signal_fd, .events = POLLIN}, {.fd = watch->listen_fd, .events = POLLIN}};

    if (poll(pollers, COUNT_OF(pollers), timeout_ms) <= 0)
        return;
    if (pollers[0].revents)
        take_signals(watch);
    if (pollers[1].revents && !watch->is_stopping)
        accept_client(watch);
}

static void wait_for_workers(struct watch *watch, uint64_t deadline_ns)
{
    while (worker_count(watch->setting.statistics) > 0 && !clock_is_past(deadline_ns))
        wait_for_events(watch, clock_poll_ms(deadline_ns));
}

static void stop_workers(struct watch *watch)
{
    watch->is_stopping = true;
    worker_signal_all(watch->setting.statistics, SIGTERM);
    wait_for_workers(watch, clock_deadline_ns(STOP_GRACE_MS));
    worker_signal_all(watch->setting.statistics, SIGKILL);
    wait_for_workers(watch, clock_deadline_ns(STOP_GRACE_MS));
}

static int watch_start(struct watch *watch, const struct supervisor *supervisor)
{
    int error;

    *watch = (struct watch){.listen_fd = -1, .signal_fd = -1};
    watch->setting.functions = supervisor->functions;
    watch->setting.statistics = supervisor->statistics;
    watch->setting.limits = supervisor->limits;
    for (size_t i = 0; i < REFUSED_MOST; i++)
        watch->setting.refused_fds[i] = -1;
    error = watch_signals(watch);
    watch->setting.closed_fds[0] = watch->signal_fd;
    watch->setting.closed_fds[1] = -1;
    return error;
}

static void watch_finish(struct watch *watch)
{
    for (size_t i = 0; i < REFUSED_MOST; i++)
        own_close(&watch->setting.refused_fds[i]);
    own_close(&watch->signal_fd);
    own_close(&watch->listen_fd);
}

int supervisor_listen(struct supervisor *supervisor, const char *path, int ready_fd)
{
    AUTO_CLOSE int ready = ready_fd;
    struct watch watch;
    int error = watch_start(&watch, supervisor);

    watch.listen_fd = error ? -1 : address_listen_unix(path);
    if (!error && watch.listen_fd < 0)
        error = watch.listen_fd;
    if (error) {
        watch_finish(&watch);
        return error;
    }
    watch.setting.closed_fds[1] = watch.listen_fd;
    log_info("listening on unix:%s", path);
    if (ready >= 0 && write(ready, "\n", 1) < 0)
        log_warn("--ready-fd %d: %s", ready_fd, strerror(errno));
    own_close(&ready);
    ready = -1;
    while (!watch.is_stopping)
        wait_for_events(&watch, -1);
    unlink(path);
    stop_workers(&watch);
    watch_finish(&watch);
    return 0;
}

int supervisor_serve_one(struct supervisor *supervisor, int fd, int write_fd)
{
    AUTO_CLOSE int owned = fd;
    AUTO_CLOSE int write_owned = write_fd == fd ? -1 : write_fd;
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    struct client_slot *slot;
    struct watch watch;
    int error = watch_start(&watch, supervisor);

    /* Over a pipe nobody knows who it is. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        peer = (struct ucred){.uid = geteuid()};
    slot = statistics_client_begin(supervisor->statistics, peer.pid, peer.uid);
    if (!error)
        error = worker_start(&watch.setting, slot, fd, write_fd);
    own_close(&owned);
    own_close(&write_owned);
    owned = write_owned = -1;
    while (!error && !watch.is_stopping && worker_count(supervisor->statistics) > 0)
        wait_for_events(&watch, -1);
    if (!error)
        stop_workers(&watch);
    watch_finish(&watch);
    return error;
}
