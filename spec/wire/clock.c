/* Monotonic time: the vdso answers, so asking costs no system call. */
#include "spec/wire/clock.h"

#include <limits.h>
#include <time.h>

enum { NS_PER_MS = 1000000 };

uint64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_deadline_ns(uint64_t timeout_ms)
{
    uint64_t now;

    if (timeout_ms == 0)
        return 0;
    now = clock_now_ns();
    if (timeout_ms > (UINT64_MAX - now) / NS_PER_MS)
        return UINT64_MAX;

    return now + timeout_ms * NS_PER_MS;
}

bool clock_is_past(uint64_t deadline_ns)
{
    return deadline_ns != 0 && clock_now_ns() >= deadline_ns;
}

int clock_poll_ms(uint64_t deadline_ns)
{
    uint64_t now = clock_now_ns();
    uint64_t left_ns = deadline_ns > now ? deadline_ns - now : 0;

    if (deadline_ns == 0)
        return -1;
    if (left_ns / NS_PER_MS >= INT_MAX)
        return INT_MAX;

    return (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
}
