/* The guest's first walk at its edges: what cannot be sent, and which way a buffer takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_ends.h"

#include <sys/mman.h>
#include <unistd.h>

/* ---- the guest refuses ---- */

static void assert_refused(const char *function, void **arguments, int error, const char *fault_name)
{
    struct ends ends;

    ends_open(&ends, MEDIUM_SOCKET, function);
    assert_int_equal(encode(&ends, arguments), error);
    assert_non_null(ends.guest.fault_what);
    if (fault_name)
        assert_string_equal(ends.guest.fault_name, fault_name);
    ends_close(&ends);
}

static void a_null_that_may_not_be_is_refused(void **state)
{
    void *null = NULL;
    long size = 1;

    (void)state;
    assert_refused("in", (void *[]){&null, &size}, -EFAULT, "data");
    assert_refused("name", (void *[]){&null}, -EFAULT, "name");
}

static void a_negative_size_is_refused(void **state)
{
    const void *data = "x";
    long size = -1;

    (void)state;
    assert_refused("in", (void *[]){&data, &size}, -ERANGE, "data");
}

static void sizes_that_are_too_much_together_are_refused(void **state)
{
    const void *data = "x";
    long size = INT64_MAX - 100;

    (void)state;
    assert_refused("outs", (void *[]){&data, &data, &data, &size}, -EOVERFLOW, NULL);
}

static void a_string_without_end_is_refused(void **state)
{
    char text[] = {'a', 'b', 'c'}, *pointer = text;
    long room = sizeof(text);

    (void)state;
    assert_refused("text", (void *[]){&pointer, &room}, -ERANGE, "text");
}

static void numbers_without_their_last_are_refused(void **state)
{
    short numbers[] = {1, 2, -1}, *pointer = numbers;
    int room = 2;

    (void)state;
    assert_refused("until_room", (void *[]){&pointer, &room}, -ERANGE, "numbers");
}

/* What lies behind the last may be another page, which is not there. */
static void nothing_behind_the_last_is_looked_at(void **state)
{
    long page = sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    short *numbers = (short *)(void *)(pages + page) - 2;
    struct ends ends;

    (void)state;
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, (size_t)page, PROT_NONE), 0);
    numbers[1] = -1;
    ends_open(&ends, MEDIUM_MEMORY, "until");
    there(&ends, (void *[]){&numbers});
    assert_memory_equal(at_host(&ends, 0), numbers, 2 * sizeof(*numbers));
    ends_close(&ends);
    assert_int_equal(munmap(pages, (size_t)page * 2), 0);
}

static void elements_beyond_every_body_are_refused(void **state)
{
    struct point *points = NULL, one;
    int count = INT32_MAX;

    (void)state;
    points = &one;
    assert_refused("many", (void *[]){&points, &count}, -E2BIG, "points");
}

/* ---- the ways of a buffer ---- */

static void a_null_of_no_bytes_may_be(void **state)
{
    struct ends ends;
    void *null = NULL;
    long size = 0;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "in");
    there(&ends, (void *[]){&null, &size});
    assert_null(at_host(&ends, 0));
    ends_close(&ends);
}

static void a_nullable_pointer_arrives_as_null(void **state)
{
    struct ends ends;
    bool flag = false, *out = &flag;
    int *null = NULL;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "flag");
    there(&ends, (void *[]){&out, &null});
    assert_null(at_host(&ends, 1));
    assert_non_null(at_host(&ends, 0));
    assert_int_equal(back(&ends), 0);
    ends_close(&ends);
}

static void a_small_buffer_travels_in_the_frame(void **state)
{
    struct ends ends;
    char data[CALL_INLINE_MOST] = "small", *pointer = data;
    long size = sizeof(data);

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "in");
    there(&ends, (void *[]){&pointer, &size});
    assert_int_equal(ends.guest_lane.request.header.buffer_count, 0);
    assert_memory_equal(at_host(&ends, 0), data, sizeof(data));
    size = sizeof(data) - 1;
    pointer++;
    there(&ends, (void *[]){&pointer, &size});
    assert_int_equal((uintptr_t)at_host(&ends, 0) % 16, 0); /* aligned for any type */
    ends_close(&ends);
}

