/*
 * Frames: made, copied, checked.
 *
 * Everything that is known about a frame before its descriptors are held against a payload memory is checked here,
 * in one place, on a private copy.
 */
#include "spec/wire/frame.h"

#include "spec/wire/processor.h"

#include <errno.h>
#include <string.h>

enum { HEADER_REST = offsetof(struct frame_header, request) }; /* what follows the word of the lane's */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a frame is used as it lies on the wire");

void frame_start(struct frame *frame, enum frame_kind kind, uint32_t request, uint32_t function)
{
    frame->header = (struct frame_header){
        .kind = (uint8_t)kind,
        .request = request,
        .function = function,
    };
}

bool frame_counts_fit(const struct frame_header *header)
{
    return header->buffer_count <= FRAME_BUFFERS && header->inline_size <= FRAME_INLINE;
}

size_t frame_head_size(const struct frame_header *header)
{
    return sizeof(*header) + header->buffer_count * sizeof(struct frame_buffer);
}

size_t frame_wire_size(const struct frame_header *header)
{
    return frame_head_size(header) + header->inline_size;
}

/* Where one part of a frame lies: what of it is in the header's cache line, and what is behind. */
struct part {
    const uint8_t *data;
    size_t at, size, near;
};

static struct part part_of(const void *data, size_t at, size_t size)
{
    size_t near = at < PROCESSOR_LINE ? PROCESSOR_LINE - at : 0;

    return (struct part){data, at, size, near < size ? near : size};
}

static void put_near(uint8_t *bytes, const struct part *part)
{
    if (part->near != 0)
        memcpy(bytes + part->at, part->data, part->near);
}

static void put_far(uint8_t *bytes, const struct part *part)
{
    if (part->near < part->size)
        memcpy(bytes + part->at + part->near, part->data + part->near, part->size - part->near);
}

/* The header's line last, and all of it at once: the other end looks at it all the time, and takes it away. */
void frame_put(void *shared, const struct frame *frame)
{
    size_t head_size = frame_head_size(&frame->header);
    struct part buffers = part_of(frame->buffers, sizeof(frame->header), head_size - sizeof(frame->header));
    struct part body = part_of(frame->body, head_size, frame->header.inline_size);
    uint8_t *bytes = shared;

    put_far(bytes, &body);
    put_far(bytes, &buffers);
    put_near(bytes, &body);
    put_near(bytes, &buffers);
    memcpy(bytes + HEADER_REST, &frame->header.request, sizeof(frame->header) - HEADER_REST);
}

/* A descriptor's index is there exactly with its flag. */
static bool index_fits(const struct frame_header *header, uint32_t flag, uint8_t index)
{
    return (header->flags & flag) ? index < header->buffer_count : index == 0;
}

/* No flag, no descriptor, and so no index of one: as most frames are. */
static bool is_plain(const struct frame_header *header)
{
    uint32_t word;

    memcpy(&word, &header->flags, sizeof(word));
    return word == 0;
}

_Static_assert(offsetof(struct frame_header, flags) + sizeof(uint32_t) == sizeof(struct frame_header),
               "flags, count and indices are the header's last word");

static int flags_check(const struct frame_header *header, enum frame_kind kind)
{
    uint32_t answered = FRAME_ROOM_FOR_BODY | FRAME_MAY_TELL;
    uint32_t known = FRAME_BODY_IN_BUFFER | (kind == FRAME_CALL ? answered | FRAME_POSTED : 0u);

    if ((header->flags & ~known) != 0)
        return -EBADMSG;
    if ((header->flags & FRAME_POSTED) && (header->flags & answered))
        return -EBADMSG;
    if ((header->flags & FRAME_BODY_IN_BUFFER) && header->inline_size != 0)
        return -EBADMSG;
    if (!index_fits(header, FRAME_BODY_IN_BUFFER, header->body_buffer) ||
        !index_fits(header, FRAME_ROOM_FOR_BODY, header->room_buffer))
        return -EBADMSG;

    return 0;
}

static int header_check(const struct frame_header *header, enum frame_kind kind)
{
    if (header->kind != kind || !frame_counts_fit(header))
        return -EBADMSG;
    if (header->status >= FRAME_STATUSES || (kind == FRAME_CALL && header->status != FRAME_OK))
        return -EBADMSG;
    if (header->sequence != 0)
        return -EBADMSG;
    if (kind == FRAME_CALL && header->function == FRAME_NO_FUNCTION &&
        (header->inline_size % sizeof(struct frame_pending) != 0 || header->flags & FRAME_POSTED))
        return -EBADMSG;

    return is_plain(header) ? 0 : flags_check(header, kind);
}

