/*
 * The guest's state in this process, and the guard of what it does beside calls.
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
    struct spec_paths specs;  /* the active spec files, without the built-in table */
    uint64_t specs_hash;      /* of their contents, names the stub; 0: they cannot be read */
    struct compiled compiled; /* of these, before the catalog is taken from it */
    struct catalog catalog;
    struct binding *bindings; /* catalog.row_count of them, in the order of tables and rows */
    bool has_async;           /* some row's calls are not waited for */
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
 * Around what is long, seldom, and asks others for something: start, binding, connecting, opening lanes, lines in logs.
 * Meanwhile signals and cancellation of this thread wait, and calls that it makes to functions of the tables run
 * native: they come from libc, which we have called (its malloc may be the program's).  May be nested.  Not around a
 * wait for an answer, nor around what a call needs every time: there a signal handler's calls are remote, and our own
 * do not come to the stub (own_calls.h).
 */
void core_enter(void);
void core_leave(void);

#endif
