/*
 * A hostile page of a memory lane: the words that steer it, then a frame, read by the host as a request and by the
 * guest as an answer.
 *
 * The input is the words `sequence` and `taken`, four bytes each, then the frame from its header on.
 */
#include "spec/wire/lane.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_SIZE = 64 << 10 };

static volatile uint8_t sink;

static struct memory memory;
static struct arena arena;

static void prepare(void)
{
    if (memory.base != NULL)
        return;
    if (memory_create(&memory, ARENA_SIZE, NULL) < 0 || memory_open(&memory, ARENA_SIZE) < 0 ||
        arena_init(&arena, &memory) < 0)
        abort();
}

/* Everything that an accepted frame names must be there to be read. */
static void frame_touch(const struct lane *lane, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->header.inline_size; i++)
        sink = frame->body[i];
    if (frame->header.flags & FRAME_BODY_IN_BUFFER)
        sink = (uint8_t)frame->buffers[frame->header.body_buffer].size;
    if (frame->header.flags & FRAME_ROOM_FOR_BODY)
        sink = (uint8_t)frame->buffers[frame->header.room_buffer].size;
    for (uint32_t i = 0; i < frame->header.buffer_count; i++) {
        const struct frame_buffer *buffer = &frame->buffers[i];
        const uint8_t *data = lane_payload(lane, buffer->offset, buffer->size);

        if (data == NULL)
            abort();
        for (uint64_t at = 0; at < buffer->size; at += MEMORY_PAGE / 8)
            sink = data[at];
        if (buffer->size != 0)
            sink = data[buffer->size - 1];
    }
}

/* An answer may name only what the request offered. */
static void answer_read(const struct lane *lane, const void *shared)
{
    static struct frame request, reply;

    frame_start(&request, FRAME_CALL, 1, 1);
    request.header.buffer_count = 1;
    request.buffers[0] = (struct frame_buffer){.offset = 0, .size = 4096, .flags = BUFFER_IN | BUFFER_OUT};
    if (frame_copy(&reply, shared, FRAME_RESULT) == 0 && frame_check_reply(&reply, &request) == 0)
        frame_touch(lane, &reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lane guest, host;
    uint32_t words[2] = {1, 0};
    size_t words_size = size < sizeof(words) ? size : sizeof(words);
    size_t frame_size = size - words_size < sizeof(struct frame) ? size - words_size : sizeof(struct frame);

    prepare();
    if (lane_open_memory(&guest, &memory, 0, &arena, -1) < 0 || lane_open_memory(&host, &memory, 0, NULL, -1) < 0)
        abort();
    memcpy(words, data, words_size);
    memset(guest.out->frame, 0, sizeof(guest.out->frame));
    memcpy(guest.out->frame, data + words_size, frame_size);
    atomic_store(&guest.out->taken, words[1]);
    atomic_store(&guest.out->closed, 1); /* so that nobody waits for more */
    atomic_store(lane_sequence(guest.out), words[0]);

    if (lane_receive(&host) == 0)
        frame_touch(&host, &host.request);
    answer_read(&guest, guest.out->frame);
    lane_close(&host);
    lane_close(&guest);
    return 0;
}
