/* Native handles and the host's that belong together, by type, while compare runs both sides. */
#ifndef WINAPI_PRELOAD_COMPARE_COMPARE_PAIRS_H
#define WINAPI_PRELOAD_COMPARE_COMPARE_PAIRS_H

#include "spec/call/handle.h"

#include <stddef.h>

/* export gives the host's handle for a native one (-EBADF: it has none); pair remembers two.  Any thread. */
extern const struct handle_door compare_pairs;

/* The native handle was closed. */
void compare_pairs_forget(const char *class, const void *native);

#endif
