/* Finding a host, and the conversation before the first call: docs/protocol.md, "Control messages". */
#include "preload/connection.h"

#include "preload/host_process.h"
#include "preload/place.h"
#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/wire/address.h"
#include "spec/wire/clock.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? item->valuestring : "";
}

/* A whole number from 0 to `most`, else -1. */
static int64_t number_of(const cJSON *object, const char *name, uint32_t most)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > most)
        return -1;
    return (int64_t)item->valuedouble;
}

/* ---- reaching a host ---- */

static int start_own_host(struct core *core, const char *command, char **address)
{
    AUTO_FREE char *path = command ? NULL : place_host_program();
    int fd;

    if (!command && !path) {
        log_error("no host is running and winapi-host was not found beside this library: start one and set WINAPI_HOST, "
                  "or install it");
        return -ENOTCONN;
    }
    fd = host_process_start(command, path, &core->specs);
    if (fd < 0) {
        log_error("%s: cannot be started as the host: %s", command ? command : path, strerror(-fd));
        return -ENOTCONN;
    }
    *address = malloc(strlen(command ? command : path) + sizeof("exec: --stdio"));
    if (*address) {
        strcpy(*address, "exec:");
        strcat(*address, command ? command : path);
        strcat(*address, command ? "" : " --stdio");
    }
    return fd;
}

static int connect_unix(const char *path, uint64_t deadline_ns, char **address)
{
    int fd = address_connect_unix(path, deadline_ns);

    if (fd < 0)
        return fd;
    *address = malloc(strlen(path) + sizeof("unix:"));
    if (*address) {
        strcpy(*address, "unix:");
        strcat(*address, path);
    }
    return descriptor_raise(fd);
}

/* The address that WINAPI_HOST gives.  A host that was named is never replaced by another. */
static int reach_named(struct core *core, uint64_t deadline_ns, char **text)
{
    const char *why = "";
    struct address address;
    int fd;

    if (address_parse(&address, core->settings.host, &why)) {
        log_error("WINAPI_HOST=%s: %s", core->settings.host, why);
        return -ENOTCONN;
    }
    if (address.kind == ADDRESS_EXEC)
        return start_own_host(core, address.text, text);
    fd = connect_unix(address.text, deadline_ns, text);
    if (fd >= 0)
        return fd;
    log_error("%s: no host answers: %s; start one with: winapi-host --listen %s", core->settings.host, strerror(-fd),
              core->settings.host);
    return -ENOTCONN;
}

/* Without WINAPI_HOST: the user's running host, else one of our own. */
static int reach_any(struct core *core, uint64_t deadline_ns, char **text)
{
    AUTO_FREE char *path = address_default_path(settings_variable("XDG_RUNTIME_DIR"), core->settings.port);
    int fd = path ? connect_unix(path, deadline_ns, text) : -ENOMEM;

    return fd >= 0 ? fd : start_own_host(core, NULL, text);
}

/* ---- hello ---- */

static cJSON *describe_table(const struct table *table)
{
    cJSON *described = cJSON_CreateObject();
    char hash[17];

    snprintf(hash, sizeof(hash), "%016" PRIx64, table->hash);
    cJSON_AddStringToObject(described, "table", table->name);
    cJSON_AddNumberToObject(described, "version", table->version);
    cJSON_AddStringToObject(described, "hash", hash);
    cJSON_AddNumberToObject(described, "rows", (double)table->row_count);
    return described;
}

static cJSON *make_hello(const struct core *core, bool has_memory, uint16_t salt)
{
    cJSON *hello = cJSON_CreateObject();
    cJSON *protocol = cJSON_AddObjectToObject(hello, "protocol");
    cJSON *tables = cJSON_AddArrayToObject(hello, "tables");

    cJSON_AddStringToObject(hello, "message", "hello");
    cJSON_AddNumberToObject(protocol, "major", PROTOCOL_MAJOR);
    cJSON_AddNumberToObject(protocol, "minor", PROTOCOL_MINOR);
    cJSON_AddStringToObject(hello, "program", "winapi " WINAPI_VERSION);
    cJSON_AddNumberToObject(hello, "pid", (double)getpid());
    cJSON_AddStringToObject(hello, "data_model", sizeof(long) == 8 ? "LP64" : "ILP32");
    cJSON_AddStringToObject(hello, "byte_order", "little");
    cJSON_AddStringToObject(hello, "medium", has_memory ? "memory" : "socket");
    cJSON_AddNumberToObject(hello, "salt", salt);
    for (size_t i = 0; i < core->catalog.table_count; i++)
        cJSON_AddItemToArray(tables, describe_table(core->catalog.tables[i]));
    return hello;
}

