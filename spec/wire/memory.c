/*
 * Shared memory, made by the guest and checked by the host.
 *
 * A memfd is sealed against shrinking, so that the host cannot be made to touch pages that are gone.  A file cannot be
 * sealed: its owner may truncate it, and the worker that touches it then dies of SIGBUS.  That is contained, as a
 * worker serves one client only, and a file of another user is refused.
 */
#include "spec/wire/memory.h"

#include "spec/base/own.h"
#include "spec/wire/lane.h"
#include "spec/wire/protocol.h"
#include "spec/wire/system_call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static const uint8_t magic[4] = {'W', 'I', 'N', 'A'};

_Static_assert(sizeof(struct memory_header) <= MEMORY_PAGE, "the header is one page");

/* ---- making ---- */

static int memfd_open(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    return fd < 0 ? -errno : fd;
}

/* Whether a file at that path is an earlier memory of ours, or empty: nothing else may be thrown away. */
static bool file_is_replaceable(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    uint8_t start[sizeof(magic)];
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid())
        return false;
    if (status.st_size == 0)
        return true;

    return read(fd, start, sizeof(start)) == (ssize_t)sizeof(start) && memcmp(start, magic, sizeof(magic)) == 0;
}

/* Always a new file: one that is there may be in use by another process under the same setting. */
static int file_open(const char *path)
{
    int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, 0600);

    if (fd < 0 && errno == EEXIST) {
        if (!file_is_replaceable(path))
            return -EEXIST;
        if (unlink(path) < 0 && errno != ENOENT)
            return -errno;
        fd = open(path, flags, 0600);
    }
    return fd < 0 ? -errno : fd;
}

static void layout_fill(struct memory *memory, uint64_t arena_size)
{
    memory->arena_offset = MEMORY_PAGE;
    memory->arena_size = arena_size;
    memory->response_offset = memory->arena_offset + memory->arena_size;
    memory->response_size = MEMORY_RESPONSE_AREA;
    memory->lanes_offset = memory->response_offset + memory->response_size;
    memory->lane_count = LANES_MOST;
    memory->size = memory->lanes_offset + (uint64_t)memory->lane_count * LANE_SIZE;
}

static void header_write(const struct memory *memory)
{
    struct memory_header *header = (struct memory_header *)(void *)memory->base;

    memcpy(header->magic, magic, sizeof(magic));
    header->version = MEMORY_VERSION;
    header->size = memory->size;
    header->request_offset = memory->arena_offset;
    header->request_size = memory->arena_size;
    header->response_offset = memory->response_offset;
    header->response_size = memory->response_size;
    header->lanes_offset = memory->lanes_offset;
    header->lane_count = memory->lane_count;
    header->state = 1;
}

static int memory_map(struct memory *memory, int protection)
{
    void *base = mmap(NULL, memory->size, protection, MAP_SHARED | MAP_NORESERVE, memory->fd, 0);

    if (base == MAP_FAILED)
        return -errno;

    memory->base = base;
    return 0;
}

static int part_open(const struct memory *memory, uint64_t offset, uint64_t size)
{
    return mprotect(memory->base + offset, size, PROT_READ | PROT_WRITE) < 0 ? -errno : 0;
}

/*
 * Gigabytes of mere address space in the program: not for its core dumps, nor, where it locks all that it will ever
 * map, to be filled with pages at once, for which they must be closed while they are mapped.
 */
static int memory_map_closed(struct memory *memory)
{
    int rc = memory_map(memory, PROT_NONE);

    if (rc < 0)
        return rc;
    (void)munlock(memory->base, memory->size);
    (void)madvise(memory->base + memory->arena_offset, memory->arena_size, MADV_DONTDUMP);
    rc = part_open(memory, 0, memory->arena_offset);

    return rc < 0 ? rc : part_open(memory, memory->response_offset, memory->size - memory->response_offset);
}

