/*
 * The guest's state in this process, and the one guard that keeps our own libc calls from being caught.
 *
 * core_start() may be called from anywhere at any time: by our constructor, by a call from somebody's constructor
 * before ours, from preinit_array.  It reads settings and spec files, makes the bindings and finds the stubs.
 */
#ifndef WINAPI_PRELOAD_CORE_H
#define WINAPI_PRELOAD_CORE_H

#include "preload/binding.h"
#include "preload/settings.h"
#include "spec/table/catalog.h"
#include "spec/table/spec_path.h"

#include <stdbool.h>
#include <stdint.h>

struct core {
    struct settings settings;
    struct spec_paths specs; /* the active spec files, without the built-in table */
    uint64_t specs_hash;     /* of their contents; names the stub */
    struct catalog catalog;
    struct binding *bindings; /* catalog.row_count of them, in the order of tables and rows */
    bool is_usable;           /* tables were read */
};

/* Settings and the list of active spec files, without reading those; NULL while this very thread is inside of us. */
struct core *core_prepare(void);

/* Tables and bindings too; NULL as above. */
struct core *core_start(void);

/* The settings, also while this thread is inside; all zero before core_prepare(). */
const struct settings *core_settings(void);

/* The binding of an active function, or NULL. */
struct binding *core_find(struct core *core, const char *name);

/*
 * Our own use of libc: while a thread is inside, calls that it makes to functions of the tables run native.  Never
 * held over a wait for the host, so that a signal handler's calls are remote too.
 */
void core_enter(void);
void core_leave(void);

/*
 * The wait itself: then this thread's calls come from signal handlers, and are remote, or from what waiting uses of
 * libc (poll and the like), which runs native.  Gives what core_wait_end() takes.
 */
const void *core_wait_begin(void);
void core_wait_end(const void *before);
bool core_needs_native(const struct binding *binding);

/* The time, in ns, by our own call. */
uint64_t core_now_ns(void);

#endif
