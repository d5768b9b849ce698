/* Another process's control memory: found through /proc, opened, looked at, written to. */
#ifndef WINAPI_PRELOAD_COMMAND_GUEST_CONTROL_H
#define WINAPI_PRELOAD_COMMAND_GUEST_CONTROL_H

#include "preload/control/call_counts.h"
#include "preload/control/control_view.h"
#include "spec/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { GUEST_CONTROL_WHY_MOST = 512 };

struct guest_control {
    long pid;
    int fd;
    uint64_t size; /* of the memory: sealed, so it stays what it is */
    void *index;   /* the copy that the view points into */
    struct control_view view;
    char why[GUEST_CONTROL_WHY_MOST]; /* after an error: what is wrong, and what to do */
};

/* A process's number; false: the text is none. */
bool guest_control_parse_pid(const char *text, long *pid);

/* Finds and opens it, and takes a first look.  Errors leave `why`, and nothing to be closed. */
MUST_CHECK int guest_control_open(struct guest_control *control, long pid);
void guest_control_close(struct guest_control *control);

/* Copies it anew.  Errors leave `why`, and no view. */
MUST_CHECK int guest_control_look(struct guest_control *control);

/* Waits for other commands that change the same process, five seconds at most; until the end of this one. */
MUST_CHECK int guest_control_lock(struct guest_control *control);

/* What a function's calls have come to, by all threads.  Errors of pread. */
MUST_CHECK int guest_control_counts(const struct guest_control *control, size_t function,
                                    struct control_counts *counts);

/*
 * Writes wishes, one for each function (CONTROL_NO_WISH, or enum mode plus one; those of a family alike), and raises
 * the epoch.  Then waits a moment for the program to see to them; *seen says if it has.
 */
MUST_CHECK int guest_control_wish(struct guest_control *control, const uint8_t *wishes, bool *seen);

/* Prints text of the other program's: nothing in it can steer the terminal. */
void guest_control_print(const char *text);

#endif
