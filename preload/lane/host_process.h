/*
 * A host started on demand, which the program never sees.
 *
 * No child of the program's: an intermediate made without an exit signal starts it and ends, so there is no SIGCHLD
 * and nothing for the program's wait() to find.  The host is in a session of its own, has none of the program's
 * descriptors but stderr, no LD_PRELOAD, default signals, and ends when its connection does.
 */
#ifndef WINAPI_PRELOAD_LANE_HOST_PROCESS_H
#define WINAPI_PRELOAD_LANE_HOST_PROCESS_H

#include "spec/base/error.h"
#include "spec/table/spec_path.h"

#include <sys/types.h>

/*
 * Runs `command` by the shell, or when it is NULL the program at `path` with --stdio, with a connected stream socket
 * as its stdin and stdout; gives our end of that.  The spec files' paths go with it in WINAPI_SPEC.
 * *pid is that process, which leads a session and a group of its own; 0 when it has not said so.
 * Errors: what socketpair, clone and execve say; -ENOMEM.
 */
MUST_CHECK int host_process_start(const char *command, const char *path, const struct spec_paths *specs, pid_t *pid);

#endif
