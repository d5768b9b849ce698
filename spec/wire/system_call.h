/*
 * System calls of a call's way, made without libc's functions of these names: those are cancellation points, at which
 * a cancelled thread would end in the middle of a call and leave half a message behind.
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

/* poll(2) for one descriptor. */
static inline int system_poll(struct pollfd *poller, int timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};

    return (int)syscall(SYS_ppoll, poller, 1, timeout_ms < 0 ? NULL : &timeout, NULL, sizeof(long));
}

/* recv(2) */
static inline ssize_t system_receive(int fd, void *data, size_t most, int flags)
{
    return syscall(SYS_recvfrom, fd, data, most, flags, NULL, NULL);
}

/* sendmsg(2) */
static inline ssize_t system_send(int fd, const struct msghdr *message, int flags)
{
    return syscall(SYS_sendmsg, fd, message, flags);
}

/* fallocate(2) */
static inline int system_allocate(int fd, int mode, off_t offset, off_t size)
{
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

#endif
