/*
 * Bytes on the socket of a lane, read by the host as requests with their payload, and by the guest as an answer.
 *
 * The first byte of the input chooses the end: even for the host's, odd for the guest's.
 */
#include "spec/wire/clock.h"
#include "spec/wire/lane.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAYLOAD_MOST = 64 << 10, INPUT_MOST = 32 << 10 };

static volatile uint8_t sink;

static void payload_touch(const struct lane *lane, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->header.inline_size; i++)
        sink = frame->body[i];
    for (uint32_t i = 0; i < frame->header.buffer_count; i++) {
        const struct frame_buffer *buffer = &frame->buffers[i];
        const uint8_t *data = lane_payload(lane, buffer->offset, buffer->size);

        if (data == NULL)
            abort();
        for (uint64_t at = 0; at < buffer->size; at++)
            sink = data[at];
    }
}

static void requests_read(struct lane *lane)
{
    while (lane_receive(lane) == 0)
        payload_touch(lane, &lane->request);
    if (lane->payload_size > PAYLOAD_MOST)
        abort();
}

/* The answer lies in the socket before the request is sent. */
static void answer_read(struct lane *lane)
{
    struct frame *request = lane_request(lane);
    uint64_t offset;
    bool sent;

    if (lane_reserve(lane, 4096, &offset) == NULL)
        return;
    frame_start(request, FRAME_CALL, 1, 1);
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.offset = offset, .size = 4096, .flags = BUFFER_OUT};
    if (lane_exchange(lane, clock_deadline_ns(1000), &sent) == 0)
        payload_touch(lane, &lane->reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lane lane;
    int fds[2];

    if (size == 0 || size > INPUT_MOST)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
        lane_open_socket(&lane, fds[0], PAYLOAD_MOST) < 0)
        abort();
    if (size > 1 && send(fds[1], data + 1, size - 1, MSG_DONTWAIT) < 0)
        abort();
    shutdown(fds[1], SHUT_WR);
    if (data[0] % 2 == 0)
        requests_read(&lane);
    else
        answer_read(&lane);
    lane_close(&lane);
    close(fds[1]);
    return 0;
}
