/*
 * Native functions whose library the program has closed.
 *
 * A record in native mode, and a binding, know the native function's address.  After dlclose it leads nowhere, and the
 * library can be opened again elsewhere: then it must be looked for once more.
 */
#ifndef WINAPI_PRELOAD_LOADER_UNLOADED_H
#define WINAPI_PRELOAD_LOADER_UNLOADED_H

/* Forgets every native function that is no longer loaded.  No allocation; any thread.  Cheap when nothing was unloaded
 * since the last time. */
void unloaded_forget(void);

#endif
