/*
 * A spec file into a table.
 *
 * Everything is taken from one scratch that belongs to the table, so that a table is destroyed in one step, and a
 * half-read one as well.
 */
#include "spec/table/table.h"

#include "spec/base/file.h"
#include "spec/base/hash.h"
#include "spec/base/own.h"
#include "spec/table/names.h"
#include "spec/table/table_parts.h"
#include "spec/table/type_names.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* What stands behind a struct table. */
struct table_storage {
    struct table table; /* first, so that one pointer is both */
    struct scratch memory;
};

void table_destroy(struct table *table)
{
    struct table_storage *storage = (struct table_storage *)table;

    if (!storage)
        return;
    scratch_finish(&storage->memory);
    free(storage);
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *const *a = left;
    const struct row *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

const struct row *rows_find(const struct row *const *by_name, size_t count, const char *function)
{
    const struct row wanted = {.name = function};
    const struct row *key = &wanted;
    const struct row *const *found = count ? bsearch(&key, by_name, count, sizeof(*by_name), compare_rows) : NULL;

    return found ? *found : NULL;
}

const struct row *table_find(const struct table *table, const char *function)
{
    return rows_find(table->by_name, table->row_count, function);
}

static bool is_table_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return *name && !name[strspn(name, letters)];
}

static int read_name(struct reading *reading, const cJSON *json, struct table *table)
{
    const char *name = cJSON_GetStringValue(json);

    if (!json)
        return reading_fault(reading, "\"table\" is missing: the name of the table");
    (void)reading_item(reading, json);
    if (!name || !is_table_name(name))
        return reading_fault(reading, "\"table\" must be a name of letters, digits, - and _");
    table->name = reading_copy(reading, name, strlen(name));
    reading->table = table->name;
    return table->name ? 0 : -ENOMEM;
}

static int read_version(struct reading *reading, const cJSON *json, struct table *table)
{
    int64_t version;

    (void)reading_item(reading, json);
    if (!reading_is_integer(json, &version) || version <= 0 || version > INT_MAX)
        return reading_fault(reading, "\"version\" must be a whole number from 1 on");
    table->version = (unsigned)version;
    return 0;
}

static int check_keys(struct reading *reading, const cJSON *json)
{
    static const char *const keys[] = {"$schema",    "comment",    "table",     "version", "library",
                                       "types",      "constants",  "functions", "lost",    "compare",
                                       "idempotent", "timeout_ms", "errno",     "failure"};
    const cJSON *item;

    cJSON_ArrayForEach(item, json)
    {
        size_t i = 0;

        while (i < COUNT_OF(keys) && strcmp(item->string, keys[i]) != 0)
            i++;
        reading_key(reading, item);
        if (i == COUNT_OF(keys))
            return reading_fault(reading, "unknown key \"%.100s\"; docs/spec-files.md lists those of a table",
                                 item->string);
    }
    return 0;
}

static int add_function(struct reading *reading, struct names *functions, const struct row *row)
{
    int status = names_add(functions, row->name, row->index);

    if (status == -EEXIST)
        return reading_fault(reading, "the function is there twice");
    return status;
}

static void read_row(struct reading *reading, struct table *table, struct names *functions, const cJSON *json,
                     const struct row_defaults *defaults)
{
    struct row *row = &table->rows[table->row_count];
    int status;

    *row = (struct row){.table = table, .index = table->row_count};
    reading_owner(reading, NULL, NULL, NULL);
    status = row_read(reading, json, defaults, row);
    if (row->name) {
        int known = add_function(reading, functions, row);

        status = known < 0 ? known : status;
    }
    if (status == -ENOMEM)
        reading->out_of_memory = true;
    table->row_count++;
}

static void read_functions(struct reading *reading, struct table *table, const cJSON *functions,
                           const struct row_defaults *defaults)
{
    AUTO_NAMES struct names names = {0};
    const cJSON *item;

    (void)reading_item(reading, functions);
    if (!cJSON_IsArray(functions)) {
        reading_fault(reading, "\"functions\" is missing: a list of rows, [{\"prototype\": \"int f(int a)\"}, ...]");
        return;
    }
    table->rows = reading_take(reading, (size_t)cJSON_GetArraySize(functions), sizeof(struct row));
    cJSON_ArrayForEach(item, functions)
    {
        if (reading->out_of_memory)
            break;
        read_row(reading, table, &names, item, defaults);
    }
    reading_owner(reading, NULL, NULL, NULL);
}

