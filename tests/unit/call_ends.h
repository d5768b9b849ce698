/*
 * Both ends of one call, without a wire: carry() and carry_back() stand for it.  For the tests of spec/call; what every
 * row has in common is in tests/roundtrip/test_rows.c.
 *
 * Comes after cmocka.h and what that wants.
 */
#ifndef WINAPI_TESTS_UNIT_CALL_ENDS_H
#define WINAPI_TESTS_UNIT_CALL_ENDS_H

#include "spec/call/call.h"
#include "spec/wire/lane_medium.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_SIZE = 8 << 20, LIMIT = 1 << 20, LARGE = 5000 };

static const char table_text[] =
    "{\"table\": \"t\", \"version\": 1, \"library\": \"libt.so\", \"failure\": -1, \"types\": {"
    " \"struct box\": \"opaque\","
    " \"item\": {\"struct\": \"void *data; size_t size;\", \"data\": {\"inout\": {\"size\": \"size\"}}},"
    " \"shelf\": {\"struct\": \"struct box *boxes[3]; int count;\"},"
    " \"point\": {\"struct\": \"int x, y;\"}},"
    " \"functions\": ["
    "{\"prototype\": \"int in(const void *data, long size)\", \"data\": {\"in\": {\"size\": \"size\"}}},"
    "{\"prototype\": \"int out(void *data, long size, int *used)\", \"used\": \"out\","
    " \"data\": {\"out\": {\"size\": \"*used\", \"capacity\": \"size\"}}},"
    "{\"prototype\": \"int apart(void *data, long size, long back)\", \"data\": {\"in\": {\"size\": \"size\"},"
    " \"out\": {\"size\": \"back\"}}},"
    "{\"prototype\": \"int points_apart(point *points, long size, long back)\", \"points\": {\"in\": {\"size\": "
    "\"size\"}, \"out\": {\"size\": \"back\"}}},"
    "{\"prototype\": \"int change(item *items, int count, int writes, const long *got)\", \"items\": {\"in\": "
    "{\"count\": \"count\"},"
    " \"members\": {\"data\": {\"in\": {\"size\": \"size\"}, \"out\": {\"size\": \"writes ? *got : 0\", \"capacity\": "
    "\"size\"}}}}, \"got\": \"in\"},"
    "{\"prototype\": \"int outs(void *a, void *b, void *c, long size)\", \"a\": {\"out\": {\"size\": \"size\"}},"
    " \"b\": {\"out\": {\"size\": \"size\"}}, \"c\": {\"out\": {\"size\": \"size\"}}},"
    "{\"prototype\": \"int text(char *text, long room)\", \"text\": {\"inout\": {\"string\": true, \"capacity\": "
    "\"room\"}}},"
    "{\"prototype\": \"int name(const char *name)\", \"name\": \"string\"},"
    "{\"prototype\": \"char *find(const char *text)\", \"text\": {\"string\": true, \"nullable\": true}, "
    "\"return\": {\"into\": \"text\"}, \"failure\": null},"
    "{\"prototype\": \"int list(const char *names)\", \"names\": \"strings\"},"
    "{\"prototype\": \"int until(const short *numbers)\", \"numbers\": {\"in\": {\"until\": -1}}},"
    "{\"prototype\": \"int until_room(short *numbers, int room)\", \"numbers\": {\"inout\": {\"until\": -1, "
    "\"capacity\": \"room\"}}},"
    "{\"prototype\": \"int items(item *items, int count)\", \"items\": {\"inout\": {\"count\": \"count\"}}},"
    "{\"prototype\": \"int points(const point *points, int count, const void *data, long size)\","
    " \"points\": {\"in\": {\"count\": \"count\"}}, \"data\": {\"in\": {\"size\": \"size\"}}},"
    "{\"prototype\": \"int many(point *points, int count)\", \"points\": {\"out\": {\"count\": \"count\"}}},"
    "{\"prototype\": \"int shelve(shelf *shelf)\", \"shelf\": \"inout\"},"
    "{\"prototype\": \"int flag(bool *flag, int *number)\", \"flag\": \"out\", \"number\": {\"in\": true, "
    "\"nullable\": true}},"
    "{\"prototype\": \"const char *text_of(int a)\", \"return\": {\"string\": \"static\"}, \"failure\": null}"
    "]}";

struct item {
    void *data;
    size_t size;
};

struct shelf {
    void *boxes[3];
    int count;
};

struct point {
    int x, y;
};

struct ends {
    struct memory memory;
    struct arena arena;
    struct lane guest_lane, host_lane;
    struct call guest, host;
    struct handle_table handles;
    struct plan *plan;
    long result; /* the host's */
};

static struct table *table;

static inline int read_table(void **state)
{
    struct diagnostics diagnostics = {0};

    (void)state;
    if (table_parse(&table, table_text, sizeof(table_text) - 1, "test.json", &diagnostics) == 0)
        return 0;
    print_message("%s\n", diagnostics.text.data);
    return -1;
}

