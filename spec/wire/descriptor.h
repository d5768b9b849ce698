/*
 * Descriptors inside somebody else's program.
 *
 * The program may close every number it sees and open others under them.  So ours stand on high numbers, and whoever
 * keeps one for long remembers what it was: a number that leads somewhere else is no longer ours, neither to use nor
 * to close.
 */
#ifndef WINAPI_SPEC_WIRE_DESCRIPTOR_H
#define WINAPI_SPEC_WIRE_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

/* What a descriptor led to when it was marked.  A zeroed mark fits nothing. */
struct descriptor_mark {
    uint64_t device, inode;
    bool is_socket;
};

void descriptor_mark(struct descriptor_mark *mark, int fd);

/* Whether the number still leads there. */
bool descriptor_is_ours(const struct descriptor_mark *mark, int fd);

/* Closes the descriptor if it still is ours. */
void descriptor_close(const struct descriptor_mark *mark, int fd);

/* Whether the other end of a socket or pipe has hung up, or the number is not ours any more.  Does not wait. */
bool descriptor_is_gone(const struct descriptor_mark *mark, int fd);

/*
 * Moves a descriptor to the highest free number below 1024, close-on-exec, and gives the new number; the old one is
 * closed.  Where the process's limit is lower, the number is one beyond it, so that the program has all of its own:
 * a process of a moment makes it, which needs a hard limit above the soft one, or CAP_SYS_RESOURCE.  Where that cannot
 * be it is the highest within the limit, and without any free number the descriptor stays where it is.  Not higher
 * than 1024, even if the limit allows it: the kernel copies the whole table at every fork.  A negative fd is given
 * back.
 */
int descriptor_raise(int fd);

#endif
