/*
 * A lock that a signal handler of the same thread cannot run into: signals wait while it is held.
 * Those by which a thread hears of what itself does do not: the kernel would kill it.
 *
 * For what happens seldom (connecting, opening lanes, allocating buffers): each use is two system calls.
 */
#ifndef WINAPI_SPEC_BASE_QUIET_LOCK_H
#define WINAPI_SPEC_BASE_QUIET_LOCK_H

#include "spec/base/error.h"

#include <pthread.h>
#include <signal.h>

/* The same without a lock.  May be nested, each with a `before` of its own. */
static inline void quiet_begin(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigset_t held;

    sigfillset(&held);
    for (size_t i = 0; i < COUNT_OF(own); i++)
        sigdelset(&held, own[i]);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

static inline void quiet_end(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

static inline void quiet_lock(pthread_mutex_t *lock, sigset_t *before)
{
    quiet_begin(before);
    pthread_mutex_lock(lock);
}

static inline void quiet_unlock(pthread_mutex_t *lock, const sigset_t *before)
{
    pthread_mutex_unlock(lock);
    quiet_end(before);
}

#endif