/* Over a socket all but one descriptor are for buffers that are lent. */
static void check_twenty(enum medium medium)
{
    enum { COUNT = 20 };
    static unsigned char data[COUNT][LARGE];
    struct item items[COUNT], *pointer = items, *decoded;
    struct ends ends;
    int count = COUNT;

    for (int i = 0; i < COUNT; i++) {
        memset(data[i], i + 1, LARGE);
        items[i] = (struct item){data[i], LARGE};
    }
    ends_open(&ends, medium, "items");
    there(&ends, (void *[]){&pointer, &count});
    assert_int_equal(ends.guest_lane.request.header.buffer_count, medium == MEDIUM_SOCKET ? FRAME_BUFFERS : 1);
    assert_int_equal(ends.guest_lane.lent_count, medium == MEDIUM_SOCKET ? FRAME_BUFFERS - 1 : 0);
    decoded = at_host(&ends, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_memory_equal(decoded[i].data, data[i], LARGE);
        memset(decoded[i].data, i + 101, LARGE);
    }
    assert_int_equal(back(&ends), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(items[i].data, data[i]);
        assert_int_equal(data[i][0], i + 101);
        assert_int_equal(data[i][LARGE - 1], i + 101);
    }
    ends_close(&ends);
}

static void twenty_buffers_share_a_descriptor(void **state)
{
    (void)state;
    check_twenty(MEDIUM_MEMORY);
    check_twenty(MEDIUM_SOCKET);
}

static void buffers_of_the_arena_keep_their_place_while_there_are_descriptors(void **state)
{
    enum { COUNT = 12 };
    struct item items[COUNT], *pointer = items, *decoded;
    struct ends ends;
    int count = COUNT, in_place = 0;
    uint64_t offset;

    (void)state;
    ends_open(&ends, MEDIUM_MEMORY, "items");
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(arena_take(&ends.arena, LARGE, &offset), 0);
        items[i] = (struct item){memory_at(&ends.memory, offset, LARGE), LARGE};
        memset(items[i].data, i + 1, LARGE);
    }
    there(&ends, (void *[]){&pointer, &count});
    assert_true(ends.guest_lane.request.header.buffer_count <= FRAME_BUFFERS);
    decoded = at_host(&ends, 0);
    for (int i = 0; i < COUNT; i++) {
        in_place += decoded[i].data == items[i].data;
        assert_memory_equal(decoded[i].data, items[i].data, LARGE);
    }
    assert_int_equal(in_place, FRAME_BUFFERS - 1); /* the rest share the last descriptor */
    assert_int_equal(back(&ends), 0);
    ends_close(&ends);
}

static uint32_t lent_by(const char *function, void **arguments, bool copies_all)
{
    struct ends ends;
    uint32_t count;

    ends_open(&ends, MEDIUM_SOCKET, function);
    ends.guest.copies_all = copies_all;
    there(&ends, arguments);
    count = ends.guest_lane.lent_count;
    ends_close(&ends);
    return count;
}

/* What is behind the end of a string stays at home. */
static void a_buffer_is_lent_to_a_socket_when_all_of_it_travels(void **state)
{
    static char data[LARGE] = "short";
    char *pointer = data;
    long size = LARGE;
    int used = 0, *out = &used;

    (void)state;
    assert_int_equal(lent_by("in", (void *[]){&pointer, &size}, false), 1);
    assert_int_equal(lent_by("in", (void *[]){&pointer, &size}, true), 0);
    assert_int_equal(lent_by("out", (void *[]){&pointer, &size, &out}, false), 1);
    assert_int_equal(lent_by("out", (void *[]){&pointer, &size, &out}, true), 0);
    assert_int_equal(lent_by("text", (void *[]){&pointer, &size}, false), 0);
}

static void an_answer_comes_to_what_was_lent(void **state)
{
    static char data[LARGE];
    char *pointer = data;
    long size = LARGE;
    int used = 0, *out = &used;
    struct ends ends;

    (void)state;
    ends_open(&ends, MEDIUM_SOCKET, "out");
    there(&ends, (void *[]){&pointer, &size, &out});
    memset(at_host(&ends, 0), 7, LARGE);
    *(int *)at_host(&ends, 2) = LARGE - 1;
    assert_int_equal(back(&ends), 0);
    assert_int_equal(used, LARGE - 1);
    assert_int_equal(data[LARGE - 2], 7);
    assert_int_equal(data[LARGE - 1], 0);
    ends_close(&ends);
}