static int converse(struct connection *connection, cJSON *question, int fd, cJSON **answer, uint64_t deadline_ns)
{
    int error = question ? channel_send(&connection->channel, question, fd, deadline_ns) : -ENOMEM;

    cJSON_Delete(question);
    if (!error)
        error = channel_receive(&connection->channel, answer, CONTROL_MESSAGE_MOST, deadline_ns);
    if (error) {
        log_error("%s: the host does not answer: %s", connection->address, strerror(-error));
        return error;
    }
    if (strcmp(text_of(*answer, "message"), "error") == 0) {
        log_error("%s: the host refuses: %s", connection->address, text_of(*answer, "text"));
        cJSON_Delete(*answer);
        *answer = NULL;
        return -EPROTO;
    }
    return 0;
}

/* What keeps one function from running there; the text is kept for each call's line. */
static void refuse(struct connection *connection, size_t index, const char *format, const char *detail)
{
    char text[512];

    snprintf(text, sizeof(text), format, detail);
    connection->refusals[index] = strdup(text);
}

static void take_row(struct connection *connection, const struct table *table, size_t first, const cJSON *row)
{
    const struct row *found = table_find(table, text_of(row, "name"));
    int64_t id = number_of(row, "id", CONNECTION_NO_ID - 1);
    size_t index;

    if (!found)
        return;
    index = first + found->index;
    if (id >= 0)
        connection->ids[index] = (uint32_t)id;
    else if (*text_of(row, "differs"))
        refuse(connection, index, "guest and host have different rows for it; the host's is: %s", text_of(row, "differs"));
    else
        refuse(connection, index, "the host's table has no such row%s", "");
}

static int ask_for_rows(struct connection *connection, const struct table *table, size_t first, uint64_t deadline_ns)
{
    cJSON *question = cJSON_CreateObject(), *answer = NULL, *row;
    cJSON *rows = cJSON_AddArrayToObject(question, "rows");
    char hash[17];
    int error;

    cJSON_AddStringToObject(question, "message", "rows");
    cJSON_AddStringToObject(question, "table", table->name);
    for (size_t i = 0; i < table->row_count; i++) {
        row = cJSON_CreateObject();
        snprintf(hash, sizeof(hash), "%016" PRIx64, table->rows[i].hash);
        cJSON_AddStringToObject(row, "name", table->rows[i].name);
        cJSON_AddStringToObject(row, "hash", hash);
        cJSON_AddItemToArray(rows, row);
    }
    error = converse(connection, question, -1, &answer, deadline_ns);
    if (error)
        return error;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(answer, "rows"))
        take_row(connection, table, first, row);
    cJSON_Delete(answer);
    for (size_t i = 0; i < table->row_count; i++)
        if (connection->ids[first + i] == CONNECTION_NO_ID && !connection->refusals[first + i])
            refuse(connection, first + i, "the host says nothing about it%s", "");
    return 0;
}

static void refuse_table(struct connection *connection, const struct table *table, size_t first)
{
    char detail[400];

    snprintf(detail, sizeof(detail), "%s; start it with: winapi-host --spec %s", table->name, table->path);
    for (size_t i = 0; i < table->row_count; i++)
        refuse(connection, first + i, "the host has no table %s", detail);
}

static int take_table(struct connection *connection, const struct table *table, size_t first, const cJSON *answer,
                      uint64_t deadline_ns)
{
    int64_t id = number_of(answer, "first", CONNECTION_NO_ID / 2);

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "match")) && id >= 0) {
        for (size_t i = 0; i < table->row_count; i++)
            connection->ids[first + i] = (uint32_t)(id + (int64_t)i);
        return 0;
    }
    if (!answer || cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "absent"))) {
        refuse_table(connection, table, first);
        return 0;
    }
    return ask_for_rows(connection, table, first, deadline_ns);
}

static const cJSON *find_table(const cJSON *welcome, const char *name)
{
    const cJSON *table;

    cJSON_ArrayForEach(table, cJSON_GetObjectItemCaseSensitive(welcome, "tables"))
        if (strcmp(text_of(table, "table"), name) == 0)
            return table;
    return NULL;
}

