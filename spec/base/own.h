/*
 * Owners that end with their scope.
 *
 *     AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     ...
 *     return take_fd(&fd);          // the caller owns it now
 *
 * A thread that is cancelled skips these, because nothing here is built with -fexceptions: code that runs inside
 * somebody else's program disables cancellation instead (preload/hook.c).
 */
#ifndef WINAPI_SPEC_BASE_OWN_H
#define WINAPI_SPEC_BASE_OWN_H

#include <stdlib.h>
#include <unistd.h>

static inline void own_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void own_free(void *pointer)
{
    free(*(void **)pointer);
}

/* Gives the descriptor away: the variable holds -1 afterwards. */
static inline int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/* Gives the memory away: the variable holds NULL afterwards. */
#define take_pointer(pointer)           \
    ({                                  \
        __auto_type taken = *(pointer); \
        *(pointer) = NULL;              \
        taken;                          \
    })

#define AUTO_CLOSE __attribute__((cleanup(own_close)))
#define AUTO_FREE  __attribute__((cleanup(own_free)))

#endif
