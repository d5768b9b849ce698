/*
 * The control connection's messages, each with its handler: docs/protocol.md, "Control messages".
 *
 * A message that is wrong is answered with an error that says how, and the connection lives on; it is closed only
 * where both ends cannot go on: other protocols, memory that is not what it should be, bytes that are no messages.
 */
#include "host/session.h"

#include "host/hello.h"
#include "host/json_member.h"
#include "host/statistics_message.h"
#include "spec/base/log.h"
#include "spec/base/own.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

enum { NUDGE_EVERY_MS = 20, CALLS_END_MS = 1000, LOOK_EVERY_MS = 2, POSTED_END_MS = 10000 };

typedef int message_handler(struct session *session, struct member_reader *reader);

struct message_kind {
    const char *name;
    bool needs_hello;
    message_handler *handle;
};

/* Sends the fault that a reader found in a message of this kind. */
static int say(struct session *session, const char *code, const struct member_reader *reader, const char *message)
{
    return outbox_error(&session->outbox, code, "message \"%s\": %s", message, reader->fault);
}

/* ---- hello ---- */

/*
 * Takes the memory that came with a message.  0 with session->memory mapped, or with *why_not when it goes without; a
 * negative errno when the memory is not what it should be: an error was sent and the session is over.
 */
static int adopt_memory(struct session *session, const char **why_not)
{
    uint64_t most = session->limits.memory * SHARED_MEMORY_FACTOR;
    const char *why = NULL;
    int error;

    *why_not = NULL;
    if (session->channel.received_fd < 0) {
        *why_not = "no descriptor of shared memory came along";
        return 0;
    }
    error = memory_adopt(&session->memory, take_fd(&session->channel.received_fd), most, &why);
    if (!error)
        return 0;
    if (error == -EBADMSG) {
        session->is_over = true;
        (void)!outbox_error(&session->outbox, "memory", "%s", why);
        return error;
    }
    *why_not = error == -EFBIG ? "the shared memory is larger than the host allows: raise its --max-memory"
                               : "the host cannot map the shared memory";
    log_warn("client %d: goes without shared memory: %s (%s)", (int)session->client->pid, *why_not, strerror(-error));
    return 0;
}

static bool add_limits(cJSON *welcome, const struct session *session)
{
    cJSON *limits = cJSON_AddObjectToObject(welcome, "limits");

    return cJSON_AddNumberToObject(limits, "lanes", (double)session->limits.lanes) &&
           cJSON_AddNumberToObject(limits, "memory", (double)session->limits.memory);
}

static int send_welcome(struct session *session, struct member_reader *hello, const char *why_not, bool wants_memory)
{
    cJSON *tables = hello_tables(hello, session->functions);
    cJSON *welcome = tables ? hello_welcome() : NULL;

    if (!welcome) {
        cJSON_Delete(tables);
        return hello->failed ? say(session, "message", hello, "hello") : -ENOMEM;
    }
    cJSON_AddStringToObject(welcome, "medium", wants_memory && !why_not ? "memory" : "socket");
    if (why_not)
        cJSON_AddStringToObject(welcome, "medium_why", why_not);
    add_limits(welcome, session);
    cJSON_AddItemToObject(welcome, "tables", tables);
    session->is_greeted = true;
    log_debug("client %d: hello; medium %s", (int)session->client->pid, wants_memory && !why_not ? "memory" : "socket");
    return outbox_send(&session->outbox, welcome);
}

static int handle_hello(struct session *session, struct member_reader *hello)
{
    static const char *const media[] = {"memory", "socket", NULL};
    const char *why_not = NULL;
    bool wants_memory;

    if (session->is_greeted)
        return outbox_error(&session->outbox, "message", "message \"hello\": it was said already");
    hello_check(hello);
    if (hello->failed) {
        session->is_over = true;
        return outbox_error(&session->outbox, "protocol", "%s", hello->fault);
    }
    wants_memory = member_word(hello, "medium", media, -1) == 0;
    session->handles.salt = (uint16_t)member_number(hello, "salt", 0, UINT16_MAX);
    if (hello->failed)
        return say(session, "message", hello, "hello");
    statistics_client_name(session->client, member_text(hello, "program"));
    if (wants_memory && !session->memory.base && adopt_memory(session, &why_not) < 0)
        return 0;
    return send_welcome(session, hello, why_not, wants_memory);
}

static int handle_rows(struct session *session, struct member_reader *rows)
{
    cJSON *answer = hello_rows(rows, session->functions);

    return rows->failed ? say(session, "message", rows, "rows") : outbox_send(&session->outbox, answer);
}

/* ---- memory for JSON requests ---- */