static int buffer_check(const struct frame_buffer *buffer)
{
    if ((buffer->flags & ~(uint32_t)(BUFFER_IN | BUFFER_OUT)) != 0 || buffer->reserved != 0)
        return -EBADMSG;
    if (buffer->size > UINT64_MAX - buffer->offset)
        return -EBADMSG;

    return 0;
}

/* The descriptors of a frame whose header is good.  Bodies must travel the way the frame goes, or they are not there.
 */
static int buffers_check(const struct frame *frame)
{
    const struct frame_header *header = &frame->header;
    uint32_t direction = header->kind == FRAME_CALL ? BUFFER_IN : BUFFER_OUT;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < header->buffer_count; i++)
        rc = buffer_check(&frame->buffers[i]);
    if (rc < 0)
        return rc;
    if ((header->flags & FRAME_BODY_IN_BUFFER) && !(frame->buffers[header->body_buffer].flags & direction))
        return -EBADMSG;
    if ((header->flags & FRAME_ROOM_FOR_BODY) && !(frame->buffers[header->room_buffer].flags & BUFFER_OUT))
        return -EBADMSG;

    return 0;
}

int frame_check(const struct frame *frame, enum frame_kind kind)
{
    int rc = header_check(&frame->header, kind);

    return rc < 0 ? rc : buffers_check(frame);
}

/* Copies out of memory that changes under our eyes.  The barrier keeps the compiler from looking there again later. */
static void copy_shared(void *to, const volatile void *from, size_t size)
{
    memcpy(to, (const void *)from, size);
    __asm__ volatile("" : : : "memory");
}

int frame_copy(struct frame *frame, const volatile void *shared, enum frame_kind kind)
{
    const volatile uint8_t *bytes = shared;
    size_t head_size;
    int rc;

    copy_shared(&frame->header.request, bytes + HEADER_REST, sizeof(frame->header) - HEADER_REST);
    frame->header.sequence = 0;
    rc = header_check(&frame->header, kind);
    if (rc < 0)
        return rc;
    if (is_plain(&frame->header)) {
        copy_shared(frame->body, bytes + sizeof(frame->header), frame->header.inline_size);
        return 0;
    }
    if (frame->header.flags & FRAME_POSTED) /* there is a ring for that */
        return -EBADMSG;

    head_size = frame_head_size(&frame->header);
    copy_shared(frame->buffers, bytes + sizeof(frame->header), head_size - sizeof(frame->header));
    copy_shared(frame->body, bytes + head_size, frame->header.inline_size);
    return buffers_check(frame);
}

static bool buffer_is_offered(const struct frame_buffer *buffer, const struct frame *request)
{
    for (uint32_t i = 0; i < request->header.buffer_count; i++) {
        const struct frame_buffer *offered = &request->buffers[i];

        if (buffer->offset == offered->offset && buffer->size <= offered->size &&
            (buffer->flags & ~offered->flags) == 0)
            return true;
    }
    return false;
}

int frame_check_reply(const struct frame *reply, const struct frame *request)
{
    if (reply->header.request != request->header.request)
        return -EBADMSG;
    for (uint32_t i = 0; i < reply->header.buffer_count; i++) {
        if (!buffer_is_offered(&reply->buffers[i], request))
            return -EBADMSG;
    }
    return 0;
}

const char *frame_status_text(uint32_t status)
{
    static const char *const texts[FRAME_STATUSES] = {
        [FRAME_OK] = "ok",
        [FRAME_REFUSED_FUNCTION] = "no such function",
        [FRAME_REFUSED_MESSAGE] = "malformed message",
        [FRAME_REFUSED_HANDLE] = "invalid handle",
        [FRAME_REFUSED_LIMIT] = "over a limit",
        [FRAME_EARLIER_FAILED] = "an earlier call failed",
    };

    return status < FRAME_STATUSES ? texts[status] : "unknown status";
}

uint64_t frame_travelling(const struct frame *frame, enum buffer_flag direction)
{
    uint64_t size = frame->header.inline_size;

    for (uint32_t i = 0; i < frame->header.buffer_count && i < FRAME_BUFFERS; i++)
        size += frame->buffers[i].flags & direction ? frame->buffers[i].size : 0;
    return size;
}
