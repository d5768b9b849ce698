/* Says on stderr what is wrong, because every subcommand would say the same. */
#include "preload/command/specs.h"

#include "preload/place.h"
#include "preload/record.h"
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
static int list_all(const struct specs *specs, struct spec_paths *all)
{
    char *builtin = NULL;

    all->paths = calloc(specs->paths.count + 1, sizeof(*all->paths));
    if (!all->paths || (specs->shipped && asprintf(&builtin, "%s/winapi.json", specs->shipped) < 0))
        return -ENOMEM;
    if (builtin)
        all->paths[all->count++] = builtin;
    for (size_t i = 0; i < specs->paths.count; i++) {
        char *copy = strdup(specs->paths.paths[i]);

        if (!copy)
            return -ENOMEM;
        all->paths[all->count++] = copy;
    }
    return 0;
}

static int read_all(struct catalog *catalog, struct spec_paths *all, struct diagnostics *diagnostics)
{
    struct compiled_key key = {.paths = all};
    int first = 0;

    if (compiled_cache_open(catalog, &key, variable))
        return 0;
    for (size_t i = 0; i < all->count; i++) {
        int error = catalog_read_path(catalog, all, i, diagnostics);

        first = first ? first : error;
    }
    if (!first)
        compiled_cache_keep(catalog, &key, variable);
    return first;
}

int specs_read(struct specs *specs)
{
    struct diagnostics diagnostics = {0};
    struct spec_paths all = {0};
    const char *bad = NULL;
    int first = list_all(specs, &all);
    int error;

    if (!first)
        first = read_all(&specs->catalog, &all, &diagnostics);
    spec_paths_finish(&all);
    specs->hash = STUB_VERSION;
    error = spec_paths_hash(&specs->paths, &specs->hash, &bad);
    if (diagnostics.text.data)
        fputs(diagnostics.text.data, stderr);
    else if (first || error)
        fprintf(stderr, "winapi: spec file %s: %s\n", bad ? bad : "", strerror(first ? -first : -error));
    diagnostics_finish(&diagnostics);
    return first ? first : error;
}