static int send_memory(struct session *session)
{
    const struct memory *memory = &session->memory;
    cJSON *answer = cJSON_CreateObject();

    cJSON_AddStringToObject(answer, "message", "memory");
    cJSON_AddNumberToObject(answer, "size", (double)memory->size);
    cJSON_AddNumberToObject(answer, "request_offset", (double)memory->arena_offset);
    cJSON_AddNumberToObject(answer, "request_size", (double)memory->arena_size);
    cJSON_AddNumberToObject(answer, "response_offset", (double)memory->response_offset);
    cJSON_AddNumberToObject(answer, "response_size", (double)memory->response_size);
    return outbox_send(&session->outbox, answer);
}

static int handle_memory(struct session *session, struct member_reader *reader)
{
    const char *why_not;

    (void)reader;
    if (session->memory.base)
        return outbox_error(&session->outbox, "message", "message \"memory\": this client's memory is there already");
    if (adopt_memory(session, &why_not) < 0)
        return 0;
    if (why_not)
        return outbox_error(&session->outbox, "message", "message \"memory\": %s", why_not);
    return send_memory(session);
}

/* Memory may come with the first request; one that is too large is missed where the payload is looked for. */
static int handle_request(struct session *session, const cJSON *message)
{
    const char *why_not;

    if (session->channel.received_fd >= 0 && !session->memory.base && adopt_memory(session, &why_not) < 0)
        return 0;
    return json_request_handle(&session->requests, message);
}

/* ---- lanes ---- */

static int refuse_lane(struct session *session, uint32_t number, int error)
{
    if (error == -EMFILE)
        return outbox_error(&session->outbox, "lanes",
                            "lane %u: this client has %zu lanes open, as many as the host allows: raise --max-lanes",
                            number, session->limits.lanes);
    if (error == -EBUSY)
        return outbox_error(&session->outbox, "lanes", "lane %u: it is open already", number);
    if (error == -EINVAL)
        return outbox_error(&session->outbox, "lanes", "lane %u: the shared memory has room for %u lanes only", number,
                            session->memory.lane_count);
    return outbox_error(&session->outbox, "lanes", "lane %u: it cannot be opened: %s", number, strerror(-error));
}

static int send_lane(struct session *session, uint32_t number)
{
    cJSON *answer = cJSON_CreateObject();

    cJSON_AddStringToObject(answer, "message", "lane");
    cJSON_AddNumberToObject(answer, "lane", number);
    return outbox_send(&session->outbox, answer);
}

static int open_lane(struct session *session, uint32_t number, bool in_memory)
{
    if (in_memory)
        return lane_set_open_memory(&session->lanes, &session->memory, number);
    return lane_set_open_socket(&session->lanes, take_fd(&session->channel.received_fd), number);
}

static int handle_open_lane(struct session *session, struct member_reader *reader)
{
    static const char *const media[] = {"memory", "socket", NULL};
    uint32_t number = (uint32_t)member_number(reader, "lane", 0, UINT32_MAX);
    bool in_memory = member_word(reader, "medium", media, -1) == 0;
    int error;

    if (in_memory && !session->memory.base)
        member_fault(reader, "medium is \"memory\", but no shared memory was passed");
    if (!in_memory && session->channel.received_fd < 0)
        member_fault(reader, "medium is \"socket\", but no socket came along");
    if (reader->failed)
        return say(session, "lanes", reader, "open_lane");
    error = open_lane(session, number, in_memory);
    return error ? refuse_lane(session, number, error) : send_lane(session, number);
}

/* The lane itself tells its thread, unless that is in a function, which may wait for long. */
static int handle_close_lane(struct session *session, struct member_reader *reader)
{
    unsigned number = (unsigned)member_number(reader, "lane", 0, UINT32_MAX);

    if (reader->failed)
        return say(session, "message", reader, "close_lane");
    log_debug("client %d: lane %u closes", (int)session->client->pid, number);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reader->message, "interrupt")))
        lane_set_interrupt(&session->lanes, number);
    return 0;
}

/* ---- others ---- */

static int handle_stat(struct session *session, struct member_reader *reader)
{
    bool all = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reader->message, "all"));

    return outbox_send(&session->outbox, statistics_message(session->statistics, session->functions, all));
}

static int handle_goodbye(struct session *session, struct member_reader *reader)
{
    (void)reader;
    session->is_over = true;
    return 0;
}

/* What may arrive in a session. */
static const struct message_kind kinds[] = {
    /* name         needs hello */
    {"hello", false, handle_hello},          {"rows", true, handle_rows},      {"open_lane", true, handle_open_lane},
    {"close_lane", true, handle_close_lane}, {"memory", false, handle_memory}, {"stat", false, handle_stat},
    {"goodbye", false, handle_goodbye},
};

static const struct message_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

int session_handle(struct session *session, const cJSON *message)
{
    struct member_reader reader;
    const struct message_kind *kind;
    const char *name;

    if (json_request_is(message))
        return handle_request(session, message);
    member_start(&reader, message);
    name = member_text(&reader, "message");
    kind = reader.failed ? NULL : find_kind(name);
    if (!reader.failed && !kind)
        member_fault(&reader, "there is no message \"%.40s\"", name);
    if (kind && kind->needs_hello && !session->is_greeted)
        member_fault(&reader, "message \"%s\": it comes before the hello", kind->name);
    if (!kind || reader.failed)
        return outbox_error(&session->outbox, "message", "%s", reader.fault);
    return kind->handle(session, &reader);
}

