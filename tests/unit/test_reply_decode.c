/* What comes back: strings, outs that were written or left alone, answers that promise too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_ends.h"

/* ---- strings ---- */

static void check_changed_string(enum medium medium)
{
    static char text[LARGE];
    char *pointer = text;
    struct ends ends;
    long room = sizeof(text);

    memset(text, 'x', sizeof(text));
    strcpy(text, "before");
    ends_open(&ends, medium, "text");
    there(&ends, (void *[]){&pointer, &room});
    assert_string_equal(at_host(&ends, 0), "before");
    assert_int_equal(ends.guest_lane.request.header.buffer_count, 1);
    memset(at_host(&ends, 0), 'y', sizeof(text) - 1);
    ((char *)at_host(&ends, 0))[sizeof(text) - 1] = '\0';
    assert_int_equal(back(&ends), 0);
    assert_int_equal(strlen(text), sizeof(text) - 1);
    assert_int_equal(text[sizeof(text) - 2], 'y');
    ends_close(&ends);
}

static void a_large_string_comes_back_changed(void **state)
{
    (void)state;
    check_changed_string(MEDIUM_MEMORY);
    check_changed_string(MEDIUM_SOCKET);
}

/* What the guest gets when the host's function has returned its text plus `distance`, and `change` came on the way. */
static int find_at(const char *text, ptrdiff_t distance, uint8_t change, char **found)
{
    struct ends ends;
    char *at;
    int error;

    ends_open(&ends, MEDIUM_SOCKET, "find");
    there(&ends, (void *[]){&text});
    at = (char *)at_host(&ends, 0) + distance;
    memcpy(&ends.result, &at, sizeof(at));
    frame_start(&ends.host_lane.reply, FRAME_RESULT, 1, 1);
    error = call_encode_reply(&ends.host, &ends.result);
    carry_back(&ends);
    ends.guest_lane.reply.body[0] ^= change;
    if (!error)
        error = call_decode_reply(&ends.guest, found);
    ends_close(&ends);
    return error;
}

static void a_pointer_into_an_argument_is_the_callers_own(void **state)
{
    static const char text[] = "hello";
    char *found = NULL;

    (void)state;
    assert_int_equal(find_at(text, 2, 0, &found), 0);
    assert_ptr_equal(found, text + 2);
    assert_int_equal(find_at(text, sizeof(text), 0, &found), 0);
    assert_ptr_equal(found, text + sizeof(text));
}

static void a_pointer_elsewhere_is_refused_at_both_ends(void **state)
{
    static const char text[] = "hello";
    char *found = NULL;

    (void)state;
    assert_int_equal(find_at(text, sizeof(text) + 1, 0, &found), -EPROTO);
    assert_int_equal(find_at(text, -1, 0, &found), -EPROTO);
    assert_int_equal(find_at(NULL, 1, 0, &found), -EPROTO);
    assert_int_equal(find_at(text, 0, 1 ^ (sizeof(text) + 2), &found), -EBADMSG);
    assert_null(found);
}

/* The guest could take the end away while the function reads. */
static void a_string_in_shared_memory_is_copied_by_the_host(void **state)
{
    static char name[LARGE];
    struct ends ends;
    uint64_t offset;
    char *pointer;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    ends_open(&ends, MEDIUM_MEMORY, "name");
    assert_int_equal(arena_take(&ends.arena, sizeof(name), &offset), 0);
    pointer = memory_at(&ends.memory, offset, sizeof(name));
    memcpy(pointer, name, sizeof(name));
    there(&ends, (void *[]){&pointer});
    memset(pointer, 'm', sizeof(name)); /* too late */
    assert_string_equal(at_host(&ends, 0), name);
    ends_close(&ends);
}

static void a_returned_string_comes_back(void **state)
{
    const char *result = NULL;
    struct ends ends;
    int a = 0;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "text_of");
    there(&ends, (void *[]){&a});
    frame_start(&ends.host_lane.reply, FRAME_RESULT, 1, 1);
    assert_int_equal(call_encode_reply(&ends.host, &(const char *){"static"}), 0);
    carry_back(&ends);
    assert_int_equal(call_decode_reply(&ends.guest, &result), 0);
    assert_string_equal(result, "static");
    ends_close(&ends);
}

