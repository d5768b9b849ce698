/* Threads in which functions of libraries run. */
#ifndef WINAPI_HOST_CALL_THREAD_H
#define WINAPI_HOST_CALL_THREAD_H

#include "spec/base/error.h"

#include <pthread.h>

/*
 * Starts a detached thread.  Signals are for the session's first thread; only what a thread does to itself reaches it:
 * a fault, abort(), raise(SIGFPE).  A library's own handlers for these work.  What pthread_create() says.
 */
MUST_CHECK int call_thread_start(void *(*main)(void *), void *argument, pthread_t *thread);

/* Has the system call that the thread is in end with EINTR.  The thread must not have ended. */
void call_thread_interrupt(pthread_t thread);

#endif
