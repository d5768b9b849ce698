/*
 * A genuine call of some row, spoiled by the input: what fuzz_request and fuzz_reply share.
 *
 * The input: two bytes choose the row, four are the seed of its arguments, one has the choices of the target; then each
 * three bytes change one byte of what travels: its place (two bytes, little-endian; a frame, then payload) and what it
 * is XORed with.  So an input is short, and most of what it makes is nearly right.
 */
#ifndef WINAPI_TESTS_FUZZ_FUZZ_CALL_H
#define WINAPI_TESTS_FUZZ_FUZZ_CALL_H

#include "spec/wire/bytes.h"
#include "spec/wire/lane_medium.h"
#include "tests/fuzz/fuzz.h"
#include "tests/roundtrip/same.h"

enum { FUZZ_LIMIT = 8 << 20, FUZZ_RESULT = 4096, FUZZ_TABLES = 3, FUZZ_SIZES = 200 };

struct fuzz_call {
    const struct row *row;
    struct plan *plan;
    struct arguments arguments, played;
    struct lane guest_lane, host_lane;
    struct call guest, host;
    struct handle_table handles;
    uint8_t choices;
    _Alignas(16) unsigned char results[2][FUZZ_RESULT]; /* guest's, host's */
};

static inline const struct row *fuzz_row(size_t index)
{
    static const char *const paths[FUZZ_TABLES] = {WINAPI_SOURCE_DIR "/tests/fixtures/shapes.json",
                                                   WINAPI_SOURCE_DIR "/spec/winapi.json",
                                                   WINAPI_SOURCE_DIR "/tests/spec/good/conditions.json"};
    static struct table *tables[FUZZ_TABLES];
    struct diagnostics diagnostics = {0};
    size_t count = 0;

    for (int i = 0; i < FUZZ_TABLES; i++) {
        if (!tables[i] && table_read(&tables[i], paths[i], &diagnostics))
            abort();
        count += tables[i]->row_count;
    }
    index %= count;
    for (int i = 0; i < FUZZ_TABLES; index -= tables[i++]->row_count)
        if (index < tables[i]->row_count)
            return &tables[i]->rows[index];
    abort();
}

static inline const char *fuzz_keep(const char *string, size_t size)
{
    return size && string[size - 1] == '\0' ? "kept" : NULL;
}

/* False: no arguments for this seed, or no memory for what the input asks. */
static inline bool fuzz_start(struct fuzz_call *call, struct reader *reader)
{
    uint16_t row = reader_u8(reader);

    row = (uint16_t)(row | reader_u8(reader) << 8);
    memset(call, 0, sizeof(*call));
    call->row = fuzz_row(row);
    call->arguments.handles = &call->handles;
    call->arguments.size_most = FUZZ_SIZES;
    call->guest_lane = (struct lane){.medium = MEDIUM_SOCKET, .fd = -1, .watch_fd = -1};
    call->host_lane = call->guest_lane;
    handle_table_init(&call->handles, 5);
    if (plan_create(&call->plan, call->row))
        abort();
    call->guest = (struct call){
        .plan = call->plan, .lane = &call->guest_lane, .handles = handle_door_guest, .keep_string = fuzz_keep};
    call->host = (struct call){.plan = call->plan,
                               .lane = &call->host_lane,
                               .handles = handle_table_door(&call->handles),
                               .limit = FUZZ_LIMIT};
    if (!arguments_make(&call->arguments, call->row, reader_u32(reader)))
        return false;
    call->choices = reader_u8(reader);
    call->guest.copies_all = call->choices & 1;
    return call_encode_request(&call->guest, call->arguments.slots, 1, 1) == 0;
}

/* What the socket would carry besides the frame: as much payload as descriptors name that go its way. */
static inline void fuzz_carry(const struct lane *from, struct lane *to, const struct frame *frame)
{
    uint32_t direction = frame->header.kind == FRAME_CALL ? BUFFER_IN : BUFFER_OUT;

    for (uint32_t i = 0; i < frame->header.buffer_count; i++) {
        const struct frame_buffer *buffer = &frame->buffers[i];
        const void *source = lane_payload(from, buffer->offset, buffer->size);
        void *target = lane_payload(to, buffer->offset, buffer->size);

        if (!source || !target)
            abort();
        if (buffer->flags & direction)
            memcpy(target, source, buffer->size);
    }
}

/* The request's way, with room for all that it names. */
static inline void fuzz_carry_request(struct fuzz_call *call)
{
    const struct frame *request = &call->guest_lane.request;
    uint64_t end = 1;

    for (uint32_t i = 0; i < request->header.buffer_count; i++)
        if (request->buffers[i].offset + request->buffers[i].size > end)
            end = request->buffers[i].offset + request->buffers[i].size;
    if (lane_socket_grow(&call->host_lane, end))
        abort();
    fuzz_carry(&call->guest_lane, &call->host_lane, request);
    call->host_lane.request = *request;
}

static inline void fuzz_spoil(struct reader *reader, struct frame *frame, const struct lane *lane)
{
    while (!reader->failed && reader->size - reader->at >= 3) {
        size_t place = reader_u8(reader);
        uint8_t change;

        place |= (size_t)reader_u8(reader) << 8;
        change = reader_u8(reader);
        if (place < sizeof(*frame))
            ((uint8_t *)frame)[place] ^= change;
        else if (lane->payload_size)
            lane->payload[(place - sizeof(*frame)) % lane->payload_size] ^= change;
    }
}

/* The host's half, from a request that lane_receive() would let through.  0 when there is a reply. */
static inline int fuzz_serve(struct fuzz_call *call)
{
    int error = call_decode_request(&call->host);

    if (error)
        return error;
    call->played = (struct arguments){
        .row = call->row, .state = 9, .handles = &call->handles, .is_host = true, .size_most = FUZZ_SIZES};
    for (size_t i = 0; i < call->row->parameter_count; i++)
        call->played.slots[i] = call->host.arguments[i];
    /* Every byte that the function may read is looked at, then every one that it may write is written. */
    (void)!same_in(&(struct same){.guest = &call->played, .host = &call->played, .handles = &call->handles});
    arguments_play(&call->played, call->results[1]);
    frame_start(&call->host_lane.reply, FRAME_RESULT, call->host_lane.request.header.request, 1);
    return call_encode_reply(&call->host, call->results[1]);
}

static inline void fuzz_finish(struct fuzz_call *call)
{
    lane_close(&call->guest_lane);
    lane_close(&call->host_lane);
    call_finish(&call->guest);
    call_finish(&call->host);
    arguments_finish(&call->arguments);
    arguments_finish(&call->played);
    handle_table_finish(&call->handles);
    plan_destroy(call->plan);
}

#endif
