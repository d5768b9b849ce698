/*
 * The library's own calls of functions that have a row: they are never the program's, so they go past the stub.
 *
 * What the loader has bound in this library leads to the first definition of a name, and that is the stub's.  Bound
 * anew to the native function, our own memcpy and poll need no flag that tells them from the program's, which a signal
 * handler that interrupts us could not be told by either.
 */
#ifndef WINAPI_PRELOAD_LOADER_OWN_CALLS_H
#define WINAPI_PRELOAD_LOADER_OWN_CALLS_H

/*
 * Binds anew what this library imports and a stub defines.  Before anything else is done, because all else calls libc;
 * any thread, again is no harm.  Calls that it makes itself must run native.
 */
void own_calls_bind(void);

#endif
