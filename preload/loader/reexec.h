/*
 * Running the program once more, with its stub in front.
 *
 * A stub must be loaded before the program's own libraries are bound, so a constructor that finds it missing starts the
 * program again: same process, arguments, descriptors and environment, but for LD_PRELOAD and a guard variable that
 * keeps this from going on for ever where the loader skips the stub.
 */
#ifndef WINAPI_PRELOAD_LOADER_REEXEC_H
#define WINAPI_PRELOAD_LOADER_REEXEC_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether the loader ignores LD_PRELOAD for this program (setuid and the like), so that this is no use. */
bool reexec_is_secure(void);

/* Whether this process was started again, for whatever stub; until reexec_was_done() has removed the guard. */
bool reexec_is_second(void);

/*
 * Whether this process was started again for the stub of this hash.  Removes the guard variable from the environment,
 * whoever set it, and gives the process its first name back.  For the constructor: nothing else may use environ.
 */
bool reexec_was_done(uint64_t hash);

/* Returns only if it failed: what reading /proc/self/cmdline and execve say, -ENOMEM.  The program can go on then. */
MUST_CHECK int reexec_with_stub(const char *stub_path, uint64_t hash);

#endif