int memory_open(struct memory *memory, uint64_t size)
{
    uint64_t from = memory->opened, to = (size + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
    int rc;

    if (size <= from)
        return 0;
    if (to > memory->arena_size)
        to = memory->arena_size;
    rc = part_open(memory, memory->arena_offset + from, to - from);
    if (rc < 0)
        return rc;

    (void)madvise(memory->base + memory->arena_offset + from, to - from, MADV_DODUMP);
    memory->opened = to;
    return 0;
}

/* Beyond the file size limit ftruncate does not only fail, it sends SIGXFSZ. */
static int size_set(int fd, uint64_t size)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < size)
        return -EFBIG;

    return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

/* `start`: bytes that get their pages now. */
static int pages_take(int fd, uint64_t size, uint64_t start, bool seal)
{
    int rc = size_set(fd, size);

    if (rc < 0)
        return rc;
    if (fallocate(fd, 0, 0, (off_t)start) < 0)
        return -errno;
    if (seal && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;

    return 0;
}

static int memory_fill(struct memory *memory, bool seal)
{
    int rc = pages_take(memory->fd, memory->size, MEMORY_PAGE, seal);

    return rc < 0 ? rc : memory_map_closed(memory);
}

int memory_sealed_open(const char *name, uint64_t size, uint64_t start)
{
    int fd = memfd_open(name);
    int rc;

    if (fd < 0)
        return fd;
    fd = descriptor_raise(fd);
    rc = pages_take(fd, size, start, true);
    if (rc < 0)
        close(fd);

    return rc < 0 ? rc : fd;
}

int memory_create(struct memory *memory, uint64_t arena_size, const char *path)
{
    int rc;

    *memory = (struct memory){.fd = -1};
    if (arena_size == 0 || arena_size > INT64_MAX / 2)
        return -EINVAL;
    layout_fill(memory, (arena_size + MEMORY_PAGE - 1) / MEMORY_PAGE * MEMORY_PAGE);
    rc = path != NULL ? file_open(path) : memfd_open("winapi");
    if (rc < 0)
        return rc;

    memory->fd = descriptor_raise(rc);
    descriptor_mark(&memory->mark, memory->fd);
    rc = memory_fill(memory, path == NULL);
    if (rc < 0) {
        memory_finish(memory);
        return rc;
    }

    memory->creator = getpid();
    header_write(memory);
    return 0;
}

/* ---- taking over ---- */

static bool is_sealed(int fd, const struct stat *status)
{
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals >= 0 && (seals & F_SEAL_SHRINK))
        return true;

    /* 0 is a memfd that could have been sealed and was not; a file has F_SEAL_SEAL alone, or knows no seals. */
    return seals != 0 && status->st_uid == geteuid();
}

static int file_check(int fd, uint64_t most, uint64_t *size, const char **why)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode)) {
        *why = "the shared memory is neither a memfd nor a regular file";
        return -EBADMSG;
    }
    if (!is_sealed(fd, &status)) {
        *why = "the shared memory is not sealed against shrinking, nor a file of the user that the host runs as";
        return -EBADMSG;
    }
    if (status.st_size < MEMORY_PAGE) {
        *why = "the shared memory is smaller than its header page";
        return -EBADMSG;
    }
    if ((uint64_t)status.st_size > most)
        return -EFBIG;

    *size = (uint64_t)status.st_size;
    return 0;
}

/* Inside the memory, behind the header, on whole pages.  An area of no size lies anywhere. */
static bool area_fits(uint64_t offset, uint64_t size, uint64_t whole)
{
    if (size == 0)
        return true;
    if (offset % MEMORY_PAGE != 0 || size % MEMORY_PAGE != 0 || offset < MEMORY_PAGE)
        return false;

    return offset <= whole && size <= whole - offset;
}

static bool areas_are_apart(uint64_t offset, uint64_t size, uint64_t other_offset, uint64_t other_size)
{
    return size == 0 || other_size == 0 || offset + size <= other_offset || other_offset + other_size <= offset;
}

