/*
 * Reading.  Until the checksum has been found right nothing but the header is believed, and of that only what makes it
 * safe to compute the checksum.
 */
#include "spec/table/compiled.h"

#include "spec/base/file.h"
#include "spec/base/hash.h"
#include "spec/base/own.h"
#include "spec/table/catalog.h"
#include "spec/table/compiled_layout.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

void compiled_unmap(struct compiled *compiled)
{
    if (compiled->base)
        munmap(compiled->base, compiled->size);
    *compiled = (struct compiled){0};
}

/* ---- the first bytes ---- */

static int check_owner(int fd, size_t *size)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (status.st_uid != geteuid() || status.st_mode & (S_IWGRP | S_IWOTH))
        return -EPERM;
    if (status.st_size < (off_t)sizeof(struct compiled_header) || status.st_size > COMPILED_SIZE_MOST)
        return -EBADMSG;
    *size = (size_t)status.st_size;
    return 0;
}

static int check_header(const struct compiled_header *header, size_t size, uint64_t contents)
{
    if (memcmp(header->magic, COMPILED_MAGIC, sizeof(header->magic)) != 0)
        return -EBADMSG;
    if (header->build != compiled_build() || header->contents != contents)
        return -ESTALE;
    return header->size == size ? 0 : -EBADMSG;
}

int compiled_map(struct compiled *compiled, const char *path, uint64_t contents)
{
    AUTO_CLOSE int fd = file_open(path);
    struct compiled_header header;
    size_t size = 0;
    void *base;
    int error = fd < 0 ? fd : check_owner(fd, &size);

    if (!error && read(fd, &header, sizeof(header)) != (ssize_t)sizeof(header))
        error = -EBADMSG;
    if (!error)
        error = check_header(&header, size, contents);
    if (error)
        return error;
    base = mmap((void *)(uintptr_t)header.base, size, PROT_READ, MAP_PRIVATE, fd, 0); /* NOLINT: a wish for a place */
    if (base == MAP_FAILED)
        return -errno;
    *compiled = (struct compiled){base, size};
    return 0;
}

/* ---- the rest ---- */

/* Whether `count` pointers at `offset` lie where pointers do. */
static bool are_pointers(const struct compiled_header *header, uint64_t offset, uint64_t count)
{
    return offset % 8 == 0 && offset <= header->words && count <= (header->words - offset) / 8;
}

static bool is_whole(const struct compiled *compiled, const struct compiled_header *header)
{
    const char *bytes = (const char *)compiled->base;

    if (header->size != compiled->size || header->words % 8 || header->words < sizeof(*header) ||
        header->words > header->marks || header->marks > header->size ||
        header->size - header->marks != compiled_marks_size(header->words))
        return false;
    if (!are_pointers(header, header->tables, header->table_count) ||
        !are_pointers(header, header->by_name, header->row_count))
        return false;
    return header->checksum == hash_bytes(bytes + COMPILED_CHECKED_FROM, compiled->size - COMPILED_CHECKED_FROM, 0);
}

static int move_pointer(uint64_t *word, const struct compiled_header *header, uint64_t base)
{
    if (*word < header->base || *word - header->base >= header->marks)
        return -EBADMSG;
    *word += base - header->base;
    return 0;
}

/* The header stands at the start of what is moved; it has no marks. */
static int move_pointers(const struct compiled *compiled, const struct compiled_header *header)
{
    uint64_t *words = compiled->base, count = header->words / 8;
    const uint8_t *marks = (const uint8_t *)compiled->base + header->marks;
    int error = 0;

    for (uint64_t i = sizeof(*header) / 8; !error && i < count; i++) {
        if (i % 8 == 0 && marks[i / 8] == 0) {
            i += 7;
            continue;
        }
        if (marks[i / 8] >> i % 8 & 1)
            error = move_pointer(&words[i], header, (uintptr_t)compiled->base);
    }
    return error;
}

static int settle(const struct compiled *compiled, const struct compiled_header *header)
{
    int error;

    if ((uintptr_t)compiled->base == header->base)
        return 0;
    if (mprotect(compiled->base, compiled->size, PROT_READ | PROT_WRITE) < 0)
        return -errno;
    error = move_pointers(compiled, header);
    if (!error && mprotect(compiled->base, compiled->size, PROT_READ) < 0)
        error = -errno;
    return error;
}

int compiled_open(struct compiled *compiled, struct catalog *catalog)
{
    struct compiled_header header;
    int error;

    memcpy(&header, compiled->base, sizeof(header));
    error = is_whole(compiled, &header) ? settle(compiled, &header) : -EBADMSG;
    if (error) {
        compiled_unmap(compiled);
        return error;
    }
    *catalog = (struct catalog){
        .tables = (struct table **)((char *)compiled->base + header.tables),
        .table_count = header.table_count,
        .row_count = header.row_count,
        .by_name = (const struct row **)((char *)compiled->base + header.by_name),
        .compiled = *compiled,
    };
    *compiled = (struct compiled){0};
    return 0;
}
