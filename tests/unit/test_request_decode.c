/* The host's first walk: sizes, strings, handles that are not what the row says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_ends.h"

/* ---- the host refuses ---- */

static void sizes_that_the_row_does_not_give_are_refused(void **state)
{
    char data[100] = "", *pointer = data;
    void *arguments[2] = {&pointer};
    struct ends ends;
    long size = sizeof(data);

    (void)state;
    arguments[1] = &size;
    ends_open(&ends, MEDIUM_SOCKET, "in");
    /* The body: size, place, count, capacity, bytes. */
    assert_int_equal(decode_spoiled(&ends, arguments, 0, 1), -EBADMSG);    /* size */
    assert_int_equal(decode_spoiled(&ends, arguments, 0, 0x9B), -EBADMSG); /* size, of eight bytes: huge */
    assert_int_equal(decode_spoiled(&ends, arguments, 1, 1), -EBADMSG);    /* place: NULL */
    assert_int_equal(decode_spoiled(&ends, arguments, 1, 3), -EBADMSG);    /* place: a buffer */
    assert_int_equal(decode_spoiled(&ends, arguments, 1, 0x10), -EBADMSG); /* place: none */
    assert_int_equal(decode_spoiled(&ends, arguments, 2, 1), -EBADMSG);    /* count */
    assert_int_equal(decode_spoiled(&ends, arguments, 2, 0x9B), -EBADMSG); /* count, of eight bytes: huge */
    assert_int_equal(decode_spoiled(&ends, arguments, 3, 1), -EBADMSG);    /* capacity */
    assert_string_equal(ends.host.fault_name, "data");
    ends_close(&ends);
}

static void sizes_that_are_apart_are_held_against_the_row(void **state)
{
    char data[100] = "", *pointer = data;
    struct ends ends;
    long size = 20, back = sizeof(data);
    void *arguments[] = {&pointer, &size, &back};

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "apart");
    /* The body: size, back, place, count, capacity, bytes. */
    assert_int_equal(decode_spoiled(&ends, arguments, 0, 1), -EBADMSG); /* size */
    assert_int_equal(decode_spoiled(&ends, arguments, 1, 1), -EBADMSG); /* back */
    assert_int_equal(decode_spoiled(&ends, arguments, 3, 1), -EBADMSG); /* count */
    assert_int_equal(decode_spoiled(&ends, arguments, 4, 1), -EBADMSG); /* capacity */
    size = sizeof(data);
    back = 20;
    assert_int_equal(decode_spoiled(&ends, arguments, 1, 1), 0); /* less than goes in: known from the row alone */
    assert_int_equal(decode_spoiled(&ends, arguments, 4, 1), -EBADMSG);
    assert_int_equal(decode_spoiled(&ends, arguments, 1, 20 ^ 0xFF), -EBADMSG); /* of eight bytes: huge, or negative */
    ends_close(&ends);
}

static void a_body_with_more_behind_it_is_refused(void **state)
{
    const char *pointer = "x";
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "name");
    assert_int_equal(encode(&ends, (void *[]){&pointer}), 0);
    carry(&ends);
    ends.host_lane.request.header.inline_size++;
    assert_int_equal(call_decode_request(&ends.host), -EBADMSG);
    ends.host_lane.request.header.inline_size -= 2;
    assert_int_equal(call_decode_request(&ends.host), -EBADMSG);
    ends_close(&ends);
}

static void a_string_that_came_without_end_is_refused(void **state)
{
    const char *pointer = "name";
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "name");
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1 + 1 + 1 + 4, 'x'), -EBADMSG);
    assert_string_equal(ends.host.fault_name, "name");
    ends_close(&ends);
}

static void numbers_that_came_without_their_last_are_refused(void **state)
{
    short numbers[] = {3, 4, -1};
    short *pointer = numbers;
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "until");
    /* The body: place, count, capacity, bytes. */
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1 + 1 + 1 + 4, 'x'), -EBADMSG);
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1 + 1 + 1 + 5, 'x'), -EBADMSG);
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1, 5), -EBADMSG);
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1, 6), -EBADMSG);
    assert_string_equal(ends.host.fault_name, "numbers");
    ends_close(&ends);
}

/* "a", "b", "": any byte of the last two ends that is none leaves the list open. */
static void a_list_that_came_without_its_last_string_is_refused(void **state)
{
    const char *pointer = "a\0b\0";
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "list");
    assert_int_equal(encode(&ends, (void *[]){&pointer}), 0);
    carry(&ends);
    assert_int_equal(call_decode_request(&ends.host), 0);
    assert_memory_equal(*(void **)ends.host.arguments[0], "a\0b\0", 5);
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1 + 1 + 1 + 4, 'x'), -EBADMSG);
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1 + 1 + 1 + 3, 'x'), -EBADMSG);
    assert_int_equal(decode_spoiled(&ends, (void *[]){&pointer}, 1, 4), -EBADMSG);
    assert_string_equal(ends.host.fault_name, "names");
    ends_close(&ends);
}

static void a_forged_handle_in_an_array_is_refused(void **state)
{
    static char object;
    struct shelf shelf = {.boxes = {NULL, &object}}, *pointer = &shelf;
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "shelve");
    assert_int_equal(encode(&ends, (void *[]){&pointer}), 0);
    carry(&ends);
    assert_int_equal(call_decode_request(&ends.host), -EBADF);
    ends_close(&ends);
}

static void a_call_beyond_the_hosts_limit_is_refused(void **state)
{
    static char data[LIMIT + 1];
    char *pointer = data;
    struct ends ends;
    long size = sizeof(data);

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "in");
    assert_int_equal(encode(&ends, (void *[]){&pointer, &size}), 0);
    carry(&ends);
    assert_int_equal(call_decode_request(&ends.host), -E2BIG);
    size--;
    there(&ends, (void *[]){&pointer, &size});
    ends_close(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_that_the_row_does_not_give_are_refused),
        cmocka_unit_test(sizes_that_are_apart_are_held_against_the_row),
        cmocka_unit_test(a_body_with_more_behind_it_is_refused),
        cmocka_unit_test(a_string_that_came_without_end_is_refused),
        cmocka_unit_test(numbers_that_came_without_their_last_are_refused),
        cmocka_unit_test(a_list_that_came_without_its_last_string_is_refused),
        cmocka_unit_test(a_forged_handle_in_an_array_is_refused),
        cmocka_unit_test(a_call_beyond_the_hosts_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, read_table, drop_table);
}