static const char *header_complaint(const struct memory_header *header, uint64_t size)
{
    uint64_t lanes_size = (uint64_t)header->lane_count * LANE_SIZE;

    if (memcmp(header->magic, magic, sizeof(magic)) != 0)
        return "the shared memory does not start with WINA";
    if (header->version != MEMORY_VERSION)
        return "the shared memory has another layout version than 1";
    if (header->size != size)
        return "the size in the shared memory's header is not the size of the memory";
    if (header->lane_count > LANES_MOST)
        return "the shared memory's header names more than 256 lanes";
    if (!area_fits(header->request_offset, header->request_size, size))
        return "the request area is not on whole pages inside the shared memory";
    if (!area_fits(header->response_offset, header->response_size, size))
        return "the response area is not on whole pages inside the shared memory";
    if (!area_fits(header->lanes_offset, lanes_size, size))
        return "the lanes are not on whole pages inside the shared memory";
    if (!areas_are_apart(header->request_offset, header->request_size, header->response_offset,
                         header->response_size) ||
        !areas_are_apart(header->request_offset, header->request_size, header->lanes_offset, lanes_size) ||
        !areas_are_apart(header->response_offset, header->response_size, header->lanes_offset, lanes_size))
        return "areas of the shared memory overlap";

    return NULL;
}

static int header_adopt(struct memory *memory, const char **why)
{
    struct memory_header header;

    memcpy(&header, memory->base, sizeof(header));
    __asm__ volatile("" : : : "memory"); /* nobody looks at the original again */
    *why = header_complaint(&header, memory->size);
    if (*why != NULL)
        return -EBADMSG;

    memory->arena_offset = header.request_offset;
    memory->arena_size = header.request_size;
    memory->response_offset = header.response_offset;
    memory->response_size = header.response_size;
    memory->lanes_offset = header.lanes_offset;
    memory->lane_count = header.lane_count;
    return 0;
}

int memory_adopt(struct memory *memory, int fd, uint64_t most, const char **why)
{
    int rc;

    *memory = (struct memory){.fd = fd};
    *why = NULL;
    descriptor_mark(&memory->mark, fd);
    rc = file_check(fd, most, &memory->size, why);
    if (rc == 0)
        rc = memory_map(memory, PROT_READ | PROT_WRITE);
    if (rc == 0)
        rc = header_adopt(memory, why);
    if (rc < 0)
        memory_finish(memory);
    return rc;
}

/* ---- using ---- */

void memory_finish(struct memory *memory)
{
    if (memory->base != NULL) {
        /* A child of a fork gives back its copy of the mapping; the memory stays its parent's. */
        if (memory->creator != 0 && memory->creator == getpid())
            ((struct memory_header *)(void *)memory->base)->state = 0;
        munmap(memory->base, memory->size);
    }
    descriptor_close(&memory->mark, memory->fd);
    *memory = (struct memory){.fd = -1};
}

/* Without a descriptor of ours; the program may have opened a file of its own under our number. */
static int pages_advise(const struct memory *memory, uint64_t offset, uint64_t size, int advice)
{
    int rc;

    do {
        rc = madvise(memory->base + offset, size, advice);
    } while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return 0;
    return errno == EINVAL ? -EBADF : -errno;
}

static int pages_change(const struct memory *memory, int mode, uint64_t offset, uint64_t size)
{
    int rc;

    do {
        rc = system_allocate(memory->fd, mode, (off_t)offset, (off_t)size);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

int memory_back(const struct memory *memory, uint64_t offset, uint64_t size)
{
    if (descriptor_is_ours(&memory->mark, memory->fd))
        return pages_change(memory, 0, offset, size);
    return pages_advise(memory, offset, size, MADV_POPULATE_WRITE);
}

int memory_empty(const struct memory *memory, uint64_t offset, uint64_t size)
{
    if (descriptor_is_ours(&memory->mark, memory->fd))
        return pages_change(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
    return pages_advise(memory, offset, size, MADV_REMOVE);
}

void *memory_at(const struct memory *memory, uint64_t offset, uint64_t size)
{
    if (memory->base == NULL || offset > memory->arena_size || size > memory->arena_size - offset)
        return NULL;

    return memory->base + memory->arena_offset + offset;
}

bool memory_contains(const struct memory *memory, const void *address, uint64_t size, uint64_t *offset)
{
    uintptr_t arena = (uintptr_t)memory->base + memory->arena_offset;
    uintptr_t place = (uintptr_t)address;

    if (memory->base == NULL || place < arena || place - arena > memory->arena_size)
        return false;
    if (size > memory->arena_size - (place - arena))
        return false;

    *offset = place - arena;
    return true;
}
