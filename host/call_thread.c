/*
 * pthread_create with the right signals.  One real-time signal is ours: its handler does nothing, so that a system call
 * ends, and it is set up without SA_RESTART.
 */
#include "host/call_thread.h"

#include <pthread.h>
#include <signal.h>

/* Not the first ones and the last, which libraries like to take. */
static int interruption(void)
{
    return SIGRTMIN + 11;
}

static void do_nothing(int number)
{
    (void)number;
}

static void hold_signals(sigset_t *before)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t held;

    sigfillset(&held);
    for (size_t i = 0; i < COUNT_OF(own); i++)
        sigdelset(&held, own[i]);
    sigdelset(&held, interruption());
    pthread_sigmask(SIG_SETMASK, &held, before);
}

static void listen_to_interruptions(void)
{
    struct sigaction action = {.sa_handler = do_nothing};

    sigaction(interruption(), &action, NULL);
}

void call_thread_interrupt(pthread_t thread)
{
    pthread_kill(thread, interruption());
}

int call_thread_start(void *(*main)(void *), void *argument, pthread_t *thread)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_attr_t attributes;
    sigset_t before;
    int error = pthread_attr_init(&attributes);

    if (error)
        return -error;
    pthread_once(&once, listen_to_interruptions);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    hold_signals(&before);
    error = pthread_create(thread, &attributes, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}
