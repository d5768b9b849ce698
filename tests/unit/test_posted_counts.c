/* What a lane that asks after posted calls of others is told, and how long it waits for that. */
#include "host/posted_counts.h"
#include "spec/wire/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

static struct posted_counts counts;

static int set_up(void **state)
{
    (void)state;
    return posted_counts_init(&counts);
}

static struct frame question(const struct frame_pending *pending, size_t count)
{
    struct frame request;

    frame_start(&request, FRAME_CALL, 1, FRAME_NO_FUNCTION);
    request.header.inline_size = (uint32_t)(count * sizeof(*pending));
    memcpy(request.body, pending, count * sizeof(*pending));
    assert_int_equal(frame_check(&request, FRAME_CALL), 0);
    return request;
}

/* The answer's body; in ms how long it took. */
static uint64_t ask(const struct frame_pending *pending, size_t count, uint32_t *over)
{
    struct frame request = question(pending, count), reply;
    uint64_t start_ns = clock_now_ns();

    frame_start(&reply, FRAME_RESULT, 1, FRAME_NO_FUNCTION);
    posted_counts_answer(&counts, &request, &reply);
    assert_int_equal(reply.header.inline_size, count * sizeof(*over));
    memcpy(over, reply.body, reply.header.inline_size);
    return (clock_now_ns() - start_ns) / 1000000;
}

static void what_is_over_is_told_at_once(void **state)
{
    const struct frame_pending pending[] = {{.lane = 70, .count = 2}, {.lane = 5, .count = 1}};
    uint32_t over[2];

    (void)state;
    posted_counts_open(&counts, 0, 5);
    posted_counts_open(&counts, LANES_MOST - 1, 70);
    posted_counts_add(&counts, 0);
    for (int i = 0; i < 3; i++)
        posted_counts_add(&counts, LANES_MOST - 1);
    assert_true(ask(pending, 2, over) < 90);
    assert_int_equal(over[0], 3);
    assert_int_equal(over[1], 1);
    assert_true(ask(pending, 0, over) < 90);
}

static void of_a_lane_that_is_not_open_nothing_is_to_come(void **state)
{
    const struct frame_pending pending = {.lane = 5, .count = 9};
    uint32_t over;

    (void)state;
    assert_true(ask(&pending, 1, &over) < 90);
    assert_int_equal(over, 9);
    posted_counts_open(&counts, 0, 5);
    posted_counts_close(&counts, 0);
    assert_true(ask(&pending, 1, &over) < 90);
    assert_int_equal(over, 9);
}

static void a_place_that_is_used_again_begins_anew(void **state)
{
    const struct frame_pending pending = {.lane = 6, .count = 0};
    uint32_t over;

    (void)state;
    posted_counts_open(&counts, 3, 5);
    posted_counts_add(&counts, 3);
    posted_counts_close(&counts, 3);
    posted_counts_open(&counts, 3, 6);
    (void)ask(&pending, 1, &over);
    assert_int_equal(over, 0);
}

static void who_asks_for_what_never_comes_is_not_kept(void **state)
{
    static const uint32_t wanted[] = {1, 0x7fffffff};

    (void)state;
    posted_counts_open(&counts, 0, 5);
    for (size_t i = 0; i < 2; i++) {
        const struct frame_pending pending = {.lane = 5, .count = wanted[i]};
        uint32_t over;
        uint64_t took_ms = ask(&pending, 1, &over);

        assert_int_equal(over, 0);
        assert_in_range(took_ms, 100, 5000);
    }
}

static void *add_later(void *unused)
{
    (void)unused;
    usleep(20000);
    posted_counts_add(&counts, 0);
    return NULL;
}

static void who_asks_waits_for_what_is_about_to_be_over(void **state)
{
    const struct frame_pending pending = {.lane = 5, .count = 1};
    uint32_t over = 0;
    pthread_t thread;

    (void)state;
    posted_counts_open(&counts, 0, 5);
    assert_int_equal(pthread_create(&thread, NULL, add_later, NULL), 0);
    for (int i = 0; i < 100 && over == 0; i++) /* once, but on a machine that is very busy */
        (void)ask(&pending, 1, &over);
    assert_int_equal(over, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void counts_wrap(void **state)
{
    const struct frame_pending pending = {.lane = 5, .count = UINT32_MAX - 1};
    uint32_t over;

    (void)state;
    posted_counts_open(&counts, 0, 5);
    atomic_store(&counts.lanes[0].over, UINT32_MAX);
    posted_counts_add(&counts, 0);
    posted_counts_add(&counts, 0);
    assert_true(ask(&pending, 1, &over) < 90);
    assert_int_equal(over, 1);
}

static void as_many_as_a_frame_holds_are_answered(void **state)
{
    static struct frame_pending pending[FRAME_INLINE / sizeof(struct frame_pending)];
    static uint32_t over[FRAME_INLINE / sizeof(struct frame_pending)];
    size_t count = sizeof(pending) / sizeof(pending[0]);

    (void)state;
    for (size_t i = 0; i < count; i++)
        pending[i] = (struct frame_pending){.lane = (uint32_t)i, .count = (uint32_t)(i * 3)};
    (void)ask(pending, count, over);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(over[i], i * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_over_is_told_at_once, set_up),
        cmocka_unit_test_setup(of_a_lane_that_is_not_open_nothing_is_to_come, set_up),
        cmocka_unit_test_setup(a_place_that_is_used_again_begins_anew, set_up),
        cmocka_unit_test_setup(who_asks_for_what_never_comes_is_not_kept, set_up),
        cmocka_unit_test_setup(who_asks_waits_for_what_is_about_to_be_over, set_up),
        cmocka_unit_test_setup(counts_wrap, set_up),
        cmocka_unit_test_setup(as_many_as_a_frame_holds_are_answered, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
