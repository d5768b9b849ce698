/*
 * Spec files held against the library that they are about, as a file: what rows name that it lacks, and what it has
 * that no row names.
 */
#ifndef WINAPI_PRELOAD_COMMAND_CHECK_AGAINST_H
#define WINAPI_PRELOAD_COMMAND_CHECK_AGAINST_H

#include "spec/base/error.h"
#include "spec/table/table.h"

#include <stdbool.h>
#include <stddef.h>

struct exported {
    const char *name; /* lives as long as the file is open */
    bool has_row;
};

struct against {
    char *path; /* where the library was found */
    struct elf_file *file;
    struct exported *functions; /* by name, each once */
    size_t count;
};

/*
 * `library` is a path if it has a slash, else a name that is looked for as the loader would for this program.  What is
 * wrong is said on stderr.  -ENOENT, -ENOEXEC, -EINVAL, -ENOMEM, and what open says; the struct may be finished then.
 */
MUST_CHECK int against_open(struct against *against, const char *library);
void against_finish(struct against *against);

/* A line on stderr for each row that names a function which the library lacks; how many there were. */
size_t against_check(struct against *against, const struct table *table);

/* A line on stdout for each function that no row of the tables checked so far names, and one with their number. */
void against_report(const struct against *against);

#endif