static inline int drop_table(void **state)
{
    (void)state;
    table_destroy(table);
    return 0;
}

static inline const char *keep_string(const char *string, size_t size)
{
    (void)size;
    return string;
}

static inline struct lane lane_of(enum medium medium, struct ends *ends, struct arena *arena)
{
    return (struct lane){.medium = medium, .fd = -1, .watch_fd = -1, .memory = &ends->memory, .arena = arena};
}

static inline void ends_open(struct ends *ends, enum medium medium, const char *function)
{
    memset(ends, 0, sizeof(*ends));
    ends->memory.fd = -1;
    if (medium == MEDIUM_MEMORY) {
        assert_int_equal(memory_create(&ends->memory, ARENA_SIZE, NULL), 0);
        assert_int_equal(memory_open(&ends->memory, ARENA_SIZE), 0); /* it is the host's memory as well */
        assert_int_equal(arena_init(&ends->arena, &ends->memory), 0);
    }
    ends->guest_lane = lane_of(medium, ends, medium == MEDIUM_MEMORY ? &ends->arena : NULL);
    ends->host_lane = lane_of(medium, ends, NULL);
    handle_table_init(&ends->handles, 3);
    assert_int_equal(plan_create(&ends->plan, table_find(table, function)), 0);
    ends->guest = (struct call){
        .plan = ends->plan, .lane = &ends->guest_lane, .handles = handle_door_guest, .keep_string = keep_string};
    ends->host = (struct call){
        .plan = ends->plan, .lane = &ends->host_lane, .handles = handle_table_door(&ends->handles), .limit = LIMIT};
}

static inline void ends_close(struct ends *ends)
{
    lane_close(&ends->guest_lane);
    lane_close(&ends->host_lane);
    call_finish(&ends->guest);
    call_finish(&ends->host);
    handle_table_finish(&ends->handles);
    plan_destroy(ends->plan);
    if (ends->memory.base) {
        arena_finish(&ends->arena);
        memory_finish(&ends->memory);
    }
}

static inline uint64_t payload_end(const struct frame *frame)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < frame->header.buffer_count; i++)
        if (frame->buffers[i].offset + frame->buffers[i].size > end)
            end = frame->buffers[i].offset + frame->buffers[i].size;
    return end;
}

/* What the frame names and goes its way. */
static inline void copy_payload(const struct lane *from, struct lane *to, const struct frame *frame)
{
    uint32_t direction = frame->header.kind == FRAME_CALL ? BUFFER_IN : BUFFER_OUT;

    for (uint32_t i = 0; from->medium == MEDIUM_SOCKET && i < frame->header.buffer_count; i++) {
        const struct frame_buffer *buffer = &frame->buffers[i];

        if (buffer->flags & direction)
            memcpy(lane_payload(to, buffer->offset, buffer->size), lane_payload(from, buffer->offset, buffer->size),
                   buffer->size);
    }
}

static inline void carry(struct ends *ends)
{
    const struct frame *request = &ends->guest_lane.request;

    assert_int_equal(frame_check(request, FRAME_CALL), 0);
    if (ends->host_lane.medium == MEDIUM_SOCKET && payload_end(request))
        assert_int_equal(lane_socket_grow(&ends->host_lane, payload_end(request)), 0);
    copy_payload(&ends->guest_lane, &ends->host_lane, request);
    ends->host_lane.request = *request;
}

static inline void carry_back(struct ends *ends)
{
    const struct frame *reply = &ends->host_lane.reply;

    assert_int_equal(frame_check(reply, FRAME_RESULT), 0);
    assert_int_equal(frame_check_reply(reply, &ends->guest_lane.request), 0);
    copy_payload(&ends->host_lane, &ends->guest_lane, reply);
    ends->guest_lane.reply = *reply;
}

static inline int encode(struct ends *ends, void **arguments)
{
    return call_encode_request(&ends->guest, arguments, 1, 1);
}

static inline void there(struct ends *ends, void **arguments)
{
    assert_int_equal(encode(ends, arguments), 0);
    carry(ends);
    assert_int_equal(call_decode_request(&ends->host), 0);
}

static inline int back(struct ends *ends)
{
    long result = 0;
    int error;

    frame_start(&ends->host_lane.reply, FRAME_RESULT, 1, 1);
    error = call_encode_reply(&ends->host, &ends->result);
    if (error)
        return error;
    carry_back(ends);
    return call_decode_reply(&ends->guest, &result);
}

/* What the pointer argument leads to at the host. */
static inline void *at_host(const struct ends *ends, int argument)
{
    return *(void *const *)ends->host.arguments[argument];
}

/* Changes one byte of the request's body on its way; gives what the host says. */
static inline int decode_spoiled(struct ends *ends, void **arguments, size_t place, uint8_t change)
{
    assert_int_equal(encode(ends, arguments), 0);
    carry(ends);
    ends->host_lane.request.body[place] ^= change;
    return call_decode_request(&ends->host);
}

#endif
