/* Says on stderr what is wrong, because every subcommand would say the same. */
#include "preload/command/specs.h"

#include "preload/loader/place.h"
#include "preload/stub/stub_file.h"
#include "spec/base/own.h"
#include "spec/table/compiled_cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void specs_init(struct specs *specs)
{
    *specs = (struct specs){.shipped = place_spec_directory()};
}

void specs_finish(struct specs *specs)
{
    spec_paths_finish(&specs->paths);
    catalog_finish(&specs->catalog);
    free(specs->shipped);
}

static int complain(const struct specs *specs, const char *entry, int error)
{
    fprintf(stderr, "winapi: spec file %s: %s", entry, strerror(-error));
    if (error == -ENOENT && !strchr(entry, '/'))
        fprintf(stderr, "; shipped ones are in %s", specs->shipped ? specs->shipped : "no place that could be found");
    fputc('\n', stderr);
    return error;
}

/* The winapi table takes part without being named; a second one would clash with it. */
int specs_add(struct specs *specs, const char *entry)
{
    int error = strcmp(entry, "winapi") == 0 ? 0 : spec_paths_add(&specs->paths, entry, specs->shipped);

    return error ? complain(specs, entry, error) : 0;
}

int specs_add_list(struct specs *specs, const char *list)
{
    AUTO_FREE char *bad = NULL;
    int error = spec_paths_add_list(&specs->paths, list, specs->shipped, &bad);

    return error ? complain(specs, bad ? bad : list, error) : 0;
}

int specs_add_user(struct specs *specs)
{
    int error = spec_paths_add_user(&specs->paths, getenv("XDG_CONFIG_HOME"), getenv("HOME"));

    return error ? complain(specs, "spec.d", error) : 0;
}

static const char *variable(const char *name)
{
    return getenv(name);
}

/* The built-in table takes part, so that a spec file that has one of its names is found out here. */
static int read_builtin(const struct specs *specs, struct spec_paths *builtin, uint64_t *hash)
{
    const char *bad;
    int error = specs->shipped ? spec_paths_add(builtin, "winapi", specs->shipped) : 0;

    if (!error)
        error = spec_paths_read(builtin, &bad);
    return error ? error : spec_paths_hash(builtin, hash, &bad);
}

static int read_all(struct catalog *catalog, const struct spec_paths *paths, struct diagnostics *diagnostics)
{
    int first = 0;

    for (size_t i = 0; i < paths->count; i++) {
        int error = catalog_read_path(catalog, paths, i, diagnostics);

        first = first ? first : error;
    }
    return first;
}

static int read_tables(struct specs *specs, struct compiled_key *key, struct diagnostics *diagnostics)
{
    struct spec_paths builtin = {0};
    int first = read_builtin(specs, &builtin, &key->winapi);
    int error;

    if (!first && !compiled_cache_open(&specs->catalog, key, variable)) {
        first = read_all(&specs->catalog, &builtin, diagnostics);
        error = read_all(&specs->catalog, &specs->paths, diagnostics);
        first = first ? first : error;
        if (!first)
            compiled_cache_keep(&specs->catalog, key, variable);
        spec_paths_forget_texts(&specs->paths);
    }
    spec_paths_finish(&builtin);
    return first;
}

int specs_read(struct specs *specs)
{
    struct diagnostics diagnostics = {0};
    struct compiled_key key = {.paths = &specs->paths};
    int error = read_tables(specs, &key, &diagnostics);

    specs->hash = stub_file_hash(key.contents);
    error = error || key.is_known ? error : -EIO;
    if (diagnostics.text.data)
        fputs(diagnostics.text.data, stderr);
    else if (error)
        fprintf(stderr, "winapi: the spec files cannot be read: %s\n", strerror(-error));
    diagnostics_finish(&diagnostics);
    return error;
}
