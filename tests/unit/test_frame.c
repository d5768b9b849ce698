/* Frames: one good one, and each field of it made hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/wire/frame.h"

#include <errno.h>
#include <string.h>

/* A call with two buffers and five bytes of body. */
static struct frame call_make(void)
{
    struct frame frame;

    memset(&frame, 0, sizeof(frame));
    frame_start(&frame, FRAME_CALL, 77, 4);
    frame.header.buffer_count = 2;
    frame.header.inline_size = 5;
    frame.buffers[0] = (struct frame_buffer){.offset = 0, .size = 100, .flags = BUFFER_IN};
    frame.buffers[1] = (struct frame_buffer){.offset = 4096, .size = 8192, .flags = BUFFER_IN | BUFFER_OUT};
    memcpy(frame.body, "hello", 5);
    return frame;
}

/* The same complaint must come from a private frame and from one in shared memory. */
static void expect(const struct frame *frame, enum frame_kind kind, int rc)
{
    struct frame copy;

    assert_int_equal(frame_check(frame, kind), rc);
    assert_int_equal(frame_copy(&copy, &frame->header, kind), rc);
}

static void a_started_frame_is_good(void **state)
{
    struct frame frame;

    (void)state;
    memset(&frame, 0xA5, sizeof(frame));
    frame_start(&frame, FRAME_CALL, 1, 2);
    expect(&frame, FRAME_CALL, 0);
    expect(&frame, FRAME_RESULT, -EBADMSG);
    frame_start(&frame, FRAME_RESULT, 1, 2);
    expect(&frame, FRAME_RESULT, 0);
    frame.header.inline_size = 0x0102;
    frame.header.request = 7;
    assert_memory_equal(&frame.header, "\0\0\0\0\7\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\2\1R", 23);
}

static void a_copy_has_what_is_in_use(void **state)
{
    struct frame frame = call_make(), copy;
    uint8_t shared[sizeof(frame)];

    (void)state;
    memset(&copy, 0x5A, sizeof(copy));
    memset(shared, 0x77, sizeof(shared));
    frame.body[5] = 'X';
    frame_put(shared, &frame);
    assert_memory_equal(shared, "wwww", 4); /* the sequence is the lane's to store */
    assert_memory_equal(shared + 28 + 2 * 24, "hellow", 6);
    assert_int_equal(frame_copy(&copy, shared, FRAME_CALL), 0);
    assert_memory_equal(&copy.header, &frame.header, sizeof(frame.header));
    assert_memory_equal(copy.buffers, frame.buffers, 2 * sizeof(frame.buffers[0]));
    assert_memory_equal(copy.body, "helloZ", 6);
    assert_int_equal(frame_wire_size(&frame.header), 28 + 2 * 24 + 5);
}

/* However a frame lies over the end of the header's cache line. */
static void parts_come_whole_wherever_they_lie(void **state)
{
    struct frame frame = call_make(), copy;
    _Alignas(64) uint8_t shared[sizeof(frame)];

    (void)state;
    for (size_t i = 0; i < sizeof(frame.body); i++)
        frame.body[i] = (uint8_t)(i * 7);
    for (uint8_t count = 0; count <= 2; count++)
        for (uint16_t size = 0; size <= 200; size++) {
            frame.header.buffer_count = count;
            frame.header.inline_size = size;
            memset(shared, 0, sizeof(shared));
            frame_put(shared, &frame);
            assert_memory_equal(shared + 4, &frame.header.request, sizeof(frame.header) - 4);
            assert_memory_equal(shared + 28, frame.buffers, count * sizeof(frame.buffers[0]));
            assert_memory_equal(shared + 28 + count * 24, frame.body, size);
            assert_int_equal(shared[28 + count * 24 + size], 0);
            assert_int_equal(frame_copy(&copy, shared, FRAME_CALL), 0);
            assert_memory_equal(copy.body, frame.body, size);
        }
}

