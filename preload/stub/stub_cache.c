/*
 * Stubs as files that stay: the same spec files give the same file, which every program then shares.
 *
 * A stub becomes code in whoever preloads it, so its directory must be one that nobody else can write to, and what
 * lies there is compared byte for byte before it is used.  It is never deleted: a child may exec with it any time.  Nor
 * is it hidden from other users: one may be what a child of root's becomes, and the loader complains of what it cannot
 * read.
 */
#include "preload/stub/stub_file.h"
#include "spec/base/cache_place.h"
#include "spec/base/file.h"
#include "spec/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    return getenv(name);
}

char *stub_cache_place(int place)
{
    return cache_place(place, variable);
}

/* LD_PRELOAD separates its entries by any white space and colons, and has no way to quote them. */
static bool fits_ld_preload(const char *path)
{
    return path[strcspn(path, ": \t\n\v\f\r")] == '\0';
}

static const char unfit[] = "LD_PRELOAD cannot express a path with a space or a colon";

const char *stub_cache_reject(const char *path)
{
    return fits_ld_preload(path) ? cache_place_reject(path) : unfit;
}

/* NULL when stubs may lie there, else why not. */
static const char *prepare_directory(const char *path)
{
    return fits_ld_preload(path) ? cache_place_prepare(path) : unfit;
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
    for (int place = 0; place < CACHE_PLACES && !*path; place++) {
        AUTO_FREE char *directory = stub_cache_place(place);

        if (directory)
            *path = keep_in(directory, &stub, diagnostics);
    }
    free(stub.bytes);
    return *path ? 0 : -EACCES;
}
