/*
 * A compiled catalog in the cache.  The input is a file; its first byte says whether build, contents, size and checksum
 * are put right first, so that what lies behind them is reached.  Whether the tables in it make sense is not asked:
 * who can write there can also put code there.
 */
#include "spec/base/hash.h"
#include "spec/table/catalog.h"
#include "spec/table/compiled.h"
#include "spec/table/compiled_layout.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONTENTS = 42, SIZE_MOST = 1 << 20 };

static void put_right(uint8_t *bytes, size_t size)
{
    struct compiled_header header;

    if (size < sizeof(header))
        return;
    memcpy(&header, bytes, sizeof(header));
    memcpy(header.magic, COMPILED_MAGIC, sizeof(header.magic));
    header.build = compiled_build();
    header.contents = CONTENTS;
    header.size = size;
    memcpy(bytes, &header, sizeof(header));
    header.checksum = hash_bytes(bytes + COMPILED_CHECKED_FROM, size - COMPILED_CHECKED_FROM, 0);
    memcpy(bytes, &header, sizeof(header));
}

/* A file by its descriptor's path, of the user alone. */
static int make_file(char path[64], const uint8_t *bytes, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fchmod(fd, 0600) < 0)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct compiled compiled = {0};
    struct catalog catalog = {0};
    char path[64];
    uint8_t *bytes;
    int fd;

    if (size == 0 || size > SIZE_MOST)
        return 0;
    bytes = malloc(size);
    if (!bytes)
        return 0;
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        put_right(bytes, size - 1);
    fd = make_file(path, bytes, size - 1);
    if (compiled_map(&compiled, path, CONTENTS) == 0 && compiled_open(&compiled, &catalog) == 0 &&
        !catalog.compiled.base)
        abort();
    if (compiled.base)
        abort();
    catalog_finish(&catalog);
    close(fd);
    free(bytes);
    return 0;
}
