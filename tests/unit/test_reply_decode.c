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
    ends.guest_lane.reply.body[8 + 8] = 50; /* after the result and *used: how many bytes came back */
    ends.guest_lane.reply.header.inline_size = FRAME_INLINE;
    assert_int_equal(call_decode_reply(&ends.guest, &result), -EBADMSG);
    assert_string_equal(ends.guest.fault_name, "data");
    assert_int_equal(data[10], '?');
    ends_close(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_string_comes_back_changed),
        cmocka_unit_test(a_string_in_shared_memory_is_copied_by_the_host),
        cmocka_unit_test(a_returned_string_comes_back),
        cmocka_unit_test(a_returned_string_beyond_its_room_is_refused),
        cmocka_unit_test(what_the_function_leaves_alone_stays),
        cmocka_unit_test(more_than_the_room_is_cut),
        cmocka_unit_test(an_out_that_holds_no_bool_yet_goes_through),
        cmocka_unit_test(handles_in_an_array_are_no_addresses),
        cmocka_unit_test(an_answer_with_more_than_there_is_room_for_is_refused),
    };

    return cmocka_run_group_tests(tests, read_table, drop_table);
}
