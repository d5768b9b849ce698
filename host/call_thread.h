/* Threads in which functions of libraries run. */
#ifndef WINAPI_HOST_CALL_THREAD_H
#define WINAPI_HOST_CALL_THREAD_H

#include "spec/base/error.h"

/*
 * Starts a detached thread.  Signals are for the session's first thread; only what a thread does to itself reaches it:
 * a fault, abort(), raise(SIGFPE).  A library's own handlers for these work.  What pthread_create() says.
 */
MUST_CHECK int call_thread_start(void *(*main)(void *), void *argument);

#endif
