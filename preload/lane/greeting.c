/* The hello and the welcome, and how any question is asked. */
#include "preload/lane/greeting.h"

#include "spec/base/log.h"
#include "spec/base/own.h"
#include "spec/base/text.h"
#include "spec/wire/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const own_data_model = sizeof(long) == 8 ? "LP64" : "ILP32";

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

void connection_explain(const struct connection *connection, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(connection->absence->text, sizeof(connection->absence->text), format, arguments);
    va_end(arguments);
}

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
    cJSON_AddStringToObject(hello, "data_model", own_data_model);
    cJSON_AddStringToObject(hello, "byte_order", "little");
    cJSON_AddStringToObject(hello, "medium", has_memory ? "memory" : "socket");
    cJSON_AddNumberToObject(hello, "salt", salt);
    for (size_t i = 0; i < core->catalog.table_count; i++)
        cJSON_AddItemToArray(tables, describe_table(core->catalog.tables[i]));
    return hello;
}

/* The other end's silence, in words. */
static void explain_silence(const struct connection *connection, int error)
{
    bool is_exec = strncmp(connection->address, "exec:", 5) == 0;

    switch (error) {
    case -ECONNRESET:
        connection_explain(connection, "%s: the host ended without an answer%s", connection->address,
                           is_exec ? "; does that command run winapi-host --stdio?" : "");
        break;
    case -ETIMEDOUT:
        connection_explain(connection, "%s: the host does not answer in time (WINAPI_CONNECT_TIMEOUT)",
                           connection->address);
        break;
    case -EBADMSG:
    case -EMSGSIZE:
        connection_explain(connection, "%s: what answers there is no winapi-host", connection->address);
        break;
    default:
        connection_explain(connection, "%s: the host cannot be asked: %s", connection->address, strerror(-error));
    }
}

/* -EAGAIN: it lives on, but has no more lanes for us. */
static int take_refusal(const struct connection *connection, const cJSON *answer)
{
    connection_explain(connection, "%s: the host refuses: %s", connection->address, text_of(answer, "text"));
    return strcmp(text_of(answer, "code"), "lanes") == 0 ? -EAGAIN : -EPROTO;
}

int connection_converse(struct connection *connection, struct question question, cJSON **answer, uint64_t deadline_ns)
{
    struct channel *channel = &connection->channel;
    int error = question.message ? channel_send(channel, question.message, question.fd, deadline_ns) : -ENOMEM;
    const char *kind;

    cJSON_Delete(question.message);
    if (!error)
        error = channel_receive(channel, answer, CONTROL_MESSAGE_MOST, deadline_ns);
    error = error == -EPIPE ? -ECONNRESET : error;
    if (error) {
        explain_silence(connection, error);
        return error == -EBADMSG || error == -EMSGSIZE ? -EPROTO : error;
    }
    own_close(&channel->received_fd); /* a host has none to give */
    channel->received_fd = -1;
    kind = text_of(*answer, "message");
    if (connection->listener.hear)
        connection->listener.hear(*answer, connection->listener.context);
    if (strcmp(kind, question.expected) == 0)
        return 0;
    error = strcmp(kind, "error") == 0 ? take_refusal(connection, *answer) : -EPROTO;
    if (strcmp(kind, "error") != 0)
        explain_silence(connection, -EBADMSG);
    cJSON_Delete(*answer);
    *answer = NULL;
    return error;
}

/* What keeps one function from running there; the text is kept for each call's line. */
FORMAT_LIKE(3, 4) static void refuse(struct connection *connection, size_t index, const char *format, ...)
{
    va_list arguments;

    free(connection->refusals[index]);
    va_start(arguments, format);
    if (vasprintf(&connection->refusals[index], format, arguments) < 0)
        connection->refusals[index] = NULL;
    va_end(arguments);
}

static void refuse_different(struct connection *connection, size_t index, const struct row *row, const char *theirs)
{
    AUTO_TEXT struct text ours = {0};

    row_describe(row, &ours);
    refuse(connection, index, "guest and host have different rows for it; the guest's (%s) is: %s; the host's is: %s",
           row->table->path, ours.data ? ours.data : "", theirs);
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
        refuse_different(connection, index, found, text_of(row, "differs"));
    else
        refuse(connection, index, "the host's table %s has no such row", table->name);
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
    error = connection_converse(connection, (struct question){question, -1, "rows"}, &answer, deadline_ns);
    if (error)
        return error;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(answer, "rows")) take_row(connection, table, first, row);
    cJSON_Delete(answer);
    for (size_t i = 0; i < table->row_count; i++)
        if (connection->ids[first + i] == CONNECTION_NO_ID && !connection->refusals[first + i])
            refuse(connection, first + i, "the host says nothing about it");
    return 0;
}

