/* `winapi`: finds the subcommand and runs it.  To add one, add a row. */
#include "preload/command/command.h"

#include "spec/base/error.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
};

static const struct command commands[] = {
    {"run", command_run, "run a program with the functions of spec files carried out by a host"},
    {"check", command_check, "say what is wrong with spec files"},
    {"stubs", command_stubs, "write a stub to keep: for plain LD_PRELOAD, and to link with"},
    {"doctor", command_doctor, "say which functions of a program will be caught, and why others will not"},
    {"stat", command_stat, "show what a host, or a running program's calls, have done so far"},
    {"bench", command_bench, "measure calls beside what this machine can do at best"},
    {"route", command_route, "change where a running program's functions run"},
};

static void print_help(FILE *out)
{
    fprintf(out, "usage: winapi COMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].what);
    fprintf(out, "\nwinapi COMMAND --help tells more; winapi --version says which this is.\n");
}

int main(int argc, char **argv)
{
    static char title[64]; /* what getopt puts in front of its messages */
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0) {
        printf("winapi " WINAPI_VERSION "\n");
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            snprintf(title, sizeof(title), "winapi %s", name);
            argv[1] = title;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (*name)
        fprintf(stderr, "winapi: there is no command '%s'\n\n", name);
    print_help(stderr);
    return 2;
}
