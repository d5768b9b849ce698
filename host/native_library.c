/* dlopen and dlsym, and where this installation keeps its libraries: bin/../lib. */
#include "host/native_library.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static char program_directory[PATH_MAX];
static pthread_once_t directory_once = PTHREAD_ONCE_INIT;

/* Where /proc is not mounted, as this program was called. */
static void find_directory(void)
{
    ssize_t size = readlink("/proc/self/exe", program_directory, sizeof(program_directory) - 1);
    const char *called = (const char *)getauxval(AT_EXECFN);
    char *slash;

    program_directory[size < 0 ? 0 : size] = '\0';
    if (size < 0 && (!called || !realpath(called, program_directory)))
        program_directory[0] = '\0';
    slash = strrchr(program_directory, '/');
    if (slash)
        *slash = '\0';
}

const char *native_program_directory(void)
{
    pthread_once(&directory_once, find_directory);
    return program_directory;
}

static void *load_own(const char *library)
{
    char path[PATH_MAX + 64];
    int size = snprintf(path, sizeof(path), "%s/../lib/%s", native_program_directory(), library);

    if (strchr(library, '/') || size < 0 || (size_t)size >= sizeof(path) || access(path, R_OK) < 0)
        return NULL;
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void keep_reason(char *why, size_t why_size)
{
    const char *reason = dlerror();

    snprintf(why, why_size, "%s", reason ? reason : "the loader gives no reason");
}

int native_library_symbol(const char *library, const char *symbol, void (**address)(void), char *why, size_t why_size)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void *found;

    if (!handle) {
        keep_reason(why, why_size);
        handle = load_own(library);
    }
    if (!handle)
        return -ENOENT;
    found = dlsym(handle, symbol);
    if (!found) {
        keep_reason(why, why_size);
        return -ENOSYS;
    }
    memcpy(address, &found, sizeof(found));
    return 0;
}
