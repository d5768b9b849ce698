/*
 * The signals are blocked, and the one that this write has raised is taken away again.  One that was pending before
 * is the program's own and stays.
 */
#include "spec/base/quiet_write.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int signal_of(int error)
{
    return error == EPIPE ? SIGPIPE : error == EFBIG ? SIGXFSZ : 0;
}

static void take_away(int number)
{
    sigset_t raised;

    sigemptyset(&raised);
    sigaddset(&raised, number);
    sigtimedwait(&raised, NULL, &(struct timespec){0});
}

ssize_t quiet_write(int fd, const void *data, size_t size)
{
    sigset_t both, before, pending;
    ssize_t written;
    int error, number;

    sigemptyset(&both);
    sigaddset(&both, SIGPIPE);
    sigaddset(&both, SIGXFSZ);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &both, &before);
    written = write(fd, data, size);
    error = errno;
    number = written < 0 ? signal_of(error) : 0;
    if (number && !sigismember(&pending, number))
        take_away(number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}
