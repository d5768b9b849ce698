/*
 * `winapi run`: starts a program with its stub and libwinapi_preload.so in front.
 *
 * Exit codes as env(1) has them: 127 the program was not found, 126 it cannot be run, 125 something here failed; 1 when
 * a spec file is wrong.
 */
#include "preload/command/command.h"
#include "preload/command/forecast.h"
#include "preload/command/load_list.h"
#include "preload/command/program.h"
#include "preload/command/specs.h"
#include "preload/loader/place.h"
#include "preload/loader/preload_list.h"
#include "preload/stub/stub_file.h"
#include "spec/base/own.h"
#include "spec/wire/address.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { EXIT_WRONG_SPEC = 1, EXIT_OWN_FAILURE = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127, GO_ON = -1 };

struct run {
    struct specs specs;
    const char *mode, *host, *trace; /* NULL: not given */
    char **program;
    struct program found; /* the same, looked at */
};

static const char help[] =
    "usage: winapi run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
    "\n"
    "Runs the program; functions that spec files name are carried out by a host.\n"
    "\n"
    "  --spec FILE      a spec file, or the name of a shipped one; may be repeated.  Without it WINAPI_SPEC\n"
    "                   decides, else your own in ~/.config/winapi/spec.d; winapi_* always take part\n"
    "  --mode MODE      remote (default), native, or compare\n"
    "  --host ADDRESS   unix:PATH or exec:COMMAND\n"
    "  --trace[=FILE]   show each call\n";

static int fail(int code, const char *what, const char *why)
{
    fprintf(stderr, "winapi run: %s: %s\n", what, why);
    return code;
}

static int check_mode(const char *mode)
{
    if (strcmp(mode, "remote") == 0 || strcmp(mode, "native") == 0 || strcmp(mode, "compare") == 0)
        return GO_ON;
    return fail(EXIT_OWN_FAILURE, mode, "no such mode; there are remote, native and compare");
}

static int check_host(const char *host)
{
    struct address address;
    const char *why = "";

    return address_parse(&address, host, &why) ? fail(EXIT_OWN_FAILURE, host, why) : GO_ON;
}

static int take_option(struct run *run, int option)
{
    switch (option) {
    case 's':
        return specs_add(&run->specs, optarg) ? EXIT_WRONG_SPEC : GO_ON;
    case 'm':
        run->mode = optarg;
        return check_mode(optarg);
    case 'H':
        run->host = optarg;
        return check_host(optarg);
    case 't':
        run->trace = optarg ? optarg : "1";
        return GO_ON;
    case 'h':
        fputs(help, stdout);
        return 0;
    default:
        fputs(help, stderr);
        return EXIT_OWN_FAILURE;
    }
}

static int parse(struct run *run, int argc, char **argv)
{
    static const struct option options[] = {
        {"spec", required_argument, NULL, 's'}, {"mode", required_argument, NULL, 'm'},
        {"host", required_argument, NULL, 'H'}, {"trace", optional_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
    };
    int option;

    /* '+': what follows the program is the program's. */
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        int code = take_option(run, option);

        if (code != GO_ON)
            return code;
    }
    run->program = argv + optind;
    return *run->program ? GO_ON : take_option(run, '?');
}

static int check_program(struct run *run)
{
    AUTO_FREE char *path = NULL;
    int error = program_find(run->program[0], &path);

    if (error)
        return fail(error == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, run->program[0], strerror(-error));
    program_examine(&run->found, path, run->program + 1);
    return run->found.refusal ? fail(EXIT_CANNOT_RUN, "refused", run->found.refusal) : GO_ON;
}

/* A program that runs native from end to end is not what was asked for. */
static void warn(const struct run *run)
{
    AUTO_FREE char *warning = NULL;
    const char *mode = run->mode ? run->mode : getenv("WINAPI_MODE");
    struct load_list list;
    struct forecast forecast;

    if (mode && strcmp(mode, "native") == 0)
        return;
    if (run->found.kind != PROGRAM_DYNAMIC ||
        load_list_init(&list, program_path(&run->found), getenv("LD_PRELOAD"), getenv("LD_LIBRARY_PATH")))
        return;
    if (forecast_make(&forecast, &list, &run->specs.catalog, FORECAST_BRIEF) == 0) {
        warning = forecast_warning(&forecast, &list);
        forecast_finish(&forecast);
    }
    load_list_finish(&list);
    if (warning)
        fprintf(stderr, "winapi run: %s: %s; winapi doctor tells more\n", program_path(&run->found), warning);
}

static int read_specs(struct specs *specs)
{
    const char *list = getenv("WINAPI_SPEC");
    int error = 0;

    if (specs->paths.count == 0)
        error = list && *list ? specs_add_list(specs, list) : specs_add_user(specs);
    return error || specs_read(specs) ? EXIT_WRONG_SPEC : GO_ON;
}

