/*
 * The winapi table from the shipped spec files, then those that --spec or WINAPI_SPEC name, else the user's own.
 *
 * The shipped files lie beside the program: PREFIX/share/winapi/spec after install, the source's spec/ before.
 */
#include "host/host_tables.h"

#include "host/native_library.h"
#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/table/compiled_cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where shipped spec files may be, seen from the program's directory. */
static const char *const shipped_places[] = {"../share/winapi/spec", "../../spec", "../../../spec"};

static char *find_shipped(void)
{
    for (size_t i = 0; i < COUNT_OF(shipped_places); i++) {
        AUTO_FREE char *directory = NULL;
        AUTO_FREE char *file = NULL;

        if (asprintf(&directory, "%s/%s", native_program_directory(), shipped_places[i]) < 0)
            return NULL;
        if (asprintf(&file, "%s/winapi.json", directory) < 0)
            return NULL;
        if (access(file, R_OK) == 0)
            return take_pointer(&directory);
    }
    return NULL;
}

/* Diagnostics are lines already; each becomes a line of the log. */
static void log_diagnostics(const struct diagnostics *diagnostics)
{
    const char *line = diagnostics->text.data;

    while (line && *line) {
        size_t size = strcspn(line, "\n");

        log_error("%.*s", (int)size, line);
        line += size + (line[size] == '\n');
    }
}

static int read_one(struct catalog *catalog, const struct spec_paths *paths, size_t index)
{
    struct diagnostics diagnostics = {0};
    int error = catalog_read_path(catalog, paths, index, &diagnostics);

    if (error)
        log_diagnostics(&diagnostics);
    if (error && diagnostics.count == 0)
        log_error("%s: %s", paths->paths[index], strerror(-error));
    diagnostics_finish(&diagnostics);
    return error;
}

static int add_named(struct spec_paths *paths, const struct host_options *options, const char *shipped)
{
    for (size_t i = 0; i < options->spec_count; i++) {
        int error = spec_paths_add(paths, options->specs[i], shipped);

        if (error) {
            log_error("--spec %s: %s", options->specs[i], strerror(-error));
            return error;
        }
    }
    return 0;
}

static int add_list(struct spec_paths *paths, const char *list, const char *shipped)
{
    AUTO_FREE char *bad = NULL;
    int error = spec_paths_add_list(paths, list, shipped, &bad);

    if (error)
        log_error("WINAPI_SPEC: %s: %s", bad ? bad : list, strerror(-error));
    return error;
}

static int add_own(struct spec_paths *paths)
{
    int error = spec_paths_add_user(paths, getenv("XDG_CONFIG_HOME"), getenv("HOME"));

    if (error)
        log_error("the spec files in ~/.config/winapi/spec.d cannot be listed: %s", strerror(-error));
    return error;
}

/* `*is_named`: the files were asked for one by one. */
static int add_active(struct spec_paths *paths, const struct host_options *options, const char *shipped, bool *is_named)
{
    const char *list = getenv("WINAPI_SPEC");

    *is_named = true;
    if (options->spec_count)
        return add_named(paths, options, shipped);
    if (list && *list)
        return add_list(paths, list, shipped);
    *is_named = false;
    return add_own(paths);
}

static const char *variable(const char *name)
{
    return getenv(name);
}

/* *is_complete: nothing was left out. */
static int read_all(struct catalog *catalog, const struct spec_paths *paths, bool is_named, bool *is_complete)
{
    for (size_t i = 0; i < paths->count; i++) {
        int error = read_one(catalog, paths, i);

        if (error == -ENOMEM || (error && is_named))
            return error;
        *is_complete &= !error;
    }
    return 0;
}

static int read_tables(struct catalog *catalog, struct spec_paths *winapi, struct spec_paths *paths, bool is_named)
{
    struct compiled_key key = {.paths = paths};
    bool is_complete = true;
    const char *bad;
    int error = spec_paths_read(winapi, &bad);

    if (!error)
        error = spec_paths_hash(winapi, &key.winapi, &bad);
    if (!error && compiled_cache_open(catalog, &key, variable))
        return 0;
    error = read_all(catalog, winapi, true, &is_complete);
    if (!error)
        error = read_all(catalog, paths, is_named, &is_complete);
    if (!error && is_complete)
        compiled_cache_keep(catalog, &key, variable);
    return error;
}

/* The winapi table comes first in any case, also when it is named. */
static void drop_doubles(struct spec_paths *paths, const struct spec_paths *winapi)
{
    for (size_t i = paths->count; i-- > 0;)
        if (strcmp(paths->paths[i], winapi->paths[0]) == 0)
            spec_paths_drop(paths, i);
}

int host_tables_read(struct catalog *catalog, const struct host_options *options)
{
    AUTO_FREE char *shipped = find_shipped();
    struct spec_paths winapi = {0}, paths = {0};
    bool is_named;
    int error;

    if (!shipped) {
        log_error("winapi.json is not where this program looks for it: %s/%s", native_program_directory(),
                  shipped_places[0]);
        return -ENOENT;
    }
    error = spec_paths_add(&winapi, "winapi", shipped);
    if (!error)
        error = add_active(&paths, options, shipped, &is_named);
    if (!error) {
        drop_doubles(&paths, &winapi);
        error = read_tables(catalog, &winapi, &paths, is_named);
    }
    spec_paths_finish(&paths);
    spec_paths_finish(&winapi);
    return error;
}
