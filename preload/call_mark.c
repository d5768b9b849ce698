/* A mark's seal is made of its address, so that a copy elsewhere, or a neighbour, is none. */
#include "preload/call_mark.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NO_SUCH_HOW = -1 };

static uintptr_t seal_of(const struct call_mark *mark)
{
    return (uintptr_t)mark ^ (uintptr_t)UINT64_C(0x9e3779b97f4a7c15);
}

void call_mark_set(struct call_mark *mark)
{
    mark->seal = seal_of(mark);
}

void call_mark_clear(struct call_mark *mark)
{
    mark->seal = 0;
}

/* rt_sigprocmask reads the set before it refuses what it is to do with it. */
static bool is_readable(const struct call_mark *mark)
{
    int kept_errno = errno;
    bool is_readable = syscall(SYS_rt_sigprocmask, NO_SUCH_HOW, mark, NULL, sizeof(uint64_t)) == 0 || errno != EFAULT;

    errno = kept_errno;
    return is_readable;
}

/* What is looked at may be part of anybody's frame by now. */
__attribute__((no_sanitize("address", "thread", "undefined"), noinline)) bool call_mark_is_left(
    const struct call_mark *mark, const struct call_mark *own)
{
    uintptr_t at = (uintptr_t)mark;

    if (at >= (uintptr_t)__builtin_frame_address(0) && at <= (uintptr_t)own)
        return true;
    return !is_readable(mark) || mark->seal != seal_of(mark);
}
