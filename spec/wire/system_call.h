/*
 * System calls of a call's way, made without libc's functions of these names: those are cancellation points, at which
 * a cancelled thread would end in the middle of a call and leave half a message behind.
 *
 * ThreadSanitizer learns from just these functions what one thread has from another, so there they are used, with
 * cancellation disabled.
 */
#ifndef WINAPI_SPEC_WIRE_SYSTEM_CALL_H
#define WINAPI_SPEC_WIRE_SYSTEM_CALL_H

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_THREAD__
#include <pthread.h>

#define SYSTEM_CALL(type, by_libc, directly)                 \
    int before;                                              \
    type result;                                             \
                                                             \
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before); \
    result = by_libc;                                        \
    pthread_setcancelstate(before, NULL);                    \
    return result
#else
#define SYSTEM_CALL(type, by_libc, directly) return (type)directly
#endif

/* poll(2) for one descriptor. */
static inline int system_poll(struct pollfd *poller, int timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    const struct timespec *until = timeout_ms < 0 ? NULL : &timeout;

    SYSTEM_CALL(int, ppoll(poller, 1, until, NULL), syscall(SYS_ppoll, poller, 1, until, NULL, sizeof(long)));
}

/* send(2): the kernel has less to look at than for one part with sendmsg(2) */
static inline ssize_t system_send_bytes(int fd, const void *data, size_t size, int flags)
{
    SYSTEM_CALL(ssize_t, send(fd, data, size, flags), syscall(SYS_sendto, fd, data, size, flags, NULL, 0));
}

/* recv(2) */
static inline ssize_t system_receive(int fd, void *data, size_t most, int flags)
{
    SYSTEM_CALL(ssize_t, recv(fd, data, most, flags), syscall(SYS_recvfrom, fd, data, most, flags, NULL, NULL));
}

/* sendmsg(2) */
static inline ssize_t system_send(int fd, const struct msghdr *message, int flags)
{
    SYSTEM_CALL(ssize_t, sendmsg(fd, message, flags), syscall(SYS_sendmsg, fd, message, flags));
}

/* nanosleep(2); a signal ends it */
static inline void system_nap(long length_ns)
{
    const struct timespec length = {.tv_nsec = length_ns};

    (void)syscall(SYS_nanosleep, &length, NULL);
}

/* fallocate(2) */
static inline int system_allocate(int fd, int mode, off_t offset, off_t size)
{
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

#undef SYSTEM_CALL

#endif