static void refuse_table(struct connection *connection, const struct table *table, size_t first)
{
    for (size_t i = 0; i < table->row_count; i++)
        refuse(connection, first + i, "the host at %s has no table %s; start it with: winapi-host --spec %s",
               connection->address, table->name, table->path);
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

    cJSON_ArrayForEach(table, cJSON_GetObjectItemCaseSensitive(welcome, "tables")) if (strcmp(text_of(table, "table"),
                                                                                              name) == 0) return table;
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
        used +=
            (size_t)snprintf(tables + used, sizeof(tables) - used, "%s%s", i ? "," : "", core->catalog.tables[i]->name);
    log_debug("%s answers: %s, %s, pid %u, tables %s, medium %s%s%s", connection->address, text_of(welcome, "program"),
              text_of(welcome, "system"), connection->worker, tables, connection->memory ? "memory" : "socket",
              *text_of(welcome, "medium_why") ? ": " : "", text_of(welcome, "medium_why"));
}

/* Both ends check: whichever is newer knows best what to say, and this one may be. */
static int check_welcome(const struct connection *connection, const cJSON *welcome)
{
    const cJSON *protocol = cJSON_GetObjectItemCaseSensitive(welcome, "protocol");
    int64_t major = number_of(protocol, "major", INT32_MAX), minor = number_of(protocol, "minor", INT32_MAX);
    const char *program = text_of(welcome, "program"), *data_model = text_of(welcome, "data_model");

    if (number_of(welcome, "pid", INT32_MAX) < 0 || major < 0 || minor < 0) {
        explain_silence(connection, -EBADMSG);
        return -EPROTO;
    }
    if (major != PROTOCOL_MAJOR) {
        connection_explain(connection,
                           "%s: protocol %d.%d of this program's side (winapi " WINAPI_VERSION ") and protocol "
                           "%" PRId64 ".%" PRId64 " of the host (%.40s) do not fit: update %s",
                           connection->address, PROTOCOL_MAJOR, PROTOCOL_MINOR, major, minor, program,
                           major < PROTOCOL_MAJOR ? "winapi-host" : "libwinapi_preload.so");
        return -EPROTO;
    }
    if (strcmp(data_model, own_data_model) != 0) {
        connection_explain(connection, "%s: the host's data model is %.40s, this program's is %s", connection->address,
                           data_model, own_data_model);
        return -EPROTO;
    }
    return 0;
}

static void take_medium(struct connection *connection, const cJSON *welcome)
{
    if (!connection->memory || strcmp(text_of(welcome, "medium"), "memory") == 0)
        return;
    log_info("%s: no shared memory: %s", connection->address, text_of(welcome, "medium_why"));
    connection->memory = NULL;
}

static int take_tables(struct connection *connection, const struct core *core, const cJSON *welcome,
                       uint64_t deadline_ns)
{
    size_t first = 0;
    int error = 0;

    for (size_t i = 0; !error && i < core->catalog.table_count; i++) {
        const struct table *table = core->catalog.tables[i];

        error = take_table(connection, table, first, find_table(welcome, table->name), deadline_ns);
        first += table->row_count;
    }
    return error;
}

static int take_welcome(struct connection *connection, struct core *core, const cJSON *welcome, uint64_t deadline_ns)
{
    int64_t lanes = number_of(cJSON_GetObjectItemCaseSensitive(welcome, "limits"), "lanes", LANES_MOST);
    int error = check_welcome(connection, welcome);

    if (error)
        return error;
    connection->worker = (uint32_t)number_of(welcome, "pid", INT32_MAX);
    connection->lanes_most = lanes > 0 ? (uint32_t)lanes : LANES_MOST;
    take_medium(connection, welcome);
    error = take_tables(connection, core, welcome, deadline_ns);
    if (!error)
        say_who(connection, core, welcome);
    return error;
}

int connection_greet(struct connection *connection, struct core *core, uint16_t salt, uint64_t deadline_ns)
{
    cJSON *welcome = NULL;
    struct question hello = {make_hello(core, connection->memory != NULL, salt),
                             connection->memory ? connection->memory->fd : -1, "welcome"};
    int error = connection_converse(connection, hello, &welcome, deadline_ns);

    if (!error)
        error = take_welcome(connection, core, welcome, deadline_ns);
    cJSON_Delete(welcome);
    return error;
}