static void read_table(struct reading *reading, struct table *table, const cJSON *json)
{
    const struct row_defaults defaults = {
        .lost = cJSON_GetObjectItemCaseSensitive(json, "lost"),
        .compare = cJSON_GetObjectItemCaseSensitive(json, "compare"),
        .idempotent = cJSON_GetObjectItemCaseSensitive(json, "idempotent"),
        .timeout_ms = cJSON_GetObjectItemCaseSensitive(json, "timeout_ms"),
        .error_number = cJSON_GetObjectItemCaseSensitive(json, "errno"),
        .failure = cJSON_GetObjectItemCaseSensitive(json, "failure"),
    };
    int status = read_name(reading, cJSON_GetObjectItemCaseSensitive(json, "table"), table);

    if (status != -ENOMEM)
        status = read_version(reading, cJSON_GetObjectItemCaseSensitive(json, "version"), table);
    if (status != -ENOMEM)
        status = check_keys(reading, json);
    if (status != -ENOMEM)
        status = library_read(reading, cJSON_GetObjectItemCaseSensitive(json, "library"), &table->library);
    (void)reading_item(reading, NULL);
    if (status == -ENOMEM)
        reading->out_of_memory = true;
    if (status == -EINVAL)
        table->library = ""; /* was complained about: the rows need not */
    types_read(reading, cJSON_GetObjectItemCaseSensitive(json, "constants"),
               cJSON_GetObjectItemCaseSensitive(json, "types"));
    read_functions(reading, table, cJSON_GetObjectItemCaseSensitive(json, "functions"), &defaults);
}

/* Names count, order counts: the ids of functions follow from both. */
static int hash_rows(struct table *table)
{
    AUTO_TEXT struct text all = {0};

    for (size_t i = 0; i < table->row_count; i++) {
        AUTO_TEXT struct text one = {0};

        row_describe(&table->rows[i], &one);
        if (one.failed)
            return -ENOMEM;
        table->rows[i].hash = hash_bytes(one.data, one.size, 0);
        text_format(&all, "%s %016llx\n", table->rows[i].name, (unsigned long long)table->rows[i].hash);
    }
    table->hash = hash_bytes(all.data ? all.data : "", all.size, 0);
    return all.failed ? -ENOMEM : 0;
}

static int sort_rows(struct reading *reading, struct table *table)
{
    table->by_name = reading_take(reading, table->row_count, sizeof(*table->by_name));
    if (!table->by_name)
        return -ENOMEM;
    for (size_t i = 0; i < table->row_count; i++)
        table->by_name[i] = &table->rows[i];
    qsort(table->by_name, table->row_count, sizeof(*table->by_name), compare_rows);
    return 0;
}

static int finish_table(struct reading *reading, struct table *table)
{
    int status = reading_status(reading);

    if (status == 0)
        status = family_number(table->rows, table->row_count);
    if (status == 0)
        status = hash_rows(table);
    if (status == 0)
        status = sort_rows(reading, table);
    if (status == -ENOMEM)
        diagnostics_add(reading->diagnostics, "%s: memory ran out while it was read", table->path);
    return status;
}

static struct table_storage *create_storage(const char *path)
{
    struct table_storage *storage = calloc(1, sizeof(*storage));
    size_t size = strlen(path) + 1;
    char *copy = storage ? scratch_take(&storage->memory, size) : NULL;

    if (!copy) {
        free(storage);
        return NULL;
    }
    storage->table.path = memcpy(copy, path, size);
    return storage;
}

int table_parse(struct table **table, const char *json, size_t size, const char *path, struct diagnostics *diagnostics)
{
    struct table_storage *storage = create_storage(path);
    struct types types = {0};
    struct reading reading = {
        .diagnostics = diagnostics, .types = &types, .path = path, .text = {.json = json, .size = size}};
    cJSON *tree = NULL;
    int status;

    *table = NULL;
    if (!storage)
        return -ENOMEM;
    reading.memory = &storage->memory;
    status = table_json_parse(&reading, json, size, &tree);
    if (status == 0) {
        read_table(&reading, &storage->table, tree);
        status = finish_table(&reading, &storage->table);
    }
    position_forget(&reading.text);
    cJSON_Delete(tree);
    types_finish(&types);
    if (status < 0)
        table_destroy(&storage->table);
    else
        *table = &storage->table;
    return status;
}

int table_read(struct table **table, const char *path, struct diagnostics *diagnostics)
{
    AUTO_FREE char *data = NULL;
    size_t size;
    int status = file_read(path, TABLE_FILE_MOST, &data, &size);

    *table = NULL;
    if (status == -EFBIG)
        diagnostics_add(diagnostics, "%s: a spec file has at most %d MiB", path, TABLE_FILE_MOST >> 20);
    else if (status == -EINVAL)
        diagnostics_add(diagnostics, "%s: it is no regular file", path);
    else if (status < 0)
        diagnostics_add(diagnostics, "%s: %s", path, strerror(-status));
    return status < 0 ? status : table_parse(table, data, size, path, diagnostics);
}