/* Paths as they were found, so that the program's working directory and home do not matter. */
static int set_spec_variable(const struct spec_paths *paths)
{
    struct text list AUTO_TEXT = {0};

    for (size_t i = 0; i < paths->count; i++) {
        if (strchr(paths->paths[i], ':'))
            return fail(EXIT_OWN_FAILURE, paths->paths[i], "WINAPI_SPEC cannot express a path with a colon; rename it");
        text_format(&list, "%s%s", i ? ":" : "", paths->paths[i]);
    }
    if (paths->count == 0)
        return GO_ON;
    if (list.failed || setenv("WINAPI_SPEC", list.data, 1) < 0)
        return fail(EXIT_OWN_FAILURE, "WINAPI_SPEC", strerror(ENOMEM));
    return GO_ON;
}

static bool has_functions_of_its_own(const struct catalog *catalog)
{
    const struct table *builtin = catalog_table(catalog, "winapi");

    return catalog->row_count > (builtin ? builtin->row_count : 0);
}

/* *path stays NULL when the built-in functions are all there are. */
static int make_stub(const struct specs *specs, char **path)
{
    struct diagnostics diagnostics = {0};
    int error;

    if (!has_functions_of_its_own(&specs->catalog))
        return GO_ON;
    error = stub_file_cache(&specs->catalog, specs->hash, path, &diagnostics);
    if (error && diagnostics.text.data)
        fputs(diagnostics.text.data, stderr);
    diagnostics_finish(&diagnostics);
    return error ? fail(EXIT_OWN_FAILURE, "no stub", strerror(-error)) : GO_ON;
}

/* What the program is linked to and has to come before us, unless LD_PRELOAD has it already; NULL: nothing. */
static char *find_what_must_be_first(const struct run *run)
{
    struct load_list list;
    char *path = NULL;

    if (run->found.kind != PROGRAM_DYNAMIC ||
        load_list_init(&list, program_path(&run->found), getenv("LD_PRELOAD"), getenv("LD_LIBRARY_PATH")))
        return NULL;
    for (size_t i = 1; i < list.count && !path; i++) {
        const struct load_object *object = &list.objects[i];

        if (object->path && !object->is_preloaded && preload_list_must_be_first(object->path))
            path = strdup(object->path);
    }
    load_list_finish(&list);
    return path;
}

/* LD_PRELOAD's value, malloc'ed. */
static char *make_preload_list(const struct run *run, const char *stub, const char *core)
{
    AUTO_FREE char *first = find_what_must_be_first(run);
    struct text given AUTO_TEXT = {0};
    const char *inherited = getenv("LD_PRELOAD");

    text_format(&given, "%s:%s", first ? first : "", inherited ? inherited : "");
    return given.failed ? NULL : preload_list_add(given.data, stub, core);
}

static int set_preload(const struct run *run)
{
    AUTO_FREE char *core = place_preload_library();
    AUTO_FREE char *stub = NULL;
    AUTO_FREE char *list = NULL;
    int code;

    if (!core)
        return fail(EXIT_OWN_FAILURE, "libwinapi_preload.so", "not found beside this command");
    if (strpbrk(core, ": \t\n"))
        return fail(EXIT_OWN_FAILURE, core, "LD_PRELOAD cannot express a path with a space or a colon; move it");
    code = make_stub(&run->specs, &stub);
    if (code != GO_ON)
        return code;
    list = make_preload_list(run, stub, core);
    if (!list || setenv("LD_PRELOAD", list, 1) < 0)
        return fail(EXIT_OWN_FAILURE, "LD_PRELOAD", strerror(ENOMEM));
    return GO_ON;
}

static int set_variable(const char *name, const char *value)
{
    if (!value || setenv(name, value, 1) == 0)
        return GO_ON;
    return fail(EXIT_OWN_FAILURE, name, strerror(errno));
}

static int set_environment(const struct run *run)
{
    int code = set_spec_variable(&run->specs.paths);

    if (code == GO_ON)
        code = set_variable("WINAPI_MODE", run->mode);
    if (code == GO_ON)
        code = set_variable("WINAPI_HOST", run->host);
    if (code == GO_ON)
        code = set_variable("WINAPI_TRACE", run->trace);
    if (code == GO_ON)
        code = set_preload(run);
    return code;
}

/* A script without a first line is the shell's; glibc's execvp sees to it, musl's does not. */
static void execute_by_shell(const struct run *run)
{
    size_t count = 0;
    char **arguments;

    while (run->program[count])
        count++;
    arguments = calloc(count + 2, sizeof(*arguments));
    if (!arguments)
        return;
    arguments[0] = (char *)"/bin/sh";
    arguments[1] = run->found.chain[0];
    memcpy(&arguments[2], &run->program[1], (count - 1) * sizeof(*arguments));
    execv(arguments[0], arguments);
    free(arguments);
}

static int execute(const struct run *run)
{
    execvp(run->program[0], run->program);
    if (errno == ENOEXEC && run->found.is_script)
        execute_by_shell(run);
    return fail(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, run->program[0], strerror(errno));
}

int command_run(int argc, char **argv)
{
    struct run run = {0};
    int code;

    specs_init(&run.specs);
    code = parse(&run, argc, argv);
    if (code == GO_ON)
        code = check_program(&run);
    if (code == GO_ON)
        code = read_specs(&run.specs);
    if (code == GO_ON)
        warn(&run);
    if (code == GO_ON)
        code = set_environment(&run);
    if (code == GO_ON)
        code = execute(&run);
    specs_finish(&run.specs);
    program_finish(&run.found);
    return code;
}
