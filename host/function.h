/*
 * What this host can call: every row of its catalog under a number, with its plan and its address once asked for.
 *
 * The numbers run through the tables in the catalog's order; the welcome tells them to guests.  Only what is listed
 * here can be called.
 */
#ifndef WINAPI_HOST_FUNCTION_H
#define WINAPI_HOST_FUNCTION_H

#include "spec/base/error.h"
#include "spec/call/plan.h"
#include "spec/table/catalog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_function {
    const struct row *row;
    uint32_t id;
    _Atomic int readiness; /* 1: plan and address are there; a negative errno: they cannot be had; 0: not tried yet */
    struct plan *plan;
    void (*address)(void);
    _Atomic bool has_complained; /* a refused call was logged */
};

struct host_functions {
    const struct catalog *catalog;
    struct host_function *list; /* by id */
    size_t count;
    pthread_mutex_t lock; /* held while one is made ready */
};

/* The catalog must outlive the functions. */
MUST_CHECK int host_functions_init(struct host_functions *functions, const struct catalog *catalog);
void host_functions_finish(struct host_functions *functions);

/* NULL: no such function. */
struct host_function *host_functions_find(const struct host_functions *functions, uint32_t id);
struct host_function *host_functions_named(const struct host_functions *functions, const char *name);

/* The id of a table's first row. */
uint32_t host_functions_first(const struct host_functions *functions, const struct table *table);

/*
 * Loads the library and makes the plan, once; later calls give the same answer.  The reason of a failure is logged the
 * first time.  Any thread.  What native_library_symbol() and plan_create() say.
 */
MUST_CHECK int host_function_prepare(struct host_functions *functions, struct host_function *function);

#endif
