/*
 * A host that says what the input says, to a program that connects, asks for the rows of tables that do not match, and
 * opens lanes: an input is messages of JSON, one a line.  The host says it all at once and hangs up.
 */
#include "preload/lane/connection.h"
#include "spec/base/log.h"
#include "spec/wire/protocol.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { INPUT_MOST = 16 << 10, TIMEOUT_MS = 10000, LANES = 3, DESCRIPTORS_SEEN = 64 };

struct host {
    int listener;
    const uint8_t *data;
    size_t size;
};

static struct core core;
static struct memory memory;
static struct arena arena;
static struct sockaddr_un name = {.sun_family = AF_UNIX};
static char address[sizeof(name.sun_path) + 8];

static void read_table(const char *path)
{
    struct diagnostics diagnostics = {0};

    if (catalog_read(&core.catalog, path, &diagnostics))
        abort();
    diagnostics_finish(&diagnostics);
}

static void start_once(void)
{
    if (core.settings.host)
        return;
    log_start("fuzz_welcome", LOG_NONE, NULL);
    read_table(WINAPI_SOURCE_DIR "/tests/fixtures/ways/ways.json");
    read_table(WINAPI_SOURCE_DIR "/tests/fixtures/trouble.json");
    if (memory_create(&memory, MEMORY_PAGE, NULL) || arena_init(&arena, &memory))
        abort();
    core.settings.host = address;
    core.settings.connect_timeout_ms = TIMEOUT_MS;
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < DESCRIPTORS_SEEN; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A socket in a directory of its own, which nobody but this process can reach. */
static int listen_somewhere(char directory[])
{
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0 || !mkdtemp(directory))
        abort();
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/host", directory);
    snprintf(address, sizeof(address), "unix:%s", name.sun_path);
    if (bind(listener, (const struct sockaddr *)&name, sizeof(name)) < 0 || listen(listener, 1) < 0)
        abort();
    return listener;
}

/* A descriptor rides on each message, which a guest has no use for. */
static void say(int fd, const void *line, size_t size)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    uint32_t prefix = (uint32_t)size;
    struct iovec pieces[] = {{&prefix, sizeof(prefix)}, {(void *)(uintptr_t)line, size}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2, .msg_control = &control};

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    message.msg_controllen = sizeof(control.space);
    (void)!sendmsg(fd, &message, MSG_NOSIGNAL);
}

static void *be_host(void *context)
{
    const struct host *host = context;
    const uint8_t *at = host->data;
    size_t left = host->size;
    int fd = accept(host->listener, NULL, NULL);
    char heard[4096];

    while (left) {
        const uint8_t *end = memchr(at, '\n', left);
        size_t size = end ? (size_t)(end - at) : left;

        say(fd, at, size);
        at += size + (end != NULL);
        left -= size + (end != NULL);
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, heard, sizeof(heard), 0) > 0)
        continue;
    close(fd);
    return NULL;
}

/* Every function has an id or a reason, and every failure has its words. */
static void check(const struct connection *connection, int error, const struct absence *absence)
{
    if (error && !*absence->text)
        abort();
    for (size_t i = 0; connection && i < connection->row_count; i++)
        if (connection->ids[i] == CONNECTION_NO_ID && !connection->refusals[i])
            abort();
    if (connection && (connection->lanes_most == 0 || connection->lanes_most > LANES_MOST))
        abort();
}

static void be_guest(void)
{
    struct connection *connection = NULL;
    struct absence absence = {0};
    int error = connection_open(&connection, &core, &arena, 1, &absence);

    check(connection, error, &absence);
    for (uint32_t lane = 0; !error && lane < LANES; lane++)
        error = connection_open_lane(connection, lane, -1, 0);
    connection_close(connection);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char directory[] = "/tmp/winapi-fuzz.XXXXXX";
    struct host host = {-1, data, size};
    pthread_t thread;
    int open_before;

    if (size > INPUT_MOST)
        return 0;
    start_once();
    open_before = count_descriptors();
    host.listener = listen_somewhere(directory);
    if (pthread_create(&thread, NULL, be_host, &host) != 0)
        abort();
    be_guest();
    pthread_join(thread, NULL);
    close(host.listener);
    unlink(name.sun_path);
    rmdir(directory);
    if (count_descriptors() != open_before)
        abort();
    return 0;
}
