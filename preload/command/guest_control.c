/*
 * The way to another process's control memory.
 *
 * A memfd sealed against shrinking cannot be taken away under our eyes; anything else by that name is refused.  Bytes
 * are read with pread into memory of our own.
 */
#include "preload/command/guest_control.h"

#include "spec/base/file.h"
#include "spec/base/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { LOCK_TRIES = 500, SEEN_TRIES = 300, LOOK_TRIES = 100, PROC_FILE_MOST = 64 << 20 };

#define LINK_NAME    "/memfd:" CONTROL_NAME
#define LIBRARY_NAME "libwinapi_preload.so"

bool guest_control_parse_pid(const char *text, long *pid)
{
    char *end;

    errno = 0;
    *pid = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *pid > 0 && *pid <= INT32_MAX;
}

static int fail(struct guest_control *control, int error, const char *why)
{
    snprintf(control->why, sizeof(control->why), "%s", why);
    return error;
}

/* ---- finding it ---- */

static bool is_control_link(const char *path)
{
    char target[sizeof(LINK_NAME)];
    ssize_t size = readlink(path, target, sizeof(target));

    return size == (ssize_t)sizeof(target) && memcmp(target, LINK_NAME " ", sizeof(target)) == 0;
}

static bool is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & F_SEAL_SHRINK);
}