static void a_hostile_header_is_refused(void **state)
{
    struct frame good = call_make(), bad;

    (void)state;
    expect(&good, FRAME_CALL, 0);
#define REFUSED(field, value, rc)     \
    do {                              \
        bad = good;                   \
        bad.header.field = (value);   \
        expect(&bad, FRAME_CALL, rc); \
    } while (0)
    REFUSED(kind, 0, -EBADMSG);
    REFUSED(kind, FRAME_RESULT, -EBADMSG);
    REFUSED(flags, 16, -EBADMSG);
    REFUSED(flags, UINT8_MAX, -EBADMSG);
    REFUSED(status, FRAME_REFUSED_LIMIT, -EBADMSG);
    REFUSED(buffer_count, FRAME_BUFFERS + 1, -EBADMSG);
    REFUSED(buffer_count, UINT8_MAX, -EBADMSG);
    REFUSED(inline_size, FRAME_INLINE + 1, -EBADMSG);
    REFUSED(inline_size, UINT16_MAX, -EBADMSG);
    REFUSED(kind, UINT8_MAX, -EBADMSG);
    REFUSED(body_buffer, 1, -EBADMSG); /* without its flag */
    REFUSED(room_buffer, 1, -EBADMSG);
#undef REFUSED
}

static void a_sequence_is_for_shared_memory(void **state)
{
    struct frame frame;

    (void)state;
    frame_start(&frame, FRAME_CALL, 1, 2);
    frame.header.sequence = 1;
    assert_int_equal(frame_check(&frame, FRAME_CALL), -EBADMSG);
    assert_int_equal(frame_copy(&frame, &frame.header, FRAME_CALL), 0);
    assert_int_equal(frame.header.sequence, 0);
}

static void an_answer_with_an_unknown_status_is_refused(void **state)
{
    struct frame frame;

    (void)state;
    frame_start(&frame, FRAME_RESULT, 1, 2);
    frame.header.status = FRAME_REFUSED_LIMIT;
    expect(&frame, FRAME_RESULT, 0);
    frame.header.status = FRAME_STATUSES;
    expect(&frame, FRAME_RESULT, -EBADMSG);
}

static void a_hostile_descriptor_is_refused(void **state)
{
    struct frame good = call_make(), bad = good;

    (void)state;
    bad.buffers[1].flags = 4;
    expect(&bad, FRAME_CALL, -EBADMSG);
    bad = good;
    bad.buffers[1].reserved = 1;
    expect(&bad, FRAME_CALL, -EBADMSG);
    bad = good;
    bad.buffers[1].size = UINT64_MAX - 4095;
    expect(&bad, FRAME_CALL, -EBADMSG);
    bad.buffers[1].size = UINT64_MAX - 4096;
    expect(&bad, FRAME_CALL, 0); /* ends at the last byte: whether it lies in memory is the lane's to say */
}

static void a_body_in_a_buffer_needs_the_buffer_and_no_body(void **state)
{
    struct frame frame = call_make();

    (void)state;
    frame.header.flags = FRAME_BODY_IN_BUFFER;
    frame.header.body_buffer = 1;
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.inline_size = 0;
    expect(&frame, FRAME_CALL, 0);
    frame.header.body_buffer = 2;
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.body_buffer = UINT8_MAX;
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.body_buffer = 1;
    frame.buffers[1].flags = BUFFER_OUT; /* it would not arrive */
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.body_buffer = 0;
    frame.header.buffer_count = 0;
    expect(&frame, FRAME_CALL, -EBADMSG);
}

static void room_for_the_answers_body_is_a_callers_out_buffer(void **state)
{
    struct frame frame = call_make();

    (void)state;
    frame.header.flags = FRAME_ROOM_FOR_BODY;
    frame.header.room_buffer = 1;
    expect(&frame, FRAME_CALL, 0);
    frame.header.room_buffer = 0; /* travels with the call only */
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.room_buffer = 2;
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.room_buffer = 1;
    frame.header.kind = FRAME_RESULT;
    expect(&frame, FRAME_RESULT, -EBADMSG);
}

