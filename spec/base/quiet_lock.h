/*
 * A lock that a signal handler of the same thread cannot run into: all signals wait while it is held.
 *
 * For what happens seldom (connecting, opening lanes, allocating buffers): each use is two system calls.
 */
#ifndef WINAPI_SPEC_BASE_QUIET_LOCK_H
#define WINAPI_SPEC_BASE_QUIET_LOCK_H

#include <pthread.h>
#include <signal.h>

static inline void quiet_lock(pthread_mutex_t *lock, sigset_t *before)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
    pthread_mutex_lock(lock);
}

static inline void quiet_unlock(pthread_mutex_t *lock, const sigset_t *before)
{
    pthread_mutex_unlock(lock);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

#endif
