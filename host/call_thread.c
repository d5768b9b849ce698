/* pthread_create with the right signals. */
#include "host/call_thread.h"

#include <pthread.h>
#include <signal.h>

static void hold_signals(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t held;

    sigfillset(&held);
    for (size_t i = 0; i < COUNT_OF(own); i++)
        sigdelset(&held, own[i]);
    pthread_sigmask(SIG_SETMASK, &held, before);
}

int call_thread_start(void *(*main)(void *), void *argument)
{
    pthread_attr_t attributes;
    sigset_t before;
    pthread_t thread;
    int error = pthread_attr_init(&attributes);

    if (error)
        return -error;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    hold_signals(&before);
    error = pthread_create(&thread, &attributes, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}
