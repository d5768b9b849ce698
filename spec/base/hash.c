/* The one place that includes xxhash; its code is compiled in here, so nothing has to be linked. */
#include "spec/base/hash.h"

#include "spec/base/file.h"
#include "spec/base/own.h"

#include <errno.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

enum { PART_SIZE = 60 << 10 }; /* stays in a core's cache */

static int hash_rest(int fd, size_t most, XXH3_state_t *state, unsigned char *part)
{
    size_t size = 0;

    for (;;) {
        ssize_t count = read(fd, part, PART_SIZE);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        size += (size_t)count;
        if (size > most)
            return -EFBIG;
        if (XXH3_64bits_update(state, part, (size_t)count) != XXH_OK)
            return -EINVAL;
    }
}

int hash_file(const char *path, size_t most, uint64_t *hash)
{
    AUTO_CLOSE int fd = file_open(path);
    AUTO_FREE unsigned char *part = fd < 0 ? NULL : malloc(PART_SIZE);
    XXH3_state_t state;
    int error;

    if (fd < 0)
        return fd;
    if (!part)
        return -ENOMEM;
    XXH3_INITSTATE(&state);
    if (XXH3_64bits_reset_withSeed(&state, *hash) != XXH_OK)
        return -EINVAL;
    error = hash_rest(fd, most, &state, part);
    if (!error)
        *hash = XXH3_64bits_digest(&state);
    return error;
}
