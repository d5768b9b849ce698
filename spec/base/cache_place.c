/* A directory that others could write to is left alone, and so is one that somebody else has made in /tmp. */
#include "spec/base/cache_place.h"

#include "spec/base/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A place whose variable is unset has no path. */
enum { PLACE_CACHE, PLACE_HOME, PLACE_RUNTIME, PLACE_TMP, PLACES };

_Static_assert((int)PLACES == (int)CACHE_PLACES, "the header says how many");

static char *join(const char *directory, const char *below)
{
    char *path = NULL;

    if (!directory || directory[0] != '/')
        return NULL;
    return asprintf(&path, "%s%s", directory, below) < 0 ? NULL : path;
}

char *cache_place(int place, cache_variable *variable)
{
    const char *cache = variable("XDG_CACHE_HOME");
    char *path = NULL;

    switch (place) {
    case PLACE_CACHE:
        return join(cache, "/winapi");
    case PLACE_HOME:
        if (cache && *cache)
            return NULL;
        return geteuid() == 0 ? strdup("/var/cache/winapi") /* no user but root may look into root's home */
                              : join(variable("HOME"), "/.cache/winapi");
    case PLACE_RUNTIME:
        return join(variable("XDG_RUNTIME_DIR"), "/winapi");
    default:
        return asprintf(&path, "/tmp/winapi-%u", (unsigned)geteuid()) < 0 ? NULL : path;
    }
}

/* Makes the directory, and the one above it (a ~/.cache that is not there yet). */
static int make_directory(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (mkdir(path, 0711) == 0 || errno == EEXIST)
        return 0;
    if (errno == ENOENT && slash > path) {
        AUTO_FREE char *parent = strndup(path, (size_t)(slash - path));

        if (!parent)
            return -ENOMEM;
        if (mkdir(parent, 0700) < 0 && errno != EEXIST)
            return -errno;
        return mkdir(path, 0711) < 0 && errno != EEXIST ? -errno : 0;
    }
    return -errno;
}

const char *cache_place_reject(const char *directory)
{
    struct stat status;

    if (lstat(directory, &status) < 0)
        return strerror(errno);
    if (!S_ISDIR(status.st_mode))
        return "not a directory";
    if (status.st_uid != geteuid())
        return "it belongs to another user";
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return "other users can write to it";
    return NULL;
}

const char *cache_place_prepare(const char *directory)
{
    int error = make_directory(directory);

    return error ? strerror(-error) : cache_place_reject(directory);
}
