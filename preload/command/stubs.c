/* `winapi stubs`: the stub that `winapi run` would make, as a file to keep. */
#include "preload/command/command.h"
#include "preload/command/specs.h"
#include "preload/stub/stub_file.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: winapi stubs FILE... -o|--output STUB\n"
    "\n"
    "Writes a shared object that exports every function of the spec files:\n"
    "    LD_PRELOAD=STUB:libwinapi_preload.so PROGRAM     the stub first; it knows where its spec files lie\n"
    "    cc PROGRAM.c STUB      stands in for a library that is not there.  The program then asks for\n"
    "                           winapi_stub.so: 'winapi run' provides it, else a file of that name must\n"
    "                           lie in LD_LIBRARY_PATH\n";

static int write_stub(const struct specs *specs, const char *path)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;
    int error = stub_file_make(&specs->catalog, specs->hash, &bytes, &size);

    return error ? error : file_replace(path, bytes, size, 0777);
}

static int make(struct specs *specs, char **files, const char *path)
{
    int error = 0;

    for (; *files && !error; files++)
        error = specs_add(specs, *files);
    if (!error)
        error = specs_read(specs);
    if (error)
        return 1;

    error = write_stub(specs, path);
    if (error)
        fprintf(stderr, "winapi stubs: %s: %s\n", path, strerror(-error));
    return error ? 1 : 0;
}

int command_stubs(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *path = NULL;
    struct specs specs;
    int option, code;

    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == 'o') {
            path = optarg;
            continue;
        }
        fputs(help, option == 'h' ? stdout : stderr);
        return option == 'h' ? 0 : 2;
    }
    if (!path || !argv[optind]) {
        fputs(help, stderr);
        return 2;
    }
    specs_init(&specs);
    code = make(&specs, argv + optind, path);
    specs_finish(&specs);
    return code;
}