/* Takes the descriptor if it leads to what can safely be looked at. */
static int adopt(struct guest_control *control, const char *path)
{
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (fd < 0)
        return -errno;
    if (!is_sealed(fd) || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return -EBADMSG;
    control->size = (uint64_t)status.st_size;
    control->fd = take_fd(&fd);
    return 0;
}

/* The number that the process has for itself, in its own pid namespace. */
static long own_number(long pid)
{
    AUTO_FREE char *status = NULL;
    char path[64];
    const char *line;
    size_t size;

    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    if (file_read(path, PROC_FILE_MOST, &status, &size))
        return pid;
    line = strstr(status, "\nNSpid:");
    if (!line)
        return pid;
    line++;
    for (const char *at = line; *at && *at != '\n'; at++)
        if (*at == '\t')
            line = at + 1;
    return strtol(line, NULL, 10);
}

/* A forked child has a copy of its parent's until its own first call. */
static bool is_its_own(const struct guest_control *control)
{
    return (long)control->view.header.pid == own_number(control->pid);
}

static int try_path(struct guest_control *control, const char *path)
{
    int error = adopt(control, path);

    if (!error)
        error = guest_control_look(control);
    if (!error && !is_its_own(control))
        error = -ECHILD;
    if (error)
        guest_control_close(control);
    return error;
}

static int try_descriptors(struct guest_control *control, DIR *directory)
{
    const struct dirent *entry;
    int error = -ENOENT;

    while (error && (entry = readdir(directory))) {
        char path[320];
        int found;

        snprintf(path, sizeof(path), "/proc/%ld/fd/%s", control->pid, entry->d_name);
        if (!is_control_link(path))
            continue;
        found = try_path(control, path);
        if (!found || error == -ENOENT)
            error = found;
    }
    return error;
}

/* Each mapping of it, by its addresses: for those who may follow such links, which is root. */
static int try_mappings(struct guest_control *control, const char *maps)
{
    int error = -ENOENT;

    for (const char *line = maps; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *name = strstr(line, LINK_NAME " ");
        const char *end = strchr(line, '\n');
        char path[128];

        if (!name || (end && name > end))
            continue;
        snprintf(path, sizeof(path), "/proc/%ld/map_files/%.*s", control->pid, (int)strcspn(line, " "), line);
        error = try_path(control, path);
        if (!error)
            return 0;
    }
    return error;
}

static int explain_absence(struct guest_control *control, const char *maps, int error)
{
    if (error == -ECHILD)
        return fail(control, error,
                    "it was forked, and has made no call to a function of the tables since; what its parent's counts "
                    "and routes are says the parent");
    if (error == -EPROTONOSUPPORT)
        return fail(control, error, "the library in it is of another version than this command");
    if (error == -EBADMSG)
        return fail(control, error, "its control memory makes no sense; somebody has written to it");
    if (strstr(maps, LINK_NAME " "))
        return fail(control, error,
                    "the program has closed the descriptor of its control memory, and only root can reach it without");
    if (strstr(maps, LIBRARY_NAME))
        return fail(control, error,
                    "it has made no call to a function of the tables yet, or could make no control memory, which takes "
                    "a limit of 64 descriptors (WINAPI_LOG_LEVEL=debug says why): nothing is known of it");
    return fail(control, error, "it does not run under " LIBRARY_NAME "; winapi run starts programs that do");
}

static int search(struct guest_control *control, DIR *directory)
{
    AUTO_FREE char *maps = NULL;
    char path[64];
    size_t size;
    int error = try_descriptors(control, directory);
    int mapped;

    if (!error)
        return 0;
    snprintf(path, sizeof(path), "/proc/%ld/maps", control->pid);
    mapped = file_read(path, PROC_FILE_MOST, &maps, &size);
    if (mapped)
        return fail(control, mapped, strerror(-mapped));
    if (error == -ENOENT && try_mappings(control, maps) == 0)
        return 0;
    return explain_absence(control, maps, error);
}

static int explain_closed(struct guest_control *control, int error)
{
    if (error == -ENOENT || error == -ESRCH)
        return fail(control, error, "there is no such process");
    if (error == -EACCES || error == -EPERM)
        return fail(control, error,
                    "not permitted: it runs as another user, or has changed its user; root can look at it");
    return fail(control, error, strerror(-error));
}

static int open_once(struct guest_control *control, long pid)
{
    char path[64];
    DIR *directory;
    int error;

    *control = (struct guest_control){.pid = pid, .fd = -1};
    snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
    directory = opendir(path);
    if (!directory)
        return explain_closed(control, -errno);
    error = search(control, directory);
    closedir(directory);
    return error == -EACCES || error == -EPERM ? explain_closed(control, error) : error;
}

/* Memory that is just being made is not sealed, and has no magic, yet. */
int guest_control_open(struct guest_control *control, long pid)
{
    int error = open_once(control, pid);

    for (int tries = 0; error == -EBADMSG && tries < LOOK_TRIES; tries++) {
        poll(NULL, 0, 1);
        error = open_once(control, pid);
    }
    return error;
}

void guest_control_close(struct guest_control *control)
{
    free(control->index);
    control->index = NULL;
    own_close(&control->fd);
    control->fd = -1;
}

/* ---- looking ---- */

static int read_at(int fd, void *into, uint64_t size, uint64_t offset)
{
    while (size) {
        ssize_t done = pread(fd, into, size, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EBADMSG;
        into = (char *)into + done;
        size -= (uint64_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static int look_once(struct guest_control *control)
{
    struct control_header header;
    uint64_t size = 0;
    int error = read_at(control->fd, &header, sizeof(header), 0);

    if (!error)
        error = control_view_size(&header, control->size, &size);
    if (error)
        return error;
    free(control->index);
    control->index = malloc(size);
    if (!control->index)
        return -ENOMEM;
    error = read_at(control->fd, control->index, size, 0);
    return error ? error : control_view_open(&control->view, control->index, size, control->size);
}

int guest_control_look(struct guest_control *control)
{
    int error = look_once(control);

    return error ? fail(control, error, "its control memory makes no sense; somebody has written to it") : 0;
}

int guest_control_counts(const struct guest_control *control, size_t function, struct control_counts *counts)
{
    struct control_counts share;
    int error = 0;

    *counts = (struct control_counts){0};
    for (size_t shard = 0; !error && shard < control->view.header.shard_count; shard++) {
        error =
            read_at(control->fd, &share, sizeof(share), control_view_counts_offset(&control->view, shard, function));
        if (!error)
            call_counts_merge(counts, &share);
    }
    return error;
}

/* ---- changing ---- */

int guest_control_lock(struct guest_control *control)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (flock(control->fd, LOCK_EX | LOCK_NB) == 0)
            return guest_control_look(control);
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(control, -errno, strerror(errno));
        poll(NULL, 0, 10);
    }
    return fail(control, -EBUSY, "another winapi route is at work on it");
}

/* A family has one word for all its members. */
static void write_wishes(const struct guest_control *control, char *memory, const uint8_t *wishes)
{
    const struct control_view *view = &control->view;
    struct control_function *functions = (void *)(memory + view->header.functions_offset);
    struct control_family *families = (void *)(memory + view->header.families_offset);

    for (size_t i = 0; i < view->function_count; i++) {
        uint32_t family = view->functions[i].family;

        if (wishes[i] != CONTROL_NO_WISH)
            __atomic_store_n(family ? &families[family - 1].wish : &functions[i].wish, wishes[i], __ATOMIC_RELAXED);
    }
}

/* Counterpart: the library's acquiring load, which comes before it looks at the wishes. */
static uint32_t raise_epoch(struct control_header *header)
{
    uint32_t epoch = __atomic_add_fetch(&header->epoch, 1, __ATOMIC_RELEASE);

    return epoch ? epoch : __atomic_add_fetch(&header->epoch, 1, __ATOMIC_RELEASE);
}

static bool wait_for(const struct control_header *header, uint32_t epoch)
{
    for (int tries = 0; tries < SEEN_TRIES; tries++) {
        if (__atomic_load_n(&header->applied, __ATOMIC_ACQUIRE) == epoch)
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

int guest_control_wish(struct guest_control *control, const uint8_t *wishes, bool *seen)
{
    uint64_t size = control->view.header.counts_offset;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, control->fd, 0);

    if (memory == MAP_FAILED)
        return fail(control, -errno, strerror(errno));
    write_wishes(control, memory, wishes);
    *seen = wait_for((void *)memory, raise_epoch((void *)memory));
    munmap(memory, size);
    return guest_control_look(control);
}

void guest_control_print(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e ? '?' : *text);
}
