/* Starting a host: everything that needs memory is made before the clone; after it only system calls are left. */
#include "preload/lane/host_process.h"

#include "preload/lane/unseen.h"
#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/wire/clock.h"
#include "spec/wire/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

enum { VERDICT_TIMEOUT_MS = 1000, DESCRIPTORS_USUAL = 1024 };

/* Variables that are the guest's own affair, or that the host gets anew, by their beginning. */
static const char *const dropped[] = {
    "LD_PRELOAD=",       "WINAPI_MODE=",      "WINAPI_ROUTE=",       "WINAPI_SPEC=",           "WINAPI_HOST=",
    "WINAPI_TRACE=",     "WINAPI_TRANSPORT=", "WINAPI_SHARED_MEM=",  "WINAPI_REEXEC=",         "WINAPI_DEBUG=",
    "WINAPI_LOG_LEVEL=", "WINAPI_LOG_FILE=",  "WINAPI_SOCKET_PORT=", "WINAPI_COMPARE_REPORT=",
};

struct start {
    const char *path;
    char *const *arguments;
    char **environment;
    int fd;       /* the host's end */
    int error_fd; /* close-on-exec: brings the verdict */
};

/* What the host-to-be says of itself. */
struct verdict {
    int error; /* 0: it is about to execute the program */
    pid_t pid;
};

static bool is_dropped(const char *variable)
{
    for (size_t i = 0; i < COUNT_OF(dropped); i++)
        if (strncmp(variable, dropped[i], strlen(dropped[i])) == 0)
            return true;
    return false;
}

/* The environment for the host: the program's, without what is dropped, and these variables.  One block. */
static char **make_environment(char *spec, char *level, char *log)
{
    size_t count = 0, kept = 0;
    char **environment;

    while (environ && environ[count])
        count++;
    environment = malloc((count + 4) * sizeof(*environment));
    if (!environment)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!is_dropped(environ[i]))
            environment[kept++] = environ[i];
    environment[kept++] = spec;
    environment[kept++] = level;
    environment[kept++] = log;
    environment[kept] = NULL;
    return environment;
}

/* SIG_DFL and an empty mask: what the program has set up is not for the host. */
static void reset_signals(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &usual, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A low limit that the program has set for itself would be one on lanes, a descriptor each over sockets. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_USUAL)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_USUAL ? limit.rlim_max : DESCRIPTORS_USUAL;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * stdin and stdout are the connection, stderr stays, error_fd becomes 3, all else is closed.  *error_fd is where to
 * report to, whatever happens: until it has moved, 0 to 3 may be the program's.
 */
static int arrange_descriptors(const struct start *start, int *error_fd)
{
    int fd = fcntl(start->fd, F_DUPFD_CLOEXEC, 4);
    int raised = fcntl(start->error_fd, F_DUPFD_CLOEXEC, 4);

    *error_fd = raised < 0 ? start->error_fd : raised;
    if (raised < 0 || fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup3(raised, 3, O_CLOEXEC) < 0)
        return -errno;
    *error_fd = 3;
    if (fcntl(2, F_GETFD) < 0 && open("/dev/null", O_WRONLY) < 0)
        return -errno;
    if (syscall(SYS_close_range, 4u, ~0u, 0u) < 0)
        for (int other = 4; other < 65536; other++)
            close(other);
    return 0;
}

/* In the host-to-be.  Ends the process when it fails. */
static void become_host(const void *context)
{
    const struct start *start = context;
    struct verdict verdict = {.pid = getpid()};
    int error_fd, error = arrange_descriptors(start, &error_fd);

    reset_signals();
    raise_limit();
    if (!error && chdir("/") < 0)
        error = -errno;
    if (!error && write(error_fd, &verdict, sizeof(verdict)) == (ssize_t)sizeof(verdict)) {
        execve(start->path, start->arguments, start->environment);
        error = -errno;
    }
    verdict.error = error;
    if (write(error_fd, &verdict, sizeof(verdict)) < 0)
        _exit(126);
    _exit(127);
}

/*
 * First who it is; then, when the pipe closes without another word, execve has worked.  A child that another thread
 * forks just now may hold the pipe open for long; the hello then finds out.
 */
static int read_verdict(int fd, pid_t *pid)
{
    uint64_t deadline_ns = clock_deadline_ns(VERDICT_TIMEOUT_MS);
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    struct verdict verdict = {.error = 0};

    while (!verdict.error && !clock_is_past(deadline_ns)) {
        if (poll(&poller, 1, clock_poll_ms(deadline_ns)) <= 0)
            continue;
        if (read(fd, &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict))
            return 0;
        *pid = verdict.pid;
    }
    return verdict.error;
}

static int run_with_pipes(struct start *start, pid_t *pid)
{
    int sockets[2], verdict[2];
    int error;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    if (pipe2(verdict, O_CLOEXEC) < 0) {
        error = -errno;
        close(sockets[0]);
        close(sockets[1]);
        return error;
    }
    start->fd = sockets[1];
    start->error_fd = verdict[1];
    error = unseen_start(become_host, start);
    close(sockets[1]);
    close(verdict[1]);
    if (!error)
        error = read_verdict(verdict[0], pid);
    close(verdict[0]);
    if (!error)
        return sockets[0];
    close(sockets[0]);
    return error;
}

int host_process_start(const char *command, const char *path, const struct spec_paths *specs, pid_t *pid)
{
    AUTO_TEXT struct text spec = {0}, line = {0}, level = {0}, log = {0};
    AUTO_FREE char **environment = NULL;
    struct start start;
    int fd;

    text_add(&spec, "WINAPI_SPEC=");
    for (size_t i = 0; i < specs->count; i++)
        text_format(&spec, "%s%s", i ? ":" : "", specs->paths[i]);
    text_format(&line, "exec %s", command ? command : "");
    text_format(&level, "WINAPI_LOG_LEVEL=%s", log_level_name());
    text_format(&log, "WINAPI_LOG_FILE=%s", log_file() ? log_file() : "");
    if (spec.failed || line.failed || level.failed || log.failed)
        return -ENOMEM;
    environment = make_environment(spec.data, level.data, log.data);
    if (!environment)
        return -ENOMEM;
    start = (struct start){.path = command ? "/bin/sh" : path, .environment = environment};
    start.arguments = command ? (char *[]){(char *)"sh", (char *)"-c", line.data, NULL}
                              : (char *[]){(char *)path, (char *)"--stdio", NULL};
    *pid = 0;
    fd = run_with_pipes(&start, pid);
    return fd < 0 ? fd : descriptor_raise(fd);
}
