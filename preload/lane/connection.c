/* Finding a host, and lanes on the connection to it. */
#include "preload/lane/connection.h"

#include "preload/lane/greeting.h"
#include "preload/lane/host_process.h"
#include "preload/loader/place.h"
#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/wire/address.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLOSE_TIMEOUT_MS = 1000 };

/* ---- reaching a host ---- */

static int start_own_host(struct connection *connection, struct core *core, const char *command)
{
    AUTO_FREE char *path = command ? NULL : place_host_program();
    int fd;

    connection->absence->is_costly = true;
    if (!command && !path) {
        connection_explain(connection,
                           "no host is running and winapi-host was not found beside this library: install it, or "
                           "start one elsewhere and set WINAPI_HOST");
        return -ENOTCONN;
    }
    if (asprintf(&connection->address, "exec:%s%s", command ? command : path, command ? "" : " --stdio") < 0) {
        connection->address = NULL;
        return -ENOMEM;
    }
    fd = host_process_start(command, path, &core->specs, &connection->started);
    if (fd >= 0)
        return fd;
    connection_explain(connection, "%s: the host cannot be started: %s", connection->address, strerror(-fd));
    return -ENOTCONN;
}

static int connect_unix(struct connection *connection, const char *path, uint64_t deadline_ns)
{
    int fd = address_connect_unix(path, deadline_ns);

    if (fd < 0)
        return fd;
    if (asprintf(&connection->address, "unix:%s", path) >= 0)
        return descriptor_raise(fd);
    connection->address = NULL;
    close(fd);
    return -ENOMEM;
}

/* The address that WINAPI_HOST gives.  A host that was named is never replaced by another. */
static int reach_named(struct connection *connection, struct core *core, uint64_t deadline_ns)
{
    const char *host = core->settings.host, *why = "";
    struct address address;
    int fd;

    if (address_parse(&address, host, &why)) {
        connection_explain(connection, "WINAPI_HOST=%s: %s", host, why);
        return -ENOTCONN;
    }
    if (address.kind == ADDRESS_EXEC)
        return start_own_host(connection, core, address.text);
    fd = connect_unix(connection, address.text, deadline_ns);
    if (fd >= 0)
        return fd;
    connection->absence->is_costly = fd == -ETIMEDOUT;
    connection_explain(connection, "%s: no host answers: %s; start one with: winapi-host --listen %s", host,
                       strerror(-fd), host);
    return -ENOTCONN;
}

/* Without WINAPI_HOST: the user's running host, else one of our own. */
static int reach_any(struct connection *connection, struct core *core, uint64_t deadline_ns)
{
    AUTO_FREE char *path = address_default_path(settings_variable("XDG_RUNTIME_DIR"), core->settings.port);
    int fd = path ? connect_unix(connection, path, deadline_ns) : -ENOMEM;

    return fd >= 0 ? fd : start_own_host(connection, core, NULL);
}

static struct connection *connection_create(const struct core *core, struct arena *arena)
{
    struct connection *made = calloc(1, sizeof(*made));

    if (!made)
        return NULL;
    made->row_count = core->catalog.row_count;
    made->ids = malloc((made->row_count + 1) * sizeof(*made->ids));
    made->refusals = calloc(made->row_count + 1, sizeof(*made->refusals));
    made->arena = arena;
    made->memory = arena ? arena->memory : NULL;
    channel_start(&made->channel, -1, -1);
    if (made->ids)
        memset(made->ids, 0xff, (made->row_count + 1) * sizeof(*made->ids));
    if (made->ids && made->refusals)
        return made;
    connection_close(made);
    return NULL;
}

static int reach(struct connection *connection, struct core *core, uint64_t deadline_ns)
{
    int fd =
        core->settings.host ? reach_named(connection, core, deadline_ns) : reach_any(connection, core, deadline_ns);

    if (fd < 0)
        return fd;
    connection->absence->is_costly = true; /* whatever goes wrong from here on took its time */
    channel_start(&connection->channel, fd, fd);
    return 0;
}

/*
 * A command that was started and is no host, or none that answers in time, may not care that its stdin ends.  While it
 * holds the other end its number is its own: it is the leader of a session.
 */
static void end_command(const struct connection *connection)
{
    if (connection->started > 1 && !channel_is_gone(&connection->channel))
        kill(-connection->started, SIGTERM);
}

/* Takes over what was created. */
static int open_created(struct connection **connection, struct connection *made, struct core *core, uint16_t salt)
{
    uint64_t deadline_ns = clock_deadline_ns(core->settings.connect_timeout_ms);
    int error = reach(made, core, deadline_ns);

    if (!error)
        error = connection_greet(made, core, salt, deadline_ns);
    if (error) {
        end_command(made);
        connection_close(made);
        return error;
    }
    *connection = made;
    return 0;
}

int connection_open_heard(struct connection **connection, struct core *core, struct arena *arena,
                          struct absence *absence, struct connection_listener listener)
{
    struct connection *made = connection_create(core, arena);

    *absence = (struct absence){.text = "out of memory"};
    if (!made)
        return -ENOMEM;
    made->absence = absence;
    made->listener = listener;
    return open_created(connection, made, core, 0);
}

int connection_open(struct connection **connection, struct core *core, struct arena *arena, uint16_t salt,
                    struct absence *absence)
{
    struct connection *made = connection_create(core, arena);

    *absence = (struct absence){.text = "out of memory"};
    if (!made)
        return -ENOMEM;
    made->absence = absence;
    return open_created(connection, made, core, salt);
}

static void connection_free(struct connection *connection)
{
    for (size_t i = 0; connection->refusals && i < connection->row_count; i++)
        free(connection->refusals[i]);
    free(connection->refusals);
    free(connection->ids);
    free(connection->address);
    free(connection);
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    channel_finish(&connection->channel);
    connection_free(connection);
}

/* As text: for a number cJSON asks sscanf(), which needs more stack than all else together. */
static void add_lane_number(cJSON *message, uint32_t index)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", index);
    cJSON_AddRawToObject(message, "lane", text);
}

int connection_open_lane(struct connection *connection, uint32_t index, int fd, uint64_t deadline_ns)
{
    cJSON *message = cJSON_CreateObject(), *answer = NULL;
    int error;

    cJSON_AddStringToObject(message, "message", "open_lane");
    add_lane_number(message, index);
    cJSON_AddStringToObject(message, "medium", connection->memory ? "memory" : "socket");
    error = connection_converse(connection, (struct question){message, fd, "lane"}, &answer, deadline_ns);
    cJSON_Delete(answer);
    if (error && error != -EAGAIN)
        atomic_store(&connection->is_lost, true);
    return error;
}

void connection_close_lane(struct connection *connection, uint32_t index)
{
    cJSON *message = cJSON_CreateObject();

    cJSON_AddStringToObject(message, "message", "close_lane");
    add_lane_number(message, index);
    cJSON_AddBoolToObject(message, "interrupt", true);
    if (!message || channel_send(&connection->channel, message, -1, clock_deadline_ns(CLOSE_TIMEOUT_MS)))
        atomic_store(&connection->is_lost, true);
    cJSON_Delete(message);
}

void connection_say_unmade(struct connection *connection)
{
    if (!connection->has_said_unmade)
        log_error("%s: the host has ended; calls that nobody waited for may not have been made", connection->address);
    connection->has_said_unmade = true;
}
