/* Says on stderr what is wrong, because every subcommand would say the same. */
#include "preload/command/specs.h"

#include "preload/place.h"
#include "preload/stub_file.h"
#include "spec/base/own.h"

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

/* The built-in table takes part, so that a spec file that has one of its names is found out here. */
static int read_builtin(struct specs *specs, struct diagnostics *diagnostics)
{
    AUTO_FREE char *path = NULL;

    if (!specs->shipped)
        return 0;
    if (asprintf(&path, "%s/winapi.json", specs->shipped) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    return catalog_read(&specs->catalog, path, diagnostics);
}

int specs_read(struct specs *specs)
{
    struct diagnostics diagnostics = {0};
    const char *bad = NULL;
    int first = read_builtin(specs, &diagnostics);
    int error;

    for (size_t i = 0; i < specs->paths.count; i++) {
        error = catalog_read(&specs->catalog, specs->paths.paths[i], &diagnostics);
        if (!first)
            first = error;
    }
    error = spec_files_hash(&specs->paths, &specs->hash, &bad);
    if (diagnostics.text.data)
        fputs(diagnostics.text.data, stderr);
    else if (first || error)
        fprintf(stderr, "winapi: spec file %s: %s\n", bad ? bad : "", strerror(first ? -first : -error));
    diagnostics_finish(&diagnostics);
    return first ? first : error;
}
