/* Descriptors that keep out of the program's way: descriptor.h. */
#include "spec/wire/descriptor.h"

#include "spec/wire/system_call.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NUMBER_HIGH = 1024, /* numbers stay below, even if the limit is in the millions */
    NUMBER_LOW = 3,
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

int descriptor_raise(int fd)
{
    struct rlimit limit = {.rlim_cur = NUMBER_HIGH};
    int top = NUMBER_HIGH;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < NUMBER_HIGH)
        top = (int)limit.rlim_cur;

    for (int below = 32; top - below >= NUMBER_LOW; below *= 2) {
        int raised = fcntl(fd, F_DUPFD_CLOEXEC, top - below);

        if (raised < 0)
            continue;
        close(fd);
        return raised;
    }
    return fd;
}