/* At debug level one line says who answers. */
static void say_who(const struct connection *connection, const struct core *core, const cJSON *welcome)
{
    char tables[256] = "";
    size_t used = 0;

    if (!log_enabled(LOG_DEBUG))
        return;
    for (size_t i = 0; i < core->catalog.table_count && used < sizeof(tables); i++)
        used += (size_t)snprintf(tables + used, sizeof(tables) - used, "%s%s", i ? "," : "",
                                 core->catalog.tables[i]->name);
    log_debug("%s answers: %s, %s, pid %u, tables %s, medium %s%s%s", connection->address, text_of(welcome, "program"),
              text_of(welcome, "system"), connection->worker, tables, connection->memory ? "memory" : "socket",
              *text_of(welcome, "medium_why") ? ": " : "", text_of(welcome, "medium_why"));
}

static int take_welcome(struct connection *connection, struct core *core, const cJSON *welcome, uint64_t deadline_ns)
{
    int64_t lanes = number_of(cJSON_GetObjectItemCaseSensitive(welcome, "limits"), "lanes", LANES_MOST);
    int64_t worker = number_of(welcome, "pid", UINT32_MAX);
    size_t first = 0;
    int error = 0;

    if (strcmp(text_of(welcome, "message"), "welcome") != 0 || worker < 0) {
        log_error("%s: what answers there is no winapi-host", connection->address);
        return -EPROTO;
    }
    connection->worker = (uint32_t)worker;
    connection->lanes_most = lanes > 0 ? (uint32_t)lanes : LANES_MOST;
    if (strcmp(text_of(welcome, "medium"), "memory") != 0) {
        if (connection->memory)
            log_info("%s: no shared memory: %s", connection->address, text_of(welcome, "medium_why"));
        connection->memory = NULL;
    }
    for (size_t i = 0; !error && i < core->catalog.table_count; i++) {
        const struct table *table = core->catalog.tables[i];

        error = take_table(connection, table, first, find_table(welcome, table->name), deadline_ns);
        first += table->row_count;
    }
    if (!error)
        say_who(connection, core, welcome);
    return error;
}

static int greet(struct connection *connection, struct core *core, uint16_t salt, uint64_t deadline_ns)
{
    cJSON *welcome = NULL;
    int error = converse(connection, make_hello(core, connection->memory != NULL, salt),
                         connection->memory ? connection->memory->fd : -1, &welcome, deadline_ns);

    if (!error)
        error = take_welcome(connection, core, welcome, deadline_ns);
    cJSON_Delete(welcome);
    return error;
}

static struct connection *connection_create(const struct core *core, struct memory *memory, struct arena *arena)
{
    struct connection *made = calloc(1, sizeof(*made));

    if (!made)
        return NULL;
    made->row_count = core->catalog.row_count;
    made->ids = malloc((made->row_count + 1) * sizeof(*made->ids));
    made->refusals = calloc(made->row_count + 1, sizeof(*made->refusals));
    made->memory = memory;
    made->arena = arena;
    channel_start(&made->channel, -1, -1);
    if (made->ids)
        memset(made->ids, 0xff, (made->row_count + 1) * sizeof(*made->ids));
    if (made->ids && made->refusals)
        return made;
    connection_close(made);
    return NULL;
}

int connection_open(struct connection **connection, struct core *core, struct memory *memory, struct arena *arena,
                    uint16_t salt)
{
    uint64_t deadline_ns = clock_deadline_ns(core->settings.connect_timeout_ms);
    struct connection *made = connection_create(core, memory, arena);
    int fd, error;

    if (!made)
        return -ENOMEM;
    fd = core->settings.host ? reach_named(core, deadline_ns, &made->address)
                             : reach_any(core, deadline_ns, &made->address);
    if (fd >= 0 && made->address) {
        channel_start(&made->channel, fd, fd);
        descriptor_mark(&made->mark, fd);
        error = greet(made, core, salt, deadline_ns);
    } else {
        error = fd < 0 ? fd : -ENOMEM;
    }
    if (error) {
        connection_close(made);
        return error;
    }
    *connection = made;
    return 0;
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
    descriptor_close(&connection->mark, connection->channel.fd);
    connection_free(connection);
}

int connection_open_lane(struct connection *connection, uint32_t index, int fd, uint64_t deadline_ns)
{
    cJSON *question = cJSON_CreateObject(), *answer = NULL;
    int error;

    if (!descriptor_is_ours(&connection->mark, connection->channel.fd)) {
        cJSON_Delete(question);
        return -ECONNRESET; /* the program has closed it */
    }
    cJSON_AddStringToObject(question, "message", "open_lane");
    cJSON_AddNumberToObject(question, "lane", index);
    cJSON_AddStringToObject(question, "medium", connection->memory ? "memory" : "socket");
    error = converse(connection, question, fd, &answer, deadline_ns);
    cJSON_Delete(answer);
    return error;
}
