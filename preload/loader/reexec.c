/*
 * The guard is WINAPI_REEXEC="PID:HASH:COMM".  PID and HASH tell whose it is; COMM is the process's name, which for a
 * script is the script's and would become the interpreter's.
 */
#include "preload/loader/reexec.h"

#include "preload/loader/preload_list.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define GUARD   "WINAPI_REEXEC="
#define PRELOAD "LD_PRELOAD="

enum { COMM_SIZE = 16, GUARD_SIZE = sizeof(GUARD) + 12 + 17 + COMM_SIZE, CMDLINE_MOST = 256 << 20 };

extern char **environ;

bool reexec_is_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}

static bool starts_with(const char *string, const char *start)
{
    return strncmp(string, start, strlen(start)) == 0;
}

/* Everything of the guard but the name: what must match. */
static int format_guard(char guard[GUARD_SIZE], uint64_t hash)
{
    return snprintf(guard, GUARD_SIZE, GUARD "%d:%016" PRIx64 ":", (int)getpid(), hash);
}

static void restore_name(const char *name)
{
    char now[COMM_SIZE + 1] = "";

    if (prctl(PR_GET_NAME, now, 0, 0, 0) == 0 && strcmp(now, name) != 0)
        prctl(PR_SET_NAME, name, 0, 0, 0);
}

bool reexec_is_second(void)
{
    char guard[sizeof(GUARD) + 12];
    int size = snprintf(guard, sizeof(guard), GUARD "%d:", (int)getpid());

    for (char **at = environ; at && *at; at++)
        if (strncmp(*at, guard, (size_t)size) == 0)
            return true;
    return false;
}

/* In place: main's own envp is the same array, and setenv would allocate. */
bool reexec_was_done(uint64_t hash)
{
    char guard[GUARD_SIZE];
    int size = format_guard(guard, hash);
    bool was_done = false;
    char **kept = environ;

    if (!environ)
        return false;
    for (char **at = environ; *at; at++) {
        if (!starts_with(*at, GUARD)) {
            *kept++ = *at;
            continue;
        }
        if (strncmp(*at, guard, (size_t)size) == 0) {
            restore_name(*at + size);
            was_done = true;
        }
    }
    *kept = NULL;
    return was_done;
}

/* Splits what the kernel shows as NUL-terminated strings.  Empty arguments count. */
static char **split_arguments(char *data, size_t size)
{
    size_t count = 0;
    char **arguments;

    for (size_t i = 0; i < size; i++)
        count += data[i] == '\0';
    arguments = calloc(count + 2, sizeof(*arguments));
    if (!arguments)
        return NULL;
    count = 0;
    for (char *at = data; at < data + size; at += strlen(at) + 1)
        arguments[count++] = at;
    return arguments;
}

static char *format_preload(const char *stub_path)
{
    AUTO_FREE char *list = preload_list_add(getenv("LD_PRELOAD"), stub_path, NULL);
    char *variable = NULL;

    if (!list || asprintf(&variable, PRELOAD "%s", list) < 0)
        return NULL;
    return variable;
}

/* The environment with these two variables instead of what there was of them; only the array is new. */
static char **make_environment(char *preload, char *guard)
{
    size_t count = 0, kept = 0;
    char **variables;

    while (environ && environ[count])
        count++;
    variables = calloc(count + 3, sizeof(*variables));
    if (!variables)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (preload && starts_with(environ[i], PRELOAD))
            variables[kept++] = take_pointer(&preload);
        else if (!starts_with(environ[i], PRELOAD) && !starts_with(environ[i], GUARD))
            variables[kept++] = environ[i];
    }
    if (preload)
        variables[kept++] = preload;
    variables[kept] = guard;
    return variables;
}

/* The program by its own name, so that it sees itself where it lies; by its link when it was replaced or deleted. */
static const char *program_path(char path[PATH_MAX])
{
    static const char link[] = "/proc/self/exe";
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    struct stat running, named;

    if (size <= 0)
        return link;
    path[size] = '\0';
    if (stat(link, &running) < 0 || stat(path, &named) < 0)
        return link;
    return running.st_dev == named.st_dev && running.st_ino == named.st_ino ? path : link;
}

int reexec_with_stub(const char *stub_path, uint64_t hash)
{
    char path[PATH_MAX], guard[GUARD_SIZE];
    AUTO_FREE char *cmdline = NULL;
    AUTO_FREE char *preload = format_preload(stub_path);
    AUTO_FREE char **variables = NULL;
    AUTO_FREE char **arguments = NULL;
    size_t size;
    int error = file_read("/proc/self/cmdline", CMDLINE_MOST, &cmdline, &size);

    if (error)
        return error;
    prctl(PR_GET_NAME, guard + format_guard(guard, hash), 0, 0, 0);
    variables = preload ? make_environment(preload, guard) : NULL;
    arguments = split_arguments(cmdline, size);
    if (!variables || !arguments)
        return -ENOMEM;
    execve(program_path(path), arguments, variables);
    return -errno;
}
