/*
 * Both ends of a lane in one process or two, for tests: the host's end is a loop that answers what it is told by the
 * function id, and notes what nobody waits for.
 */
#ifndef WINAPI_TESTS_UNIT_LANE_ENDS_H
#define WINAPI_TESTS_UNIT_LANE_ENDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/wire/clock.h"
#include "spec/wire/lane.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARENA_SIZE = 256 << 20, PAYLOAD_MOST = 128 << 20, LARGE = 64 << 20, NOTED_MOST = 20000 };

/* What the host does with a call. */
enum function {
    ECHO = 1,     /* the body comes back */
    INVERT,       /* every byte of every out buffer is its in byte inverted */
    SILENT,       /* no answer; waits until the lane is closed */
    DIE,          /* the process ends */
    ANSWER_DIE,   /* answers, then the process ends */
    WRONG_NUMBER, /* answers with another request number */
    WRONG_BUFFER, /* answers with a buffer that was not offered */
    LARGER_BUFFER,
    WRONG_KIND,
    WRONG_COUNT,
    LEAVE,       /* closes its end */
    NOTE,        /* its number is noted */
    SLOW,        /* the same, a while later */
    NOTE_BUFFER, /* the request's number is noted, if all bytes of its buffer are like it */
};

struct pair {
    struct memory memory;
    struct arena arena;
    struct lane guest, host;
    int watch[2]; /* the guest's and the host's end of what stands for the control connection */
    int received; /* what ended the host's loop */
    pthread_t thread;
    pthread_mutex_t closing; /* as in the host: who looks at a lane sees that it is there */
    pid_t child;
};

/* ---- the host ---- */

static inline void host_invert(struct lane *lane)
{
    struct frame *reply = lane_reply(lane);

    reply->header.buffer_count = lane->request.header.buffer_count;
    memcpy(reply->buffers, lane->request.buffers, sizeof(reply->buffers));
    for (uint32_t i = 0; i < reply->header.buffer_count; i++) {
        uint8_t *data = lane_payload(lane, reply->buffers[i].offset, reply->buffers[i].size);

        for (uint64_t at = 0; at < reply->buffers[i].size; at++)
            data[at] = (uint8_t)~data[at];
    }
}

static inline void host_echo(struct lane *lane)
{
    struct frame *reply = lane_reply(lane);

    reply->header.inline_size = lane->request.header.inline_size;
    memcpy(reply->body, lane->request.body, reply->header.inline_size);
}

static inline void host_spoil(struct lane *lane)
{
    struct frame *reply = lane_reply(lane);

    switch (lane->request.header.function) {
    case WRONG_NUMBER:
        reply->header.request++;
        break;
    case WRONG_BUFFER:
        reply->header.buffer_count = 1;
        reply->buffers[0] = lane->request.buffers[0];
        reply->buffers[0].offset++;
        reply->buffers[0].size--;
        break;
    case LARGER_BUFFER:
        reply->header.buffer_count = 1;
        reply->buffers[0] = lane->request.buffers[0];
        reply->buffers[0].size++;
        break;
    case WRONG_KIND:
        reply->header.kind++;
        break;
    case WRONG_COUNT:
        reply->header.flags = 1u << 7;
        break;
    default:
        break;
    }
}

/* Calls that were posted, in the order in which they came; those that are answered are noted too. */
static struct {
    _Atomic uint32_t count;
    uint32_t numbers[NOTED_MOST];
} noted;

static inline void note(uint32_t number)
{
    uint32_t count = atomic_load(&noted.count);

    if (count < NOTED_MOST)
        noted.numbers[count] = number;
    atomic_store(&noted.count, count + 1);
}

static inline uint32_t host_number_of_buffer(struct lane *lane)
{
    const struct frame_buffer *buffer = &lane->request.buffers[0];
    const uint8_t *data = lane_payload(lane, buffer->offset, buffer->size);
    uint32_t number = (uint32_t)lane->request.header.request;

    for (uint64_t i = 0; i < buffer->size; i++)
        if (data[i] != (uint8_t)number)
            return UINT32_MAX;
    return number;
}

/* A number in the body. */
static inline void host_take_posted(struct lane *lane)
{
    uint32_t number = 0;

    if (lane->request.header.function == SLOW)
        usleep(100000);
    if (lane->request.header.function == NOTE_BUFFER)
        number = host_number_of_buffer(lane);
    else
        memcpy(&number, lane->request.body, sizeof(number));
    note(number);
    lane_release(lane);
}

