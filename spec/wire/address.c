/*
 * Addresses, and Unix sockets by path.
 *
 * sun_path holds 107 bytes.  A longer path is reached through /proc/self/fd: its directory is opened, and the socket
 * named under the descriptor's number.
 */
#include "spec/wire/address.h"

#include "spec/base/own.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

enum {
    BACKLOG = 128,
    LOCK_TRIES = 100, /* each LOCK_PAUSE_NS, a second in all */
    LOCK_PAUSE_NS = 10000000,
};

/* ---- grammar ---- */

struct scheme {
    const char *prefix;
    enum address_kind kind;
    const char *refusal; /* NULL: known and served */
};

static const struct scheme schemes[] = {
    {"unix:", ADDRESS_UNIX, NULL},
    {"exec:", ADDRESS_EXEC, NULL},
    {"vsock:", 0, "vsock addresses are not supported by this version: use unix:PATH or exec:COMMAND"},
    {"hyperv:", 0, "hyperv addresses are not supported by this version: use unix:PATH or exec:COMMAND"},
    {"tcp:", 0, "tcp addresses are not supported by this version: use unix:PATH or exec:COMMAND"},
};

static const struct scheme *scheme_find(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            return &schemes[i];
    }
    return NULL;
}

int address_parse(struct address *address, const char *text, const char **why)
{
    const struct scheme *scheme = scheme_find(text);
    const char *rest;

    *why = "an address is unix:PATH or exec:COMMAND";
    if (scheme == NULL)
        return -EINVAL;
    *why = scheme->refusal;
    if (scheme->refusal != NULL)
        return -EINVAL;
    rest = text + strlen(scheme->prefix);
    if (rest[strspn(rest, " \t")] == '\0') {
        *why = scheme->kind == ADDRESS_UNIX ? "unix: needs a path behind it, as in unix:/run/winapi.sock"
                                            : "exec: needs a command behind it, as in exec:winapi-host --stdio";
        return -EINVAL;
    }

    *address = (struct address){.kind = scheme->kind, .text = rest};
    *why = NULL;
    return 0;
}

char *address_default_path(const char *runtime_dir, unsigned port)
{
    char *path = NULL;
    int size;

    if (runtime_dir != NULL && runtime_dir[0] != '\0')
        size = asprintf(&path, "%s/winapi/host-0x%x", runtime_dir, port);
    else
        size = asprintf(&path, "/tmp/winapi-%u/host-0x%x", (unsigned)geteuid(), port);

    return size < 0 ? NULL : path;
}

/* ---- names that fit sun_path ---- */

/* Copies a name that is short enough; false when it is not. */
static bool name_set(struct sockaddr_un *name, const char *path)
{
    size_t size = strlen(path);

    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size >= sizeof(name->sun_path))
        return false;
    memcpy(name->sun_path, path, size + 1);
    return true;
}

static void name_set_through(struct sockaddr_un *name, int fd, const char *file)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(name->sun_path, sizeof(name->sun_path), "/proc/self/fd/%d%s%s", fd, file[0] != '\0' ? "/" : "", file);
}

/* ---- connecting ---- */

/* How long connect(2) may wait for room in the backlog.  false: the deadline is past. */
static bool patience_set(int fd, uint64_t deadline_ns)
{
    int left_ms = clock_poll_ms(deadline_ns);
    struct timeval patience = {0};

    if (left_ms == 0)
        return false;
    if (left_ms > 0)
        patience = (struct timeval){.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0;
}

static int name_connect(int fd, const struct sockaddr_un *name, uint64_t deadline_ns)
{
    int rc;

    do {
        if (!patience_set(fd, deadline_ns))
            return -ETIMEDOUT;
        rc = connect(fd, (const struct sockaddr *)name, sizeof(*name));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;

    return patience_set(fd, 0) ? 0 : -errno;
}

/* Under a directory that anybody may write to, a socket of this name may be anybody's. */
static int peer_check(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;

    return peer.uid == geteuid() || peer.uid == 0 ? 0 : -EPERM;
}

int address_connect_unix(const char *path, uint64_t deadline_ns)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_CLOSE int file = -1;
    struct sockaddr_un name;
    int rc;

    if (fd < 0)
        return -errno;
    if (!name_set(&name, path)) {
        file = open(path, O_PATH | O_CLOEXEC);
        if (file < 0)
            return -errno;
        name_set_through(&name, file, "");
    }
    rc = name_connect(fd, &name, deadline_ns);
    if (rc == 0)
        rc = peer_check(fd);

    return rc < 0 ? rc : take_fd(&fd);
}

/* ---- listening ---- */

/* The directory that the socket lies in, made if need be: a descriptor.  It must be ours or the system's. */
static int directory_open(const char *path, size_t size)
{
    AUTO_FREE char *directory = size != 0 ? strndup(path, size) : strdup(path[0] == '/' ? "/" : ".");
    AUTO_CLOSE int fd = -1;
    struct stat status;

    if (directory == NULL)
        return -ENOMEM;
    if (mkdir(directory, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
        return -errno;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;

    return status.st_uid == geteuid() || status.st_uid == 0 ? take_fd(&fd) : -EPERM;
}

/* Of several hosts that start at the same time one at a time looks whether the name is free. */
static int directory_lock(int directory)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(directory, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        nanosleep(&pause, NULL);
    }
    return -EBUSY;
}

/* Removes a socket on which nobody listens; -EADDRINUSE: somebody does, or it is no socket. */
static int stale_remove(int directory, const char *file, const struct sockaddr_un *name)
{
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat status;

    if (fd < 0)
        return -errno;
    if (fstatat(directory, file, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISSOCK(status.st_mode))
        return -EADDRINUSE;
    if (connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0 || errno != ECONNREFUSED)
        return -EADDRINUSE;

    return unlinkat(directory, file, 0) < 0 ? -errno : 0;
}

static int name_bind(int fd, int directory, const char *path, const char *file)
{
    struct sockaddr_un name;
    int rc;

    if (!name_set(&name, path))
        name_set_through(&name, directory, file);
    if (bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;

    rc = stale_remove(directory, file, &name);
    if (rc < 0)
        return rc;
    return bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
}

/* A name relative to any directory's descriptor must fit: "/proc/self/fd/N/" takes at most 25 bytes of sun_path. */
static bool file_fits(const char *file)
{
    return strlen(file) < sizeof(((struct sockaddr_un *)NULL)->sun_path) - 25;
}

int address_listen_unix(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;
    AUTO_CLOSE int directory = -1;
    AUTO_CLOSE int fd = -1;
    int rc;

    if (file[0] == '\0')
        return -EINVAL;
    if (!file_fits(file))
        return -ENAMETOOLONG;
    directory = directory_open(path, slash != NULL ? (size_t)(slash - path) : 0);
    if (directory < 0)
        return directory;
    rc = directory_lock(directory);
    if (rc < 0)
        return rc;

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || fchmod(fd, 0600) < 0) /* the name gets the socket's mode: no moment in which others may connect */
        return -errno;
    rc = name_bind(fd, directory, path, file);
    if (rc < 0)
        return rc;
    return listen(fd, BACKLOG) < 0 ? -errno : take_fd(&fd);
}