static void a_returned_string_beyond_its_room_is_refused(void **state)
{
    static char longest[CALL_STRING_ROOM + 1];
    const char *result = longest;
    struct ends ends;
    int a = 0;

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    ends_open(&ends, MEDIUM_SOCKET, "text_of");
    there(&ends, (void *[]){&a});
    frame_start(&ends.host_lane.reply, FRAME_RESULT, 1, 1);
    assert_int_equal(call_encode_reply(&ends.host, &result), -E2BIG);
    ends_close(&ends);
}

/* ---- what comes back ---- */

static void what_the_function_leaves_alone_stays(void **state)
{
    char data[100], before[100], *pointer = data;
    struct ends ends;
    long size = sizeof(data);
    int used = 12345, *out = &used;

    (void)state;
    memset(data, '?', sizeof(data));
    memcpy(before, data, sizeof(data));
    ends_open(&ends, MEDIUM_SOCKET, "out");
    there(&ends, (void *[]){&pointer, &size, &out});
    assert_int_equal(back(&ends), 0);
    assert_int_equal(used, 12345);
    assert_memory_equal(data, before, sizeof(data)); /* used is more than there is room for: all of it came back */
    ends_close(&ends);
}

static void more_than_the_room_is_cut(void **state)
{
    char data[100], *pointer = data;
    struct ends ends;
    long size = 10;
    int used = 0, *out = &used;

    (void)state;
    memset(data, '?', sizeof(data));
    ends_open(&ends, MEDIUM_SOCKET, "out");
    there(&ends, (void *[]){&pointer, &size, &out});
    memset(at_host(&ends, 0), '!', 10);
    *(int *)at_host(&ends, 2) = 1000000;
    assert_int_equal(back(&ends), 0);
    assert_memory_equal(data, "!!!!!!!!!!?", 11);
    assert_int_equal(used, 1000000);
    ends_close(&ends);
}

static void an_out_that_holds_no_bool_yet_goes_through(void **state)
{
    unsigned char garbage = 0x5A;
    void *flag = &garbage;
    int *null = NULL;
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "flag");
    there(&ends, (void *[]){&flag, &null});
    *(bool *)at_host(&ends, 0) = false;
    assert_int_equal(back(&ends), 0);
    assert_int_equal(garbage, 0);
    ends_close(&ends);
}

static bool contains(const void *bytes, size_t size, const void *what)
{
    return memmem(bytes, size, &what, sizeof(what)) != NULL;
}

static void handles_in_an_array_are_no_addresses(void **state)
{
    static char objects[3];
    struct shelf shelf = {.count = 3}, *pointer = &shelf, *decoded;
    struct ends ends;
    void *local;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "shelve");
    there(&ends, (void *[]){&pointer});
    decoded = at_host(&ends, 0);
    for (int i = 0; i < 3; i++)
        decoded->boxes[i] = &objects[i];
    assert_int_equal(back(&ends), 0);
    for (int i = 0; i < 3; i++) {
        assert_false(contains(ends.guest_lane.reply.body, FRAME_INLINE, &objects[i]));
        assert_int_equal(handle_table_find(&ends.handles, "box", (uintptr_t)shelf.boxes[i], &local), 0);
        assert_ptr_equal(local, &objects[i]);
    }
    there(&ends, (void *[]){&pointer});
    decoded = at_host(&ends, 0);
    assert_ptr_equal(decoded->boxes[2], &objects[2]);
    ends_close(&ends);
}

/* ---- the guest refuses an answer ---- */

static void an_answer_with_more_than_there_is_room_for_is_refused(void **state)
{
    char data[100], *pointer = data;
    struct ends ends;
    long size = 10, result;
    int used = 0, *out = &used;

    (void)state;
    memset(data, '?', sizeof(data));
    ends_open(&ends, MEDIUM_SOCKET, "out");
    there(&ends, (void *[]){&pointer, &size, &out});
    *(int *)at_host(&ends, 2) = 10;
    frame_start(&ends.host_lane.reply, FRAME_RESULT, 1, 1);
    assert_int_equal(call_encode_reply(&ends.host, &ends.result), 0);
    carry_back(&ends);
    ends.guest_lane.reply.body[1 + 1] = 50; /* after the result and *used: how many bytes came back */
    ends.guest_lane.reply.header.inline_size = FRAME_INLINE;
    assert_int_equal(call_decode_reply(&ends.guest, &result), -EBADMSG);
    assert_string_equal(ends.guest.fault_name, "data");
    assert_int_equal(data[10], '?');
    ends_close(&ends);
}

/* ---- in and out apart ---- */

struct apart {
    unsigned char data[LARGE], *pointer;
    long size, back;
};

