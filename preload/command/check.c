/* `winapi check`: reads spec files as the preload library and the host do, and says all that is wrong with them. */
#include "preload/command/command.h"

#include "spec/table/table.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] = "usage: winapi check FILE...\n"
                           "\n"
                           "Reads spec files and prints what is wrong with them on stderr, a line for each fault.\n"
                           "Files that are right get one line on stdout.  Exits with 1 when anything is wrong.\n"
                           "The language is taught in docs/spec-files.md.\n";

static int check_file(const char *path)
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
    table_destroy(table);
    diagnostics_finish(&diagnostics);
    return status;
}

int command_check(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int option;
    int code = 0;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
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
    for (int i = optind; i < argc; i++) {
        if (check_file(argv[i]) < 0)
            code = 1;
    }
    return code;
}
