/* `winapi check`: reads spec files as the preload library and the host do, and says all that is wrong with them. */
#include "preload/command/command.h"

#include "preload/command/check_against.h"
#include "spec/table/table.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: winapi check [OPTION]... FILE...\n"
    "\n"
    "Reads spec files and prints what is wrong with them on stderr, a line for each fault.\n"
    "Files that are right get one line on stdout.  Exits with 1 when anything is wrong.\n"
    "The language is taught in docs/spec-files.md.\n"
    "\n"
    "  --against LIBRARY  hold them against this library too, a file or a name such as libz.so.1: a row that\n"
    "                     names a function which it does not have is wrong; functions without a row are listed\n";

/* `against` NULL: no library. */
static int check_file(const char *path, struct against *against)
{
    struct diagnostics diagnostics = {0};
    struct table *table;
    int status = table_read(&table, path, &diagnostics);

    if (status == 0)
        printf("%s: table %s, %zu function%s\n", path, table->name, table->row_count, table->row_count == 1 ? "" : "s");
    else if (diagnostics.text.data)
        fputs(diagnostics.text.data, stderr);
    else
        fprintf(stderr, "%s: memory ran out\n", path);
    if (status == 0 && against && against_check(against, table))
        status = -EINVAL;
    table_destroy(table);
    diagnostics_finish(&diagnostics);
    return status;
}

static int check_files(char **paths, struct against *against)
{
    int code = 0;

    for (; *paths; paths++)
        if (check_file(*paths, against) < 0)
            code = 1;
    return code;
}

static int check_with(const char *library, char **paths)
{
    struct against against;
    int code = 1;

    if (against_open(&against, library) == 0) {
        code = check_files(paths, &against);
        against_report(&against);
    }
    against_finish(&against);
    return code;
}

int command_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"against", required_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *library = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'a') {
            library = optarg;
            continue;
        }
        if (option != 'h') {
            fputs(help, stderr);
            return 2;
        }
        fputs(help, stdout);
        return 0;
    }
    if (optind == argc) {
        fputs(help, stderr);
        return 2;
    }
    return library ? check_with(library, argv + optind) : check_files(argv + optind, NULL);
}