static void apart_open(struct apart *apart, struct ends *ends, enum medium medium, long size, long back)
{
    memset(apart->data, 'g', sizeof(apart->data));
    apart->pointer = apart->data;
    apart->size = size;
    apart->back = back;
    ends_open(ends, medium, "apart");
    there(ends, (void *[]){&apart->pointer, &apart->size, &apart->back});
    assert_memory_equal(at_host(ends, 0), apart->data, (size_t)size);
    memset(at_host(ends, 0), 'h', (size_t)(size > back ? size : back));
}

static void check_apart(enum medium medium, long size, long back_size)
{
    struct apart apart;
    struct ends ends;

    apart_open(&apart, &ends, medium, size, back_size);
    assert_int_equal(back(&ends), 0);
    for (long i = 0; i < LARGE; i++)
        assert_int_equal(apart.data[i], i < back_size ? 'h' : 'g');
    ends_close(&ends);
}

static void as_much_comes_back_as_out_says(void **state)
{
    static const long sizes[] = {0, 1, 40, 2000, LARGE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t j = 0; j < COUNT_OF(sizes); j++) {
            check_apart(MEDIUM_MEMORY, sizes[i], sizes[j]);
            check_apart(MEDIUM_SOCKET, sizes[i], sizes[j]);
        }
}

static void check_nothing_travels_back(enum medium medium)
{
    struct apart apart;
    struct ends ends;

    apart_open(&apart, &ends, medium, LARGE, 0);
    assert_int_equal(ends.guest_lane.request.header.buffer_count, 1);
    assert_int_equal(ends.guest_lane.request.buffers[0].flags, BUFFER_IN);
    assert_int_equal(back(&ends), 0);
    assert_int_equal(ends.guest_lane.reply.buffers[0].size, 0);
    assert_int_equal(frame_travelling(&ends.guest_lane.reply, BUFFER_OUT), 2); /* the result, and how much: 0 */
    ends_close(&ends);
}

static void nothing_travels_back_where_nothing_comes_out(void **state)
{
    (void)state;
    check_nothing_travels_back(MEDIUM_MEMORY);
    check_nothing_travels_back(MEDIUM_SOCKET);
}

/* Whole elements only: of 21 bytes two points, of 12 one. */
static void elements_come_back_as_far_as_they_are_whole(void **state)
{
    struct point points[3] = {{1, 2}, {3, 4}, {5, 6}}, *pointer = points, *there_points;
    long size = 21, back_size = 12;
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "points_apart");
    there(&ends, (void *[]){&pointer, &size, &back_size});
    there_points = at_host(&ends, 0);
    assert_int_equal(there_points[1].y, 4);
    there_points[0].x = there_points[1].x = 9;
    assert_int_equal(back(&ends), 0);
    assert_int_equal(points[0].x, 9);
    assert_int_equal(points[1].x, 3);
    assert_int_equal(points[2].x, 5);
    ends_close(&ends);
}

/* Twenty share descriptors, which have a way back; what counts is what the row says after the call. */
static void check_change(enum medium medium, int writes)
{
    enum { COUNT = 20, GOT = 3 };
    static unsigned char data[COUNT][LARGE];
    struct item items[COUNT], *pointer = items, *decoded;
    long got = GOT, *got_pointer = &got;
    int count = COUNT;
    uint64_t size = 0;
    struct ends ends;

    memset(data, 'g', sizeof(data));
    for (int i = 0; i < COUNT; i++)
        items[i] = (struct item){data[i], LARGE};
    ends_open(&ends, medium, "change");
    there(&ends, (void *[]){&pointer, &count, &writes, &got_pointer});
    decoded = at_host(&ends, 0);
    for (int i = 0; i < COUNT; i++)
        memset(decoded[i].data, 'h', LARGE);
    assert_int_equal(back(&ends), 0);
    for (uint32_t i = 0; i < ends.guest_lane.reply.header.buffer_count; i++)
        size += ends.guest_lane.reply.buffers[i].size;
    assert_true(ends.guest_lane.reply.header.buffer_count > 0);
    assert_true(!size == !writes);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(data[i][GOT - 1], writes ? 'h' : 'g');
        assert_int_equal(data[i][GOT], 'g');
    }
    ends_close(&ends);
}

static void members_come_back_as_their_row_says(void **state)
{
    (void)state;
    for (int writes = 0; writes < 2; writes++) {
        check_change(MEDIUM_MEMORY, writes);
        check_change(MEDIUM_SOCKET, writes);
    }
}

