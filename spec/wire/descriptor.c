/* Descriptors that keep out of the program's way: descriptor.h. */
#include "spec/wire/descriptor.h"

#include "spec/wire/system_call.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NUMBER_TOP = 1024, /* numbers stay below, even if the limit is in the millions */
    NUMBER_LOW = 3,
    HELPER_STACK = 16 << 10,
};

void descriptor_mark(struct descriptor_mark *mark, int fd)
{
    struct stat status;

    *mark = (struct descriptor_mark){0};
    if (fd < 0 || fstat(fd, &status) < 0)
        return;

    mark->device = status.st_dev;
    mark->inode = status.st_ino;
    mark->is_socket = S_ISSOCK(status.st_mode);
}

bool descriptor_is_ours(const struct descriptor_mark *mark, int fd)
{
    struct stat status;

    if (fd < 0 || mark->inode == 0 || fstat(fd, &status) < 0)
        return false;

    return status.st_dev == mark->device && status.st_ino == mark->inode;
}

void descriptor_close(const struct descriptor_mark *mark, int fd)
{
    if (descriptor_is_ours(mark, fd))
        close(fd);
}

bool descriptor_is_gone(const struct descriptor_mark *mark, int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLRDHUP};

    if (!descriptor_is_ours(mark, fd))
        return true;
    if (system_poll(&poller, 0) <= 0)
        return false;

    return (poller.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) != 0;
}

/* ---- out of the way ---- */

/* A process that shares our memory and descriptors, but not our limits: a limit counts only where a number is made. */
struct helper {
    int fd;
    rlim_t from, to; /* the numbers to try */
    int raised;
};

/* In the helper, on a stack of its own, while the thread that made it waits: no sanitizer knows of it. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static int duplicate_beyond(void *context)
{
    struct helper *helper = context;
    struct rlimit limit;

    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return 0;
    if (limit.rlim_max < helper->to)
        limit.rlim_max = helper->to; /* who may raise it, may */
    limit.rlim_cur = helper->to;
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL) < 0)
        return 0;
    for (rlim_t number = helper->to - 1; helper->raised < 0 && number >= helper->from; number--)
        helper->raised = (int)syscall(SYS_fcntl, helper->fd, F_DUPFD_CLOEXEC, (int)number);
    return 0;
}

/* A number from `from` up, below `to`, whatever the limit.  -1: this process may not. */
static int raise_beyond(int fd, rlim_t from, rlim_t to)
{
    struct helper helper = {.fd = fd, .from = from, .to = to, .raised = -1};
    char *stack = mmap(NULL, HELPER_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigset_t all, before;
    pid_t pid;

    if (stack == MAP_FAILED)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid = clone(duplicate_beyond, stack + HELPER_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_UNTRACED, &helper);
    if (pid > 0)
        waitpid(pid, NULL, __WCLONE);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, HELPER_STACK);
    return helper.raised;
}

/* The highest free number below `top` and above its own, or -1. */
static int raise_within(int fd, rlim_t top)
{
    int raised = -1;

    for (int number = (int)top - 1; raised < 0 && number > fd && number >= NUMBER_LOW; number--)
        if (fcntl(number, F_GETFD) < 0)
            raised = fcntl(fd, F_DUPFD_CLOEXEC, number);
    return raised;
}

int descriptor_raise(int fd)
{
    struct rlimit limit = {.rlim_cur = NUMBER_TOP, .rlim_max = NUMBER_TOP};
    rlim_t beyond;
    int raised = -1;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (fd < 0)
        return fd;
    beyond = limit.rlim_cur < NUMBER_LOW ? NUMBER_LOW : limit.rlim_cur;
    if (limit.rlim_cur < NUMBER_TOP)
        raised = raise_beyond(fd, beyond, NUMBER_TOP);
    if (raised < 0 && limit.rlim_cur < limit.rlim_max && limit.rlim_max < NUMBER_TOP)
        raised = raise_beyond(fd, beyond, limit.rlim_max);
    if (raised < 0)
        raised = raise_within(fd, limit.rlim_cur < NUMBER_TOP ? limit.rlim_cur : NUMBER_TOP);
    if (raised < 0)
        return fd;
    close(fd);
    return raised;
}