/* ---- the loop ---- */

int session_init(struct session *session, int fd, int write_fd)
{
    int error;

    channel_start(&session->channel, fd, write_fd);
    session->is_greeted = session->is_over = false;
    session->memory = (struct memory){.fd = -1};
    handle_table_init(&session->handles, 0);
    error = outbox_init(&session->outbox, &session->channel, session->client->pid);
    if (!error)
        error = lane_set_init(&session->lanes, session->limits.lanes);
    if (error)
        return error;
    session->lanes.functions = session->requests.functions = session->functions;
    session->lanes.statistics = session->requests.statistics = session->statistics;
    session->lanes.client = session->requests.client = session->client;
    session->lanes.handles = &session->handles;
    session->lanes.memory_limit = session->limits.memory;
    session->requests.outbox = &session->outbox;
    session->requests.memory = &session->memory;
    session->requests.memory_limit = session->limits.memory;
    session->requests.connection_fd = write_fd;
    session->requests.client_fd = -1;
    return json_requests_init(&session->requests);
}

void session_finish(struct session *session)
{
    json_requests_drain(&session->requests);
    json_requests_finish(&session->requests);
    memory_finish(&session->memory);
    handle_table_finish(&session->handles);
    channel_finish(&session->channel);
}

/* Reports what is not a message, and whether the next one can still be read. */
static int refuse_bytes(struct session *session, int error)
{
    if (error == -EBADMSG)
        return outbox_error(&session->outbox, "message", "what came is not a JSON message");
    if (error != -EMSGSIZE)
        return error;
    session->is_over = true;
    return outbox_error(&session->outbox, "message", "a message may be %d bytes long, the one that came is longer",
                        CONTROL_MESSAGE_MOST);
}

static int serve_message(struct session *session)
{
    cJSON *message = NULL;
    int error = channel_receive(&session->channel, &message, CONTROL_MESSAGE_MOST, 0);

    error = error ? refuse_bytes(session, error) : session_handle(session, message);
    cJSON_Delete(message);
    return error;
}

/* A descriptor that becomes readable when the client's process ends; -1: there is no telling. */
static int watch_client(const struct session *session)
{
    return session->client->pid > 0 ? (int)syscall(SYS_pidfd_open, session->client->pid, 0) : -1;
}

/*
 * Waits for the next message.  A connection outlives its client where a child that the client forked holds it too, so
 * the client's end counts as the connection's.
 */
static bool wait_for_message(struct session *session, int client_fd)
{
    struct pollfd pollers[] = {{.fd = session->channel.fd, .events = POLLIN}, {.fd = client_fd, .events = POLLIN}};
    int count = 0;

    while (count <= 0) {
        count = poll(pollers, COUNT_OF(pollers), lane_set_nudge(&session->lanes) ? NUDGE_EVERY_MS : -1);
        if (count < 0 && errno != EINTR)
            return false;
    }
    return pollers[0].revents != 0;
}

/*
 * A client that has closed the connection and lives on, as one does that closes every descriptor, is about to make
 * another.  The calls that it has sent are not to be lost for that.
 */
static void finish_calls(struct session *session, int client_fd)
{
    struct pollfd client = {.fd = client_fd, .events = POLLIN};

    for (int waited_ms = 0; client_fd >= 0 && waited_ms < CALLS_END_MS; waited_ms += LOOK_EVERY_MS)
        if (poll(&client, 1, 0) != 0 || lane_set_leave(&session->lanes) || poll(&client, 1, LOOK_EVERY_MS) != 0)
            return;
}

/* What the client has posted is made, though it has gone. */
static void finish_posted(struct session *session)
{
    const struct timespec look = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    int waited_ms = 0;

    for (; waited_ms < POSTED_END_MS && lane_set_has_posted(&session->lanes); waited_ms += LOOK_EVERY_MS)
        nanosleep(&look, NULL);
    if (waited_ms >= POSTED_END_MS)
        log_warn("client %d: has gone, and calls that nobody waits for are not over after %d s: they are given up",
                 (int)session->client->pid, POSTED_END_MS / 1000);
    lane_set_say_unheard(&session->lanes);
}

void session_run(struct session *session)
{
    int client_fd = watch_client(session);
    int error = 0;

    session->requests.client_fd = client_fd;
    while (!error && !session->is_over && wait_for_message(session, client_fd))
        error = serve_message(session);
    if (error && error != -ECONNRESET && error != -EPIPE)
        log_warn("client %d: its connection is closed: %s", (int)session->client->pid, strerror(-error));
    finish_calls(session, client_fd);
    finish_posted(session);
    json_requests_drain(&session->requests);
    atomic_store(&session->client->has_ended, true);
    _exit(0);
}