/* The host has written 'h' everywhere; what the native function has left is 'g'. */
static void check_compared(long back_size, const char *where)
{
    struct difference difference = {0};
    struct apart apart;
    struct ends ends;

    apart_open(&apart, &ends, MEDIUM_MEMORY, LARGE, back_size); /* copied, as compare has everything copied */
    ends.guest.compares = true;
    ends.guest.difference = &difference;
    assert_int_equal(back(&ends), 0);
    assert_string_equal(difference.where, where);
    assert_int_equal(apart.data[0], 'g');
    ends_close(&ends);
}

static void what_comes_back_is_compared_and_nothing_else(void **state)
{
    (void)state;
    check_compared(LARGE, "data[0]");
    check_compared(0, "");
}

/* The answer, with the number of bytes that came back changed. */
static int decode_promise(struct apart *apart, struct ends *ends, uint8_t promise)
{
    long result;

    frame_start(&ends->host_lane.reply, FRAME_RESULT, 1, 1);
    assert_int_equal(call_encode_reply(&ends->host, &ends->result), 0);
    carry_back(ends);
    assert_int_equal(ends->guest_lane.reply.body[1], (uint8_t)apart->back);
    ends->guest_lane.reply.body[1] = promise;
    ends->guest_lane.reply.header.inline_size = FRAME_INLINE;
    ends->guest_lane.reply.buffers[0].size = LARGE;
    return call_decode_reply(&ends->guest, &result);
}

static void check_promise(enum medium medium, long size, long back_size)
{
    struct apart apart;
    struct ends ends;

    apart_open(&apart, &ends, medium, size, back_size);
    assert_int_equal(decode_promise(&apart, &ends, (uint8_t)(back_size + 1)), -EBADMSG);
    assert_string_equal(ends.guest.fault_name, "data");
    for (long i = 0; i < LARGE; i++)
        assert_int_equal(apart.data[i], 'g');
    ends_close(&ends);
}

static void bytes_that_nobody_asked_for_are_refused(void **state)
{
    (void)state;
    check_promise(MEDIUM_MEMORY, LARGE, 0);
    check_promise(MEDIUM_SOCKET, LARGE, 0);
    check_promise(MEDIUM_SOCKET, 100, 0);
    check_promise(MEDIUM_MEMORY, LARGE, 20);
    check_promise(MEDIUM_SOCKET, 100, 20);
}

static void an_answer_through_a_descriptor_without_a_way_back_is_refused(void **state)
{
    struct apart apart;
    struct ends ends;

    (void)state;
    apart_open(&apart, &ends, MEDIUM_SOCKET, LARGE, 0);
    assert_int_equal(back(&ends), 0);
    ends.host_lane.reply.buffers[0].flags |= BUFFER_OUT;
    ends.host_lane.reply.buffers[0].size = 1;
    assert_int_equal(frame_check_reply(&ends.host_lane.reply, &ends.guest_lane.request), -EBADMSG);
    ends_close(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pointer_into_an_argument_is_the_callers_own),
        cmocka_unit_test(a_pointer_elsewhere_is_refused_at_both_ends),
        cmocka_unit_test(a_large_string_comes_back_changed),
        cmocka_unit_test(a_string_in_shared_memory_is_copied_by_the_host),
        cmocka_unit_test(a_returned_string_comes_back),
        cmocka_unit_test(a_returned_string_beyond_its_room_is_refused),
        cmocka_unit_test(what_the_function_leaves_alone_stays),
        cmocka_unit_test(more_than_the_room_is_cut),
        cmocka_unit_test(an_out_that_holds_no_bool_yet_goes_through),
        cmocka_unit_test(handles_in_an_array_are_no_addresses),
        cmocka_unit_test(an_answer_with_more_than_there_is_room_for_is_refused),
        cmocka_unit_test(as_much_comes_back_as_out_says),
        cmocka_unit_test(nothing_travels_back_where_nothing_comes_out),
        cmocka_unit_test(elements_come_back_as_far_as_they_are_whole),
        cmocka_unit_test(members_come_back_as_their_row_says),
        cmocka_unit_test(what_comes_back_is_compared_and_nothing_else),
        cmocka_unit_test(bytes_that_nobody_asked_for_are_refused),
        cmocka_unit_test(an_answer_through_a_descriptor_without_a_way_back_is_refused),
    };

    return cmocka_run_group_tests(tests, read_table, drop_table);
}
