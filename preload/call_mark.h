/*
 * Marks of calls under way: how a later call of the thread finds out that one was left by longjmp.
 *
 * A call has a mark on the stack that it runs on.  While the call is under way, waiting under a signal handler or on
 * the stack of a coroutine that is switched away, nobody writes there.  Once it has been left, that part of the stack
 * is used for something else: the mark is overwritten, or lies inside of the call that asks.  Addresses of different
 * stacks need not be compared for that, and a call is never taken for left that is not.  One that was left and has its
 * mark still is found out later.
 */
#ifndef WINAPI_PRELOAD_CALL_MARK_H
#define WINAPI_PRELOAD_CALL_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct call_mark {
    volatile uintptr_t seal;
};

void call_mark_set(struct call_mark *mark);
void call_mark_clear(struct call_mark *mark);

/* `own` is the mark of the call that asks, in this thread.  The stack of the other may be unmapped by now. */
bool call_mark_is_left(const struct call_mark *mark, const struct call_mark *own);

#endif
