/*
 * Compare mode: each call runs at the host and here, and what came back is held side by side.
 *
 * The program gets the native result.  The host works on copies of the inputs, made before the native function runs.
 * Native handles stand for the host's: pairs are kept by type.  Only rows marked "compare": "safe" run twice; what
 * cannot be doubled runs native and is counted as not compared.
 */
#ifndef WINAPI_PRELOAD_COMPARE_COMPARE_H
#define WINAPI_PRELOAD_COMPARE_COMPARE_H

#include "preload/core.h"

/* One call; gives "same", "differs" or "not compared" for the trace. */
const char *compare_call(struct core *core, struct binding *binding, void *result, void **arguments);

/* The report at exit. */
void compare_finish(void);

#endif
