/*
 * Where the buffers of a call lie that its body does not hold: what is in the arena already is named where it is, what
 * goes over a socket is lent to the lane, the rest is copied once.  More buffers than a frame has descriptors share
 * one.
 */
#include "spec/call/call.h"

#include <errno.h>
#include <string.h>

enum { PAYLOAD_ALIGNMENT = 64 };

/*
 * What the buffers of one call ask for, and the descriptors made for them.  They are put together here and written to
 * the frame at the end, when they are complete: those that share one make it grow.
 */
struct placing {
    size_t shared, copied; /* buffers */
    uint64_t size;         /* bytes of payload memory */
    uint64_t body_size;    /* of a body that does not fit the frame; 0: it fits */
    uint64_t room_size;    /* for the answer's body; 0: it fits */
    uint8_t *memory;
    uint64_t start; /* of memory, in the lane's payload memory */
    uint64_t used;
    struct lane *lane;
    uint64_t lent_at; /* socket: where the next buffer is lent, behind memory */
    struct frame_buffer buffers[FRAME_BUFFERS];
    uint8_t count;
    uint8_t common; /* the descriptor that copied buffers share; FRAME_BUFFERS: none yet */
    bool shares;    /* copied buffers share one */
};

static uint64_t aligned(uint64_t size)
{
    return (size + PAYLOAD_ALIGNMENT - 1) & ~(uint64_t)(PAYLOAD_ALIGNMENT - 1);
}

/* -EOVERFLOW: together they are larger than memory. */
static int count_buffers(const struct call *call, struct placing *placing)
{
    uint64_t all = 0;

    for (size_t i = 0; i < call->follow_count; i++) {
        const struct follow *follow = &call->follows[i];

        if (follow->place != PLACE_BUFFER)
            continue;
        placing->shared += follow->is_shared;
        placing->copied += !follow->is_shared;
        placing->size += follow->is_shared ? 0 : aligned(follow->capacity);
        if (__builtin_add_overflow(all, aligned(follow->capacity), &all) || all > INT64_MAX)
            return -EOVERFLOW;
    }
    return 0;
}

/* More buffers than descriptors: all that are copied share one, and of those used in place some are copied too. */
static void share_descriptor(struct call *call, struct placing *placing, size_t descriptors)
{
    for (size_t i = call->follow_count; i-- > 0 && placing->shared > descriptors - 1;) {
        struct follow *follow = &call->follows[i];

        if (follow->place != PLACE_BUFFER || !follow->is_shared)
            continue;
        follow->is_shared = false;
        placing->shared--;
        placing->copied++;
        placing->size += aligned(follow->capacity);
    }
}

static uint32_t buffer_flags(const struct follow *follow)
{
    return (follow->direction & DIRECTION_IN || follow->count ? BUFFER_IN : 0) | (call_room(follow) ? BUFFER_OUT : 0);
}

static uint8_t add_descriptor(struct placing *placing, uint64_t offset, uint64_t size, uint32_t flags)
{
    placing->buffers[placing->count] = (struct frame_buffer){.offset = offset, .size = size, .flags = flags};
    return placing->count++;
}

static void patch_place(struct writer *writer, const struct follow *follow)
{
    uint64_t offset = follow->offset;

    writer->data[follow->patch] = follow->buffer;
    memcpy(&writer->data[follow->patch + 1], &offset, sizeof(offset));
}

static void place_in_common(struct placing *placing, struct follow *follow, uint64_t offset)
{
    struct frame_buffer *common;

    if (placing->common == FRAME_BUFFERS)
        placing->common = add_descriptor(placing, offset, 0, 0);
    common = &placing->buffers[placing->common];
    follow->buffer = placing->common;
    follow->offset = offset - common->offset;
    common->size = follow->offset + follow->capacity;
    common->flags |= buffer_flags(follow);
}

static uint64_t place_shared(struct placing *placing, const struct follow *follow)
{
    uint64_t offset = placing->lent_at;

    if (placing->lane->medium == MEDIUM_MEMORY)
        return follow->offset;
    lane_lend(placing->lane, offset, follow->address, follow->capacity);
    placing->lent_at += aligned(follow->capacity);
    return offset;
}

static void place_buffer(struct placing *placing, struct follow *follow)
{
    uint64_t offset = follow->is_shared ? place_shared(placing, follow) : placing->start + placing->used;

    if (!follow->is_shared) {
        if (follow->count && placing->memory)
            memcpy(placing->memory + placing->used, follow->address, follow->count);
        placing->used += aligned(follow->capacity);
        if (placing->shares) {
            place_in_common(placing, follow, offset);
            return;
        }
    }
    follow->buffer = add_descriptor(placing, offset, follow->capacity, buffer_flags(follow));
    follow->offset = 0;
}

static void place_body(struct placing *placing, struct frame_header *header, const struct writer *writer)
{
    uint32_t flags = 0;

    if (placing->room_size) {
        flags |= FRAME_ROOM_FOR_BODY;
        header->room_buffer = add_descriptor(placing, placing->start + placing->used, placing->room_size, BUFFER_OUT);
        placing->used += aligned(placing->room_size);
    }
    if (placing->body_size && placing->memory) {
        memcpy(placing->memory + placing->used, writer->data, writer->size);
        flags |= FRAME_BODY_IN_BUFFER;
        header->body_buffer = add_descriptor(placing, placing->start + placing->used, placing->body_size, BUFFER_IN);
        placing->used += aligned(placing->body_size);
    }
    header->flags = flags;
    header->inline_size = placing->body_size ? 0 : (uint32_t)writer->size;
}

static int reserve_all(struct call *call, struct placing *placing)
{
    size_t descriptors = FRAME_BUFFERS - (placing->body_size != 0) - (placing->room_size != 0);

    if (count_buffers(call, placing))
        return call_fault(call, NULL, "its buffers together are larger than memory", -EOVERFLOW);
    placing->shares = placing->shared + placing->copied > descriptors;
    if (placing->shares)
        share_descriptor(call, placing, descriptors);
    placing->size += aligned(placing->body_size) + aligned(placing->room_size);
    if (placing->size == 0)
        return 0;
    placing->memory = lane_reserve(call->lane, placing->size, &placing->start);
    return placing->memory ? 0 : call_fault(call, NULL, "no memory is left for its buffers", -ENOMEM);
}

int call_place(struct call *call, struct frame *frame, struct writer *writer)
{
    struct placing placing = {.lane = call->lane,
                              .body_size = writer->data == frame->body ? 0 : writer->size,
                              .room_size = call->reply_room > FRAME_INLINE ? call->reply_room : 0,
                              .common = FRAME_BUFFERS};
    int error = reserve_all(call, &placing);

    if (error)
        return error;
    placing.lent_at = placing.start + placing.size;
    for (size_t i = 0; i < call->follow_count; i++) {
        if (call->follows[i].place != PLACE_BUFFER)
            continue;
        place_buffer(&placing, &call->follows[i]);
        patch_place(writer, &call->follows[i]);
    }
    place_body(&placing, &frame->header, writer);
    memcpy(frame->buffers, placing.buffers, placing.count * sizeof(*placing.buffers));
    frame->header.buffer_count = placing.count;
    return 0;
}
