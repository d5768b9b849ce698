/* Several tables as one list of functions, sorted by name: what is called is looked up by bisection. */
#include "spec/table/catalog.h"

#include "spec/table/spec_path.h"
#include "spec/table/table_parts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void catalog_finish(struct catalog *catalog)
{
    if (catalog->compiled.base) {
        compiled_unmap(&catalog->compiled);
        *catalog = (struct catalog){0};
        return;
    }
    for (size_t i = 0; i < catalog->table_count; i++)
        table_destroy(catalog->tables[i]);
    free(catalog->tables);
    free(catalog->by_name);
    *catalog = (struct catalog){0};
}

const struct row *catalog_find(const struct catalog *catalog, const char *function)
{
    return rows_find(catalog->by_name, catalog->row_count, function);
}

const struct table *catalog_table(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->table_count; i++) {
        if (strcmp(catalog->tables[i]->name, name) == 0)
            return catalog->tables[i];
    }
    return NULL;
}

/* Which of two rows would be called could only be guessed. */
static int check_doubles(const struct catalog *catalog, const struct table *table, struct diagnostics *diagnostics)
{
    const struct table *same = catalog_table(catalog, table->name);
    int status = 0;

    if (same) {
        diagnostics_add(diagnostics,
                        "%s: table %s: a table of this name is active already, from %s; activate one of "
                        "the two, or rename one",
                        table->path, table->name, same->path);
        return -EEXIST;
    }
    for (size_t i = 0; i < table->row_count; i++) {
        const struct row *other = catalog_find(catalog, table->rows[i].name);

        if (!other)
            continue;
        diagnostics_add(diagnostics,
                        "%s: table %s: function %s: the active table %s has this function too, in %s; "
                        "remove one of the rows",
                        table->path, table->name, other->name, other->table->name, other->table->path);
        status = -EEXIST;
    }
    return status;
}

static int make_room(struct catalog *catalog, size_t rows)
{
    struct table **tables = reallocarray(catalog->tables, catalog->table_count + 1, sizeof(*tables));
    const struct row **by_name;

    if (!tables)
        return -ENOMEM;
    catalog->tables = tables;
    by_name = reallocarray(catalog->by_name, catalog->row_count + rows + 1, sizeof(*by_name));
    if (!by_name)
        return -ENOMEM;
    catalog->by_name = by_name;
    return 0;
}

/* Merges the table's rows into the sorted ones, from the end: there is room behind them. */
static void merge_names(struct catalog *catalog, const struct table *table)
{
    const struct row **to = catalog->by_name + catalog->row_count + table->row_count;
    size_t old = catalog->row_count, new = table->row_count;

    while (new > 0) {
        bool is_old = old > 0 && strcmp(catalog->by_name[old - 1]->name, table->by_name[new - 1]->name) > 0;

        *--to = is_old ? catalog->by_name[--old] : table->by_name[--new];
    }
}

static void append(struct catalog *catalog, struct table *table)
{
    merge_names(catalog, table);
    catalog->tables[catalog->table_count++] = table;
    catalog->row_count += table->row_count;
}

int catalog_add(struct catalog *catalog, struct table *table, struct diagnostics *diagnostics)
{
    int status = check_doubles(catalog, table, diagnostics);

    if (status == 0)
        status = make_room(catalog, table->row_count);
    if (status < 0) {
        table_destroy(table);
        return status;
    }
    append(catalog, table);
    return 0;
}

int catalog_read(struct catalog *catalog, const char *path, struct diagnostics *diagnostics)
{
    struct table *table;
    int status = table_read(&table, path, diagnostics);

    return status < 0 ? status : catalog_add(catalog, table, diagnostics);
}

int catalog_read_path(struct catalog *catalog, const struct spec_paths *paths, size_t index,
                      struct diagnostics *diagnostics)
{
    const struct spec_text *text = paths->texts ? &paths->texts[index] : NULL;
    struct table *table;
    int error;

    if (!text)
        return catalog_read(catalog, paths->paths[index], diagnostics);
    error = table_parse(&table, text->data, text->size, paths->paths[index], diagnostics);
    return error ? error : catalog_add(catalog, table, diagnostics);
}
