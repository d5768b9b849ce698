/*
 * A hostile ring of calls that nobody waits for, emptied by the host.
 *
 * The input is where the host is and how far the guest says that it has filled, four bytes each; then what lies in the
 * ring from there on, past its end at its start.
 */
#include "spec/wire/ring.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static volatile uint8_t sink;

static void frame_touch(const struct frame *frame)
{
    if (frame->header.inline_size > RING_BODY_MOST || frame_check(frame, FRAME_CALL) != 0)
        abort();
    for (uint32_t i = 0; i < frame->header.inline_size; i++)
        sink = frame->body[i];
}

/* Each step brings the host on, so there is an end. */
static void ring_empty(struct ring *ring)
{
    static struct frame frame;

    for (int steps = 0; ring_has_more(ring); steps++) {
        int rc = ring_take(ring, &frame);

        if (steps > RING_UNITS)
            abort();
        if (rc == -EAGAIN)
            continue;
        if (rc < 0)
            return;
        frame_touch(&frame);
        ring_release(ring);
    }
    if (!ring_is_empty(ring))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t words[2] = {0, 0};
    size_t words_size = size < sizeof(words) ? size : sizeof(words);
    uint8_t *bytes = calloc(1, RING_SIZE);
    _Atomic uint32_t filled, emptied;
    struct ring ring;

    if (bytes == NULL)
        abort();
    memcpy(words, data, words_size);
    for (size_t i = 0; i < size - words_size && i < RING_SIZE; i++)
        bytes[((size_t)(words[0] % RING_UNITS) * RING_UNIT + i) % RING_SIZE] = data[words_size + i];
    atomic_init(&filled, words[1]);
    atomic_init(&emptied, words[0]);
    ring_start(&ring, bytes, &filled, &emptied);
    ring.at = ring.seen = words[0];
    ring_empty(&ring);
    free(bytes);
    return 0;
}