/* Three that would each fit the frame, and do not together: what one call leaves behind is not the next one's. */
static void check_left_alone(enum medium medium)
{
    enum { COUNT = 3 };
    char data[COUNT][CALL_INLINE_MOST], expected[CALL_INLINE_MOST];
    char *outs[COUNT] = {data[0], data[1], data[2]};
    long size = CALL_INLINE_MOST;
    void *arguments[] = {&outs[0], &outs[1], &outs[2], &size};
    struct ends ends;

    ends_open(&ends, medium, "outs");
    for (int call = 1; call <= 2; call++) {
        for (int i = 0; i < COUNT; i++)
            memset(data[i], 10 * call + i, sizeof(data[i]));
        there(&ends, arguments);
        assert_true(ends.guest_lane.request.header.buffer_count > 0);
        for (int i = 0; i < COUNT; i++)
            *(char *)at_host(&ends, i) = (char)(100 + i);
        assert_int_equal(back(&ends), 0);
        for (int i = 0; i < COUNT; i++) {
            memset(expected, 10 * call + i, sizeof(expected));
            expected[0] = (char)(100 + i);
            assert_memory_equal(data[i], expected, sizeof(expected));
        }
    }
    ends_close(&ends);
}

static void what_is_left_alone_in_small_outs_stays_as_it_was(void **state)
{
    (void)state;
    check_left_alone(MEDIUM_MEMORY);
    check_left_alone(MEDIUM_SOCKET);
}

static void a_body_beyond_the_frame_travels_as_a_buffer(void **state)
{
    enum { COUNT = 1000 };
    static struct point points[COUNT];
    struct point *pointer = points;
    struct ends ends;
    int count = COUNT;

    (void)state;
    memset(points, 0x7F, sizeof(points)); /* large numbers take more than a byte */
    ends_open(&ends, MEDIUM_SOCKET, "many");
    there(&ends, (void *[]){&pointer, &count});
    assert_true(ends.guest_lane.request.header.flags & FRAME_BODY_IN_BUFFER);
    assert_true(ends.guest_lane.request.header.flags & FRAME_ROOM_FOR_BODY);
    ((struct point *)at_host(&ends, 0))[COUNT - 1] = (struct point){-7, 8};
    assert_int_equal(back(&ends), 0);
    assert_true(ends.host_lane.reply.header.flags & FRAME_BODY_IN_BUFFER);
    assert_int_equal(points[COUNT - 1].x, -7);
    assert_int_equal(points[COUNT - 1].y, 8);
    ends_close(&ends);
}

/* A descriptor of no bytes could lie nowhere. */
static void nothing_after_a_large_body_needs_no_descriptor(void **state)
{
    enum { COUNT = 250 };
    static struct point points[COUNT];
    const void *list = points, *data = "";
    struct ends ends;
    int count = COUNT;
    long size = 0;

    (void)state;
    memset(points, 0x7F, sizeof(points));
    ends_open(&ends, MEDIUM_SOCKET, "points");
    there(&ends, (void *[]){&list, &count, &data, &size});
    assert_int_equal(ends.guest_lane.request.header.buffer_count, 0);
    assert_non_null(at_host(&ends, 2));
    ends_close(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_null_that_may_not_be_is_refused),
        cmocka_unit_test(a_negative_size_is_refused),
        cmocka_unit_test(sizes_that_are_too_much_together_are_refused),
        cmocka_unit_test(a_string_without_end_is_refused),
        cmocka_unit_test(numbers_without_their_last_are_refused),
        cmocka_unit_test(nothing_behind_the_last_is_looked_at),
        cmocka_unit_test(elements_beyond_every_body_are_refused),
        cmocka_unit_test(a_null_of_no_bytes_may_be),
        cmocka_unit_test(a_nullable_pointer_arrives_as_null),
        cmocka_unit_test(a_small_buffer_travels_in_the_frame),
        cmocka_unit_test(twenty_buffers_share_a_descriptor),
        cmocka_unit_test(buffers_of_the_arena_keep_their_place_while_there_are_descriptors),
        cmocka_unit_test(a_buffer_is_lent_to_a_socket_when_all_of_it_travels),
        cmocka_unit_test(an_answer_comes_to_what_was_lent),
        cmocka_unit_test(what_is_left_alone_in_small_outs_stays_as_it_was),
        cmocka_unit_test(a_body_beyond_the_frame_travels_as_a_buffer),
        cmocka_unit_test(nothing_after_a_large_body_needs_no_descriptor),
    };

    return cmocka_run_group_tests(tests, read_table, drop_table);
}
