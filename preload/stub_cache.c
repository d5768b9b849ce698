/*
 * Stubs as files that stay: the same spec files give the same file, which every program then shares.
 *
 * A stub becomes code in whoever preloads it, so its directory must be one that nobody else can write to, and what
 * lies there is compared byte for byte before it is used.  It is never deleted: a child may exec with it any time.  Nor
 * is it hidden from other users: one may be what a child of root's becomes, and the loader complains of what it cannot
 * read.
 */
#include "preload/record.h"
#include "preload/stub_file.h"
#include "spec/base/file.h"
#include "spec/base/hash.h"
#include "spec/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int hash_file(const char *path, uint64_t *sum)
{
    AUTO_FREE char *data = NULL;
    size_t size;
    int error = file_read(path, TABLE_FILE_MOST, &data, &size);

    if (!error)
        *sum = hash_bytes(data, size, *sum);
    return error;
}

int spec_files_hash(const struct spec_paths *paths, uint64_t *hash, const char **bad)
{
    uint64_t sum = STUB_VERSION;
    int error = 0;

    for (size_t i = 0; !error && i < paths->count; i++) {
        *bad = paths->paths[i];
        if (paths->texts)
            sum = hash_bytes(paths->texts[i].data, paths->texts[i].size, sum);
        else
            error = hash_file(paths->paths[i], &sum);
    }
    if (!error)
        *hash = sum;
    return error;
}

/* The places in the order they are tried; a place whose variable is unset has no path. */
enum { PLACE_CACHE, PLACE_HOME, PLACE_RUNTIME, PLACE_TMP, PLACES };

_Static_assert((int)PLACES == (int)STUB_PLACES, "the header says how many");

static char *join(const char *directory, const char *below)
{
    char *path = NULL;

    if (!directory || directory[0] != '/')
        return NULL;
    return asprintf(&path, "%s%s", directory, below) < 0 ? NULL : path;
}

char *stub_cache_place(int place)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    char *path = NULL;

    switch (place) {
    case PLACE_CACHE:
        return join(cache, "/winapi");
    case PLACE_HOME:
        if (cache && *cache)
            return NULL;
        return geteuid() == 0 ? strdup("/var/cache/winapi") /* no user but root may look into root's home */
                              : join(getenv("HOME"), "/.cache/winapi");
    case PLACE_RUNTIME:
        return join(getenv("XDG_RUNTIME_DIR"), "/winapi");
    default:
        return asprintf(&path, "/tmp/winapi-%u", (unsigned)geteuid()) < 0 ? NULL : path;
    }
}

/* LD_PRELOAD separates its entries by any white space and colons, and has no way to quote them. */
static bool fits_ld_preload(const char *path)
{
    return path[strcspn(path, ": \t\n\v\f\r")] == '\0';
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

const char *stub_cache_reject(const char *path)
{
    struct stat status;

    if (!fits_ld_preload(path))
        return "LD_PRELOAD cannot express a path with a space or a colon";
    if (lstat(path, &status) < 0)
        return strerror(errno);
    if (!S_ISDIR(status.st_mode))
        return "not a directory";
    if (status.st_uid != geteuid())
        return "it belongs to another user";
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return "other users can write to it";
    return NULL;
}

/* NULL when stubs may lie there, else why not. */
static const char *prepare_directory(const char *path)
{
    int error = fits_ld_preload(path) ? make_directory(path) : 0;

    return error ? strerror(-error) : stub_cache_reject(path);
}

static bool is_there(const char *path, const uint8_t *bytes, size_t size)
{
    AUTO_FREE char *data = NULL;
    size_t found;

    return file_read(path, size, &data, &found) == 0 && found == size && memcmp(data, bytes, size) == 0;
}

/* A file system mounted noexec refuses this; the loader would do so in silence (musl) or with a complaint (glibc). */
static int try_to_map(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    void *mapped;

    if (fd < 0)
        return -errno;
    mapped = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    munmap(mapped, 1);
    return 0;
}

struct stub_bytes {
    uint8_t *bytes;
    size_t size;
    uint64_t hash;
};

/* The file in this directory, malloc'ed; NULL when it cannot be there, which a diagnostic then says. */
static char *keep_in(const char *directory, const struct stub_bytes *stub, struct diagnostics *diagnostics)
{
    AUTO_FREE char *path = NULL;
    const char *why = prepare_directory(directory);
    int error;

    if (why) {
        diagnostics_add(diagnostics, "%s: cannot keep a stub there: %s", directory, why);
        return NULL;
    }
    if (asprintf(&path, "%s/stub-%016" PRIx64 ".so", directory, stub->hash) < 0) {
        path = NULL;
        return NULL;
    }
    error = is_there(path, stub->bytes, stub->size) ? 0 : file_replace(path, stub->bytes, stub->size, 0644);
    if (!error)
        error = try_to_map(path);
    if (error) {
        diagnostics_add(diagnostics, "%s: cannot keep a stub there: %s", path, strerror(-error));
        return NULL;
    }
    return take_pointer(&path);
}

int stub_file_cache(const struct catalog *catalog, uint64_t hash, char **path, struct diagnostics *diagnostics)
{
    struct stub_bytes stub = {.hash = hash};
    int error = stub_file_make(catalog, hash, &stub.bytes, &stub.size);

    if (error) {
        diagnostics_add(diagnostics, "cannot make a stub: %s", strerror(-error));
        return error;
    }
    *path = NULL;
    for (int place = 0; place < PLACES && !*path; place++) {
        AUTO_FREE char *directory = stub_cache_place(place);

        if (directory)
            *path = keep_in(directory, &stub, diagnostics);
    }
    free(stub.bytes);
    return *path ? 0 : -EACCES;
}
