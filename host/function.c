/* Rows under numbers.  A function is made ready by the first thread that wants it, under one lock. */
#include "host/function.h"

#include "host/native_library.h"
#include "spec/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int host_functions_init(struct host_functions *functions, const struct catalog *catalog)
{
    uint32_t id = 0;

    memset(functions, 0, sizeof(*functions));
    functions->catalog = catalog;
    functions->list = calloc(catalog->row_count + 1, sizeof(*functions->list));
    if (!functions->list)
        return -ENOMEM;
    functions->count = catalog->row_count;
    for (size_t i = 0; i < catalog->table_count; i++)
        for (size_t j = 0; j < catalog->tables[i]->row_count; j++, id++)
            functions->list[id] = (struct host_function){.row = &catalog->tables[i]->rows[j], .id = id};
    return -pthread_mutex_init(&functions->lock, NULL);
}

void host_functions_finish(struct host_functions *functions)
{
    for (size_t i = 0; i < functions->count; i++)
        plan_destroy(functions->list[i].plan);
    free(functions->list);
    pthread_mutex_destroy(&functions->lock);
}

struct host_function *host_functions_find(const struct host_functions *functions, uint32_t id)
{
    return id < functions->count ? &functions->list[id] : NULL;
}

struct host_function *host_functions_named(const struct host_functions *functions, const char *name)
{
    const struct row *row = catalog_find(functions->catalog, name);

    return row ? &functions->list[host_functions_first(functions, row->table) + row->index] : NULL;
}

uint32_t host_functions_first(const struct host_functions *functions, const struct table *table)
{
    size_t first = 0;

    for (size_t i = 0; functions->catalog->tables[i] != table; i++)
        first += functions->catalog->tables[i]->row_count;
    return (uint32_t)first;
}

static int prepare_locked(struct host_function *function)
{
    const struct row *row = function->row;
    const char *library = row->library ? row->library : row->table->library;
    char why[512];
    int error;

    if (!library) {
        log_warn("%s: %s: cannot be called: neither its row nor its table names a library", row->table->name,
                 row->name);
        return -ENOENT;
    }
    error = native_library_symbol(library, row->symbol, &function->address, why, sizeof(why));
    if (error) {
        log_warn("%s: %s: cannot be called: library %s: %s", row->table->name, row->name, library, why);
        return error;
    }
    error = plan_create(&function->plan, row);
    if (error)
        log_warn("%s: %s: cannot be called: no plan for it: %s", row->table->name, row->name, strerror(-error));
    return error;
}

int host_function_prepare(struct host_functions *functions, struct host_function *function)
{
    /* Counterpart: the release below. */
    int readiness = atomic_load_explicit(&function->readiness, memory_order_acquire);

    if (readiness == 0) {
        pthread_mutex_lock(&functions->lock);
        readiness = atomic_load_explicit(&function->readiness, memory_order_relaxed);
        if (readiness == 0) {
            readiness = prepare_locked(function);
            readiness = readiness ? readiness : 1;
            atomic_store_explicit(&function->readiness, readiness, memory_order_release);
        }
        pthread_mutex_unlock(&functions->lock);
    }
    return readiness > 0 ? 0 : readiness;
}
