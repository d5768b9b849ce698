/*
 * The active spec files together: one name, one function.
 *
 * A guest and a host each have one catalog.  Nothing changes after it was read.
 */
#ifndef WINAPI_SPEC_TABLE_CATALOG_H
#define WINAPI_SPEC_TABLE_CATALOG_H

#include "spec/base/error.h"
#include "spec/table/compiled.h"
#include "spec/table/table.h"

struct spec_paths;

struct catalog {
    struct table **tables;
    size_t table_count;
    size_t row_count;           /* in all tables */
    const struct row **by_name; /* all rows, sorted by name */
    struct compiled compiled;   /* where all of the above lies that was not read from text; then nothing is added */
};

/* A zeroed catalog is empty and ready. */
void catalog_finish(struct catalog *catalog);

/* Takes the table over, also when it fails.  -EEXIST, with a diagnostic: a table or a function of that name is there
 * already. */
MUST_CHECK int catalog_add(struct catalog *catalog, struct table *table, struct diagnostics *diagnostics);

/* Reads the file and adds it. */
MUST_CHECK int catalog_read(struct catalog *catalog, const char *path, struct diagnostics *diagnostics);

/* The same for one of the paths, from its text where that was read. */
MUST_CHECK int catalog_read_path(struct catalog *catalog, const struct spec_paths *paths, size_t index,
                                 struct diagnostics *diagnostics);

/* NULL when no table has it. */
const struct row *catalog_find(const struct catalog *catalog, const char *function);
const struct table *catalog_table(const struct catalog *catalog, const char *name);

#endif
