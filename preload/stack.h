/*
 * Whether code that was at work on this thread's stack has been left for good, by a longjmp out of a signal handler.
 *
 * The stack grows downwards: whoever calls us from where that code stood, or from above, has left it.  A call from
 * further down may still be made on its behalf, or by a handler that interrupted it.
 */
#ifndef WINAPI_PRELOAD_STACK_H
#define WINAPI_PRELOAD_STACK_H

#include <signal.h>
#include <stdbool.h>

/* What is above or below there says nothing about the stack that was interrupted. */
static inline bool stack_is_signals_own(void)
{
    stack_t stack;

    return sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

/* `frame`: where that code stood, from __builtin_frame_address(0).  Inlined, because it compares its caller's. */
__attribute__((always_inline)) static inline bool stack_was_left(const void *frame)
{
    return (const char *)__builtin_frame_address(0) >= (const char *)frame && !stack_is_signals_own();
}

#endif