/* One call; false when the loop is to end. */
static inline bool host_serve(struct lane *lane)
{
    const struct frame_header *call = &lane->request.header;

    if (lane->is_posted) {
        if (call->function == DIE)
            _exit(0);
        if (call->function == LEAVE)
            return false;
        host_take_posted(lane);
        return true;
    }
    frame_start(lane_reply(lane), FRAME_RESULT, call->request, call->function);
    if (call->function == DIE)
        _exit(0);
    if (call->function == LEAVE)
        return false;
    if (call->function == SILENT)
        return true;
    if (call->function == INVERT)
        host_invert(lane);
    if (call->function == ECHO)
        host_echo(lane);
    if (call->function == NOTE)
        note((uint32_t)call->request);
    host_spoil(lane);
    if (lane_answer(lane) < 0)
        return false;
    if (call->function == ANSWER_DIE)
        _exit(0);

    return true;
}

static inline void *host_run(void *argument)
{
    struct pair *pair = argument;

    do {
        pair->received = lane_receive(&pair->host);
    } while (pair->received == 0 && host_serve(&pair->host));
    pthread_mutex_lock(&pair->closing);
    lane_close(&pair->host);
    pthread_mutex_unlock(&pair->closing);
    return NULL;
}

/* As somebody who wants the host to end. */
static inline bool pair_has_posted(struct pair *pair)
{
    bool has_posted;

    pthread_mutex_lock(&pair->closing);
    has_posted = lane_has_posted(&pair->host);
    pthread_mutex_unlock(&pair->closing);
    return has_posted;
}

/* ---- both ends ---- */

static inline void pair_open(struct pair *pair, enum medium medium)
{
    int ends[2];

    memset(pair, 0, sizeof(*pair));
    assert_int_equal(pthread_mutex_init(&pair->closing, NULL), 0);
    pair->watch[0] = pair->watch[1] = -1;
    pair->memory.fd = -1;
    if (medium == MEDIUM_SOCKET) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        assert_int_equal(lane_open_socket(&pair->guest, ends[0], PAYLOAD_MOST), 0);
        assert_int_equal(lane_open_socket(&pair->host, ends[1], PAYLOAD_MOST), 0);
        return;
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair->watch), 0);
    assert_int_equal(memory_create(&pair->memory, ARENA_SIZE, NULL), 0);
    assert_int_equal(memory_open(&pair->memory, ARENA_SIZE), 0); /* it is the host's memory as well */
    assert_int_equal(arena_init(&pair->arena, &pair->memory), 0);
    assert_int_equal(lane_open_memory(&pair->guest, &pair->memory, 3, &pair->arena, pair->watch[0]), 0);
    assert_int_equal(lane_open_memory(&pair->host, &pair->memory, 3, NULL, -1), 0);
}

static inline void pair_start(struct pair *pair, enum medium medium)
{
    pair_open(pair, medium);
    assert_int_equal(pthread_create(&pair->thread, NULL, host_run, pair), 0);
}

/* The host's end in a process of its own. */
static inline void pair_fork(struct pair *pair, enum medium medium)
{
    pair_open(pair, medium);
    pair->child = fork();
    assert_true(pair->child >= 0);
    if (pair->child == 0) {
        lane_forget(&pair->guest);
        if (pair->watch[0] >= 0)
            close(pair->watch[0]);
        host_run(pair);
        _exit(0);
    }
    lane_forget(&pair->host);
    if (pair->watch[1] >= 0)
        close(pair->watch[1]);
    pair->watch[1] = -1;
}

static inline void pair_finish(struct pair *pair)
{
    lane_close(&pair->guest);
    if (pair->thread != 0)
        assert_int_equal(pthread_join(pair->thread, NULL), 0);
    if (pair->child != 0)
        assert_int_equal(waitpid(pair->child, NULL, 0), pair->child);
    lane_close(&pair->host);
    if (pair->memory.base != NULL) {
        arena_finish(&pair->arena);
        memory_finish(&pair->memory);
    }
    for (int i = 0; i < 2; i++) {
        if (pair->watch[i] >= 0)
            close(pair->watch[i]);
    }
}

static inline int pair_call(struct pair *pair, enum function function, uint64_t deadline_ns, bool *sent)
{
    static uint32_t request;

    frame_start(lane_request(&pair->guest), FRAME_CALL, ++request, function);
    return lane_exchange(&pair->guest, deadline_ns, sent);
}

#endif
