#include "preload/command/bench/bench_tables.h"

#include "spec/base/file.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/table/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MODE = 0600 };

/* One line of a generated table; %u is the function's number. */
static const char *const shapes[] = {
    "{\"prototype\": \"int bench_add_%u(int left, int right)\", \"failure\": -1}",
    "{\"prototype\": \"unsigned long bench_sum_%u(unsigned long seed, const unsigned char *bytes, unsigned size)\", "
    "\"bytes\": {\"in\": {\"size\": \"size\"}}, \"failure\": 0}",
    "{\"prototype\": \"int bench_name_%u(const char *name, char *found, size_t size)\", \"name\": {\"string\": true}, "
    "\"found\": {\"out\": {\"string\": true, \"capacity\": \"size\"}}, \"failure\": -1}",
    "{\"prototype\": \"double bench_mean_%u(const double *values, unsigned count)\", "
    "\"values\": {\"in\": {\"count\": \"count\"}}, \"failure\": 0}",
    "{\"prototype\": \"void bench_set_%u(int name, int value)\", \"lost\": \"fail\"}",
    "{\"prototype\": \"int bench_get_%u(int name, int *value)\", \"value\": \"out\", \"failure\": -1}",
};

#define C_LIBRARY "\"version\": 1, \"library\": {\"linux\": \"libc.so.6\"}, \"functions\": [\n"
#define TOASCII   "{\"prototype\": \"int toascii(int c)\", \"failure\": -1}"
#define LRAND48   "{\"prototype\": \"long lrand48(void)\", \"failure\": -1}"

static const char *const tables[] = {
    [TABLE_CHARACTER] = "{\"table\": \"bench_character\", " C_LIBRARY TOASCII "]}\n",
    [TABLE_SEED] = "{\"table\": \"bench_seed\", " C_LIBRARY LRAND48
                   ",\n{\"prototype\": \"void srand48(long seed)\", \"lost\": \"fail\"}]}\n",
    [TABLE_SEED_LATER] = "{\"table\": \"bench_seed_later\", " C_LIBRARY LRAND48
                         ",\n{\"prototype\": \"void srand48(long seed)\", \"lost\": \"fail\", \"async\": true}]}\n",
};

static int write_table(struct bench *bench, const char *name, const char *text, char **path)
{
    int error;

    if (asprintf(path, "%s/%s.json", bench->folder, name) < 0) {
        *path = NULL;
        return -ENOMEM;
    }
    error = file_replace(*path, text, strlen(text), FILE_MODE);
    if (error)
        bench_say("%s cannot be written: %s", *path, strerror(-error));
    return error;
}

int tables_write(struct bench *bench, enum bench_table table, char **path)
{
    static const char *const names[] = {
        [TABLE_CHARACTER] = "character", [TABLE_SEED] = "seed", [TABLE_SEED_LATER] = "seed_later"};

    return write_table(bench, names[table], tables[table], path);
}

int tables_write_many(struct bench *bench, unsigned count, char **path)
{
    struct text text AUTO_TEXT = {0};
    char name[32];

    text_format(&text, "{\"table\": \"bench_%u\", " C_LIBRARY, count);
    for (unsigned i = 0; i + 1 < count; i++) {
        text_format(&text, shapes[i % COUNT_OF(shapes)], i);
        text_add(&text, ",\n");
    }
    text_add(&text, TOASCII "]}\n");
    if (text.failed)
        return -ENOMEM;
    snprintf(name, sizeof(name), "functions_%u", count);
    return write_table(bench, name, text.data, path);
}

bool tables_is_understood(const char *path)
{
    struct diagnostics diagnostics = {0};
    struct table *table = NULL;
    int error = table_read(&table, path, &diagnostics);

    table_destroy(table);
    diagnostics_finish(&diagnostics);
    return error == 0;
}
