/*
 * The installation's parts, looked for beside the file this code is in: libwinapi_preload.so in a lib directory, or the
 * command in a bin directory.
 */
#include "preload/loader/place.h"

#include "preload/loader/elf_object.h"
#include "spec/base/libc.h"
#include "spec/base/own.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined(__x86_64__)
#define TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define TRIPLET "aarch64-linux-gnu"
#else
#define TRIPLET "none"
#endif

/* Where /proc is not mounted, as it was called. */
static const char *program_path(void)
{
    static const char link[] = "/proc/self/exe";
    const char *called = (const char *)getauxval(AT_EXECFN);

    return called && access(link, F_OK) < 0 ? called : link;
}

static int find_own_path(const struct elf_object *object, void *context)
{
    if (!elf_object_has_address(object, (const void *)find_own_path))
        return 0;
    *(char **)context = strdup(object->path[0] ? object->path : program_path());
    return 1;
}

/* The directory that holds this code's file, malloc'ed, or NULL. */
static char *own_directory(void)
{
    AUTO_FREE char *path = NULL;
    char *real, *slash;

    elf_object_each(find_own_path, &path);
    real = path ? libc_real_path(path) : NULL;
    slash = real ? strrchr(real, '/') : NULL;
    if (slash)
        *slash = '\0';
    return real;
}

/* The first of these, relative to our own directory, that has a file called `proof` ("": that is one itself). */
static char *find_beside(const char *const *candidates, const char *proof)
{
    AUTO_FREE char *directory = own_directory();

    if (!directory)
        return NULL;
    for (; *candidates; candidates++) {
        AUTO_FREE char *path = NULL;
        char *end;

        if (asprintf(&path, "%s/%s%s", directory, *candidates, proof) < 0) {
            path = NULL;
            return NULL;
        }
        end = path + strlen(path) - strlen(proof);
        if (access(path, R_OK) == 0) {
            *end = '\0';
            return libc_real_path(path);
        }
    }
    return NULL;
}

char *place_preload_library(void)
{
    static const char *const candidates[] = {
        "libwinapi_preload.so",
        "../lib/libwinapi_preload.so",
        ("../lib/" TRIPLET "/libwinapi_preload.so"),
        "../lib64/libwinapi_preload.so",
        NULL,
    };

    return find_beside(candidates, "");
}

char *place_host_program(void)
{
    static const char *const candidates[] = {"winapi-host", "../bin/winapi-host", "../../bin/winapi-host", NULL};

    return find_beside(candidates, "");
}

/* Installed first; then the source tree, of which the build tree is a directory. */
char *place_spec_directory(void)
{
    static const char *const candidates[] = {
        "../share/winapi/spec", "../../share/winapi/spec", "../../spec", "../../../spec", NULL,
    };

    return find_beside(candidates, "/winapi.json");
}