static void an_answer_has_the_requests_number_and_buffers(void **state)
{
    struct frame request = call_make(), reply = call_make();

    (void)state;
    reply.header.kind = FRAME_RESULT;
    assert_int_equal(frame_check_reply(&reply, &request), 0);
    reply.header.buffer_count = 1;
    reply.buffers[0] = (struct frame_buffer){.offset = 4096, .size = 1, .flags = BUFFER_OUT};
    assert_int_equal(frame_check_reply(&reply, &request), 0);

    reply.header.request++;
    assert_int_equal(frame_check_reply(&reply, &request), -EBADMSG);
    reply.header.request--;
    reply.buffers[0].size = 8193;
    assert_int_equal(frame_check_reply(&reply, &request), -EBADMSG);
    reply.buffers[0] = (struct frame_buffer){.offset = 4097, .size = 1, .flags = BUFFER_OUT};
    assert_int_equal(frame_check_reply(&reply, &request), -EBADMSG);
    reply.buffers[0] = (struct frame_buffer){.offset = 0, .size = 1, .flags = BUFFER_OUT}; /* offered for in only */
    assert_int_equal(frame_check_reply(&reply, &request), -EBADMSG);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (uint32_t status = 0; status < FRAME_STATUSES; status++)
        assert_string_not_equal(frame_status_text(status), "unknown status");
    assert_string_equal(frame_status_text(FRAME_STATUSES), "unknown status");
    assert_string_equal(frame_status_text(UINT32_MAX), "unknown status");
}

/* In shared memory there is a ring for it. */
static void a_posted_call_travels_over_sockets_only(void **state)
{
    struct frame frame = call_make(), copy;

    (void)state;
    frame.header.flags = FRAME_POSTED;
    assert_int_equal(frame_check(&frame, FRAME_CALL), 0);
    assert_int_equal(frame_copy(&copy, &frame.header, FRAME_CALL), -EBADMSG);
    frame.header.kind = FRAME_RESULT;
    expect(&frame, FRAME_RESULT, -EBADMSG);
}

static void a_posted_call_wants_no_answer(void **state)
{
    struct frame frame = call_make();

    (void)state;
    frame.header.flags = FRAME_POSTED | FRAME_MAY_TELL;
    assert_int_equal(frame_check(&frame, FRAME_CALL), -EBADMSG);
    frame.header.flags = FRAME_POSTED | FRAME_ROOM_FOR_BODY;
    frame.header.room_buffer = 1;
    assert_int_equal(frame_check(&frame, FRAME_CALL), -EBADMSG);
    frame.header.room_buffer = 0;
    frame.header.flags = FRAME_POSTED | FRAME_BODY_IN_BUFFER;
    frame.header.inline_size = 0;
    assert_int_equal(frame_check(&frame, FRAME_CALL), 0);
}

static void a_call_of_nothing_lists_whole_entries(void **state)
{
    struct frame frame;

    (void)state;
    memset(&frame, 0, sizeof(frame));
    frame_start(&frame, FRAME_CALL, 1, FRAME_NO_FUNCTION);
    expect(&frame, FRAME_CALL, 0);
    frame.header.inline_size = 3 * sizeof(struct frame_pending);
    expect(&frame, FRAME_CALL, 0);
    frame.header.flags = FRAME_POSTED; /* it is about its answer */
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.flags = 0;
    frame.header.inline_size++;
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.inline_size = sizeof(struct frame_pending) / 2;
    expect(&frame, FRAME_CALL, -EBADMSG);
    frame.header.kind = FRAME_RESULT;
    expect(&frame, FRAME_RESULT, 0); /* words */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_started_frame_is_good),
        cmocka_unit_test(a_copy_has_what_is_in_use),
        cmocka_unit_test(parts_come_whole_wherever_they_lie),
        cmocka_unit_test(a_hostile_header_is_refused),
        cmocka_unit_test(a_sequence_is_for_shared_memory),
        cmocka_unit_test(an_answer_with_an_unknown_status_is_refused),
        cmocka_unit_test(a_hostile_descriptor_is_refused),
        cmocka_unit_test(a_body_in_a_buffer_needs_the_buffer_and_no_body),
        cmocka_unit_test(room_for_the_answers_body_is_a_callers_out_buffer),
        cmocka_unit_test(an_answer_has_the_requests_number_and_buffers),
        cmocka_unit_test(every_status_has_a_text),
        cmocka_unit_test(a_posted_call_travels_over_sockets_only),
        cmocka_unit_test(a_posted_call_wants_no_answer),
        cmocka_unit_test(a_call_of_nothing_lists_whole_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
