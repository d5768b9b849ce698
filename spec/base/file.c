/*
 * Whole files.
 *
 * A replaced file is a new file renamed over the old one, so a reader sees one or the other.  Nothing waits for the
 * disk: what is written here can be made again.
 */
#include "spec/base/file.h"

#include "spec/base/own.h"
#include "spec/base/quiet_write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_READ_SIZE = 4096, NAME_TRIES = 100 };

/* The file's size when it tells one, so that most files need one allocation. */
static size_t expected_size(int fd, size_t most)
{
    struct stat status;

    if (fstat(fd, &status) < 0 || status.st_size <= 0)
        return most < FIRST_READ_SIZE ? most : FIRST_READ_SIZE;
    return (uintmax_t)status.st_size < most ? (size_t)status.st_size : most;
}

static ssize_t read_some(int fd, char *bytes, size_t size)
{
    ssize_t count;

    do {
        count = read(fd, bytes, size);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

/* More room than `size` bytes, no more than `most`, and always two spare: one more byte to look for, and the NUL. */
static int grow(char **data, size_t *capacity, size_t most)
{
    size_t larger = *capacity < most / 2 ? *capacity * 2 : most;
    char *moved = realloc(*data, larger + 2);

    if (!moved)
        return -ENOMEM;
    *data = moved;
    *capacity = larger;
    return 0;
}

/* Reads until the end of the file; one byte beyond `capacity` tells whether there is more. */
static int read_all(int fd, size_t most, size_t capacity, char **data, size_t *size)
{
    *size = 0;
    for (;;) {
        ssize_t count = read_some(fd, *data + *size, capacity + 1 - *size);

        if (count <= 0)
            return (int)count;
        *size += (size_t)count;
        if (*size <= capacity)
            continue;
        if (capacity >= most)
            return -EFBIG;

        int error = grow(data, &capacity, most);

        if (error)
            return error;
    }
}

int file_open(const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
    return take_fd(&fd);
}

int file_read(const char *path, size_t most, char **data, size_t *size)
{
    AUTO_CLOSE int fd = file_open(path);

    if (fd < 0)
        return fd;
    if (most > SIZE_MAX - 2)
        most = SIZE_MAX - 2;

    size_t capacity = expected_size(fd, most);
    AUTO_FREE char *bytes = malloc(capacity + 2);

    if (!bytes)
        return -ENOMEM;

    int error = read_all(fd, most, capacity, &bytes, size);

    if (error)
        return error;
    bytes[*size] = '\0';
    *data = take_pointer(&bytes);
    return 0;
}

/* A new file beside `path`, its name in `name`.  The descriptor, or a negative errno. */
static int create_beside(const char *path, char name[PATH_MAX], mode_t mode)
{
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        int length = snprintf(name, PATH_MAX, "%s.%d.%u", path, (int)getpid(), i);

        if (length < 0 || length >= PATH_MAX)
            return -ENAMETOOLONG;

        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : -errno;
    }
    return -EEXIST;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t count = quiet_write(fd, bytes, size);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        bytes += count;
        size -= (size_t)count;
    }
    return 0;
}

int file_replace(const char *path, const void *data, size_t size, unsigned mode)
{
    char name[PATH_MAX];
    AUTO_CLOSE int fd = create_beside(path, name, (mode_t)mode);

    if (fd < 0)
        return fd;

    int error = write_all(fd, data, size);

    if (!error && rename(name, path) < 0)
        error = -errno;
    if (error)
        unlink(name);
    return error;
}
