/*
 * A shared memory that a client passes: its header is the input.
 *
 * What is accepted must lie inside the memory from its first byte to its last.
 */
#include "spec/wire/lane.h"
#include "spec/wire/memory.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WHOLE = MEMORY_PAGE + MEMORY_REQUEST_AREA + MEMORY_RESPONSE_AREA };

static volatile uint8_t sink;

static int memfd_make(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size || ftruncate(fd, WHOLE) < 0)
        abort();
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        abort();
    return fd;
}

static void ends_touch(const struct memory *memory, uint64_t offset, uint64_t size)
{
    if (size == 0)
        return;
    sink = memory->base[offset];
    sink = memory->base[offset + size - 1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory;
    const char *why;

    if (size > MEMORY_PAGE)
        return 0;
    if (memory_adopt(&memory, memfd_make(data, size), WHOLE, &why) < 0)
        return 0;
    ends_touch(&memory, memory.arena_offset, memory.arena_size);
    ends_touch(&memory, memory.response_offset, memory.response_size);
    ends_touch(&memory, memory.lanes_offset, (uint64_t)memory.lane_count * LANE_SIZE);
    memory_finish(&memory);
    return 0;
}
