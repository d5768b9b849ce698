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
 * Moves a descriptor to a high number, close-on-exec, and gives the new number; the old one is closed.  Where no high
 * number is free it stays where it is.  High means near 1024 and no more, even if the soft limit allows it: the kernel
 * copies the whole table at every fork.
 */
int descriptor_raise(int fd);

#endif
