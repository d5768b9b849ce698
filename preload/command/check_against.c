/* The library's exports in order of their names, each marked when a row names it. */
#include "preload/command/check_against.h"

#include "preload/command/elf_file.h"
#include "preload/command/library_search.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the file ---- */

/* As the loader would find it for a program like this one; malloc'ed.  NULL: it would not. */
static char *find_library(const char *name)
{
    struct library_search search;
    struct elf_file self;
    char *path;

    if (strchr(name, '/'))
        return strdup(name);
    if (elf_file_open(&self, "/proc/self/exe") < 0)
        return NULL;
    library_search_init(&search, self.interpreter, getenv("LD_LIBRARY_PATH"));
    path = library_search_find(&search, name, &(struct library_asker){.file = &self, .path = "/proc/self/exe"});
    library_search_finish(&search);
    elf_file_close(&self);
    return path;
}

static int open_file(struct against *against, const char *library)
{
    int error = -ENOENT;

    against->path = find_library(library);
    if (!against->path) {
        fprintf(stderr, "%s: no such library where the loader looks; name its file, with a slash in it\n", library);
        return error;
    }
    against->file = calloc(1, sizeof(*against->file));
    error = against->file ? elf_file_open(against->file, against->path) : -ENOMEM;
    if (error < 0) {
        free(against->file);
        against->file = NULL;
        fprintf(stderr, "%s: %s\n", against->path, error == -ENOEXEC ? "this is no library" : strerror(-error));
    }
    return error;
}

/* ---- its functions ---- */

/* Every library of a C compiler has these two, and nobody calls them. */
static bool is_of_linker(const char *name)
{
    return strcmp(name, "_init") == 0 || strcmp(name, "_fini") == 0;
}

static bool is_exported(const struct elf_symbol *symbol)
{
    return symbol->is_defined && symbol->is_function && !symbol->is_hidden_version && symbol->binding != STB_LOCAL &&
           (symbol->visibility == STV_DEFAULT || symbol->visibility == STV_PROTECTED) && !is_of_linker(symbol->name);
}

static int count_function(const struct elf_symbol *symbol, void *context)
{
    *(size_t *)context += is_exported(symbol);
    return 0;
}

static int take_function(const struct elf_symbol *symbol, void *context)
{
    struct against *against = context;

    if (is_exported(symbol))
        against->functions[against->count++] = (struct exported){.name = symbol->name};
    return 0;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct exported *)left)->name, ((const struct exported *)right)->name);
}

static int collect(struct against *against)
{
    size_t count = 0, kept = 0;

    (void)elf_file_each_symbol(against->file, count_function, &count);
    against->functions = calloc(count + 1, sizeof(*against->functions));
    if (!against->functions) {
        fprintf(stderr, "%s: memory ran out\n", against->path);
        return -ENOMEM;
    }
    (void)elf_file_each_symbol(against->file, take_function, against);
    qsort(against->functions, against->count, sizeof(*against->functions), by_name);
    for (size_t i = 0; i < against->count; i++)
        if (kept == 0 || by_name(&against->functions[kept - 1], &against->functions[i]) != 0)
            against->functions[kept++] = against->functions[i];
    against->count = kept;
    if (kept)
        return 0;
    fprintf(stderr, "%s: it exports no functions\n", against->path);
    return -EINVAL;
}

int against_open(struct against *against, const char *library)
{
    int error;

    *against = (struct against){0};
    error = open_file(against, library);
    return error < 0 ? error : collect(against);
}

void against_finish(struct against *against)
{
    if (against->file)
        elf_file_close(against->file);
    free(against->file);
    free(against->functions);
    free(against->path);
    *against = (struct against){0};
}

/* ---- the rows ---- */

static struct exported *find_function(const struct against *against, const char *name)
{
    const struct exported wanted = {.name = name};

    return bsearch(&wanted, against->functions, against->count, sizeof(wanted), by_name);
}

/* A handler of another library says nothing of this one, but it covers what it stands in for. */
static bool is_there(const struct against *against, const struct row *row)
{
    struct exported *named = find_function(against, row->name);

    if (named)
        named->has_row = true;
    return row->library || find_function(against, row->symbol);
}

size_t against_check(struct against *against, const struct table *table)
{
    size_t missing = 0;

    for (size_t i = 0; i < table->row_count; i++) {
        const struct row *row = &table->rows[i];

        if (is_there(against, row))
            continue;
        fprintf(stderr,
                "%s: table %s: function %s: %s exports no function %s; take the row out, or name the library or "
                "\"handler\" that has it\n",
                table->path, table->name, row->name, against->path, row->symbol);
        missing++;
    }
    return missing;
}

void against_report(const struct against *against)
{
    size_t without = 0;

    for (size_t i = 0; i < against->count; i++) {
        if (against->functions[i].has_row)
            continue;
        printf("%s: %s: no row\n", against->path, against->functions[i].name);
        without++;
    }
    printf("%s: %zu of %zu functions have rows\n", against->path, against->count - without, against->count);
}
