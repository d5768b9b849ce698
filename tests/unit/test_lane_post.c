/*
 * Calls that nobody waits for, on a memory lane: what the host's end notes of them, and in which order, before and
 * behind calls that are answered.
 */
#include "tests/unit/lane_ends.h"

/* The ring is made, and an answer has come since. */
static void pair_start_posting(struct pair *pair, bool in_child)
{
    bool sent;

    atomic_store(&noted.count, 0);
    if (in_child)
        pair_fork(pair, MEDIUM_MEMORY);
    else
        pair_start(pair, MEDIUM_MEMORY);
    assert_int_equal(lane_ring_open(&pair->guest), 0);
    assert_int_equal(lane_ring_open(&pair->guest), 0);
    assert_int_equal(pair_call(pair, ECHO, clock_deadline_ns(20000), &sent), 0);
    assert_true(lane_is_settled(&pair->guest));
    assert_true(in_child || !lane_has_posted(&pair->host));
}

static int post(struct pair *pair, enum function function, uint32_t number)
{
    struct frame *request = lane_request(&pair->guest);

    frame_start(request, FRAME_CALL, 1, function);
    request->header.inline_size = sizeof(number);
    memcpy(request->body, &number, sizeof(number));
    return lane_post(&pair->guest);
}

static int post_patiently(struct pair *pair, enum function function, uint32_t number)
{
    int rc = post(pair, function, number);

    while (rc == -EAGAIN) {
        rc = lane_catch_up(&pair->guest, clock_deadline_ns(20000));
        if (rc == 0)
            rc = post(pair, function, number);
    }
    return rc;
}

static void settle(struct pair *pair)
{
    uint64_t deadline_ns = clock_deadline_ns(20000);

    while (!lane_is_settled(&pair->guest)) {
        lane_nudge(&pair->guest);
        assert_false(clock_is_past(deadline_ns));
        usleep(100);
    }
}

static void expect_noted(uint32_t count)
{
    assert_int_equal(atomic_load(&noted.count), count);
    for (uint32_t i = 0; i < count && i < NOTED_MOST; i++)
        if (noted.numbers[i] != i)
            fail_msg("call %u came as number %u", noted.numbers[i], i);
}

static void posted_calls_come_in_order(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, false);
    for (uint32_t number = 0; number < NOTED_MOST; number++)
        assert_int_equal(post_patiently(&pair, NOTE, number), 0);
    settle(&pair);
    expect_noted(NOTED_MOST);
    pair_finish(&pair);
}

/* Each answered call is noted by its request's number. */
static void an_answered_call_comes_behind_posted_ones(void **state)
{
    struct pair pair;
    uint32_t number = 0;
    bool sent;

    (void)state;
    pair_start_posting(&pair, false);
    while (number < NOTED_MOST / 2) {
        for (uint32_t i = 0; i <= number % 7; i++)
            assert_int_equal(post_patiently(&pair, NOTE, number++), 0);
        frame_start(lane_request(&pair.guest), FRAME_CALL, number, NOTE);
        assert_int_equal(lane_exchange(&pair.guest, clock_deadline_ns(20000), &sent), 0);
        assert_int_equal(atomic_load(&noted.count), ++number);
        assert_true(lane_is_settled(&pair.guest));
    }
    expect_noted(number);
    pair_finish(&pair);
}

/* Nobody wakes it for a single call: its naps must find it, whenever that comes. */
static void a_host_that_has_gone_to_sleep_takes_a_posted_call(void **state)
{
    static const unsigned pauses_us[] = {0, 50, 500, 3000, 10000, 150000};
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, false);
    for (uint32_t i = 0; i < sizeof(pauses_us) / sizeof(pauses_us[0]); i++) {
        uint64_t deadline_ns = clock_deadline_ns(20000);

        usleep(pauses_us[i]);
        assert_int_equal(post(&pair, NOTE, i), 0);
        while (atomic_load(&noted.count) != i + 1)
            assert_false(clock_is_past(deadline_ns));
    }
    expect_noted(sizeof(pauses_us) / sizeof(pauses_us[0]));
    pair_finish(&pair);
}

static void what_was_posted_before_the_end_is_taken(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, false);
    assert_int_equal(post(&pair, SLOW, 0), 0);
    for (uint32_t number = 1; number < 500; number++)
        assert_int_equal(post(&pair, NOTE, number), 0);
    lane_close(&pair.guest);
    assert_int_equal(pthread_join(pair.thread, NULL), 0);
    pair.thread = 0;
    assert_int_equal(pair.received, -ECONNRESET);
    expect_noted(500);
    pair_finish(&pair);
}

static void a_full_ring_is_caught_up_with(void **state)
{
    struct pair pair;
    uint32_t number = 1;

    (void)state;
    pair_start_posting(&pair, false);
    assert_int_equal(post(&pair, SLOW, 0), 0);
    while (post(&pair, NOTE, number) == 0)
        number++;
    assert_int_equal(number, RING_UNITS);
    assert_int_equal(post(&pair, NOTE, number), -EAGAIN);
    assert_int_equal(lane_catch_up(&pair.guest, clock_deadline_ns(20)), -ETIMEDOUT);
    assert_int_equal(lane_catch_up(&pair.guest, clock_deadline_ns(20000)), 0);
    assert_int_equal(post(&pair, NOTE, number), 0);
    settle(&pair);
    expect_noted(number + 1);
    pair_finish(&pair);
}

static void calls_that_are_too_large_are_not_posted(void **state)
{
    struct pair pair;
    struct frame *request = lane_request(&pair.guest);

    (void)state;
    pair_start_posting(&pair, false);
    frame_start(request, FRAME_CALL, 1, NOTE);
    memset(request->body, 0, RING_BODY_MOST + 1);
    request->header.inline_size = RING_BODY_MOST + 1;
    assert_int_equal(lane_post(&pair.guest), -ENOTSUP);
    request->header.inline_size = RING_BODY_MOST;
    assert_int_equal(lane_post(&pair.guest), 0);
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.size = 1, .flags = BUFFER_IN};
    assert_int_equal(lane_post(&pair.guest), -ENOTSUP);
    settle(&pair);
    assert_int_equal(atomic_load(&noted.count), 1);
    pair_finish(&pair);
}

static void without_a_ring_nothing_is_posted(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, MEDIUM_MEMORY);
    assert_int_equal(post(&pair, NOTE, 0), -ENOTSUP);
    assert_true(lane_is_settled(&pair.guest));
    assert_int_equal(lane_catch_up(&pair.guest, clock_deadline_ns(20)), 0);
    pair_finish(&pair);
}

static void a_host_that_ends_is_noticed_by_who_catches_up(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, true);
    assert_int_equal(post(&pair, DIE, 0), 0);
    while (post(&pair, NOTE, 1) == 0)
        ;
    assert_int_equal(lane_catch_up(&pair.guest, clock_deadline_ns(20000)), -ECONNRESET);
    assert_false(lane_is_settled(&pair.guest));
    pair_finish(&pair);
}

static void a_host_that_has_left_is_told_at_once(void **state)
{
    struct pair pair;
    int rc = 0;

    (void)state;
    pair_start_posting(&pair, false);
    assert_int_equal(post(&pair, LEAVE, 0), 0);
    assert_int_equal(pthread_join(pair.thread, NULL), 0);
    pair.thread = 0;
    rc = post(&pair, NOTE, 1);
    assert_int_equal(rc, -ECONNRESET);
    assert_int_equal(lane_catch_up(&pair.guest, clock_deadline_ns(20000)), 0); /* the ring is nearly empty */
    pair_finish(&pair);
}

/* What is posted while nobody is there is not withdrawn with the request behind it. */
static void a_request_behind_posted_calls_is_withdrawn_alone(void **state)
{
    struct pair pair;
    bool sent = true;

    (void)state;
    atomic_store(&noted.count, 0);
    pair_open(&pair, MEDIUM_MEMORY);
    assert_int_equal(lane_ring_open(&pair.guest), 0);
    assert_int_equal(post(&pair, NOTE, 0), 0);
    assert_int_equal(post(&pair, NOTE, 1), 0);
    assert_int_equal(pair_call(&pair, NOTE, clock_deadline_ns(20), &sent), -ETIMEDOUT);
    assert_false(sent);
    assert_true(lane_has_posted(&pair.host));
    lane_close(&pair.guest);
    assert_int_equal(pthread_create(&pair.thread, NULL, host_run, &pair), 0);
    pair_finish(&pair);
}

static void the_ring_goes_back_when_it_is_empty(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, false);
    assert_int_equal(pair.arena.count, 1);
    assert_int_equal(post(&pair, NOTE, 0), 0);
    settle(&pair);
    lane_close(&pair.guest);
    assert_int_equal(pair.arena.count, 0);
    pair_finish(&pair);
}

static void the_ring_stays_taken_while_the_host_may_read(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, false);
    assert_int_equal(post(&pair, SLOW, 0), 0);
    lane_close(&pair.guest);
    assert_int_equal(pair.arena.count, 1);
    pair_finish(&pair);
}

static void a_ring_outside_the_memory_is_refused(void **state)
{
    static const uint32_t pages[] = {UINT32_MAX, ARENA_SIZE / MEMORY_PAGE * 2};

    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct pair pair;
        bool sent;

        pair_start(&pair, MEDIUM_MEMORY);
        atomic_store(&pair.guest.out->ring, pages[i]);
        (void)!pair_call(&pair, ECHO, clock_deadline_ns(20000), &sent);
        pair_finish(&pair);
        assert_int_equal(pair.received, -EBADMSG);
    }
}

static void posts_without_a_ring_are_refused(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, MEDIUM_MEMORY);
    atomic_store(&pair.guest.out->ring_count, 1);
    assert_int_equal(lane_receive(&pair.host), -EBADMSG);
    pair_finish(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posted_calls_come_in_order),
        cmocka_unit_test(an_answered_call_comes_behind_posted_ones),
        cmocka_unit_test(a_host_that_has_gone_to_sleep_takes_a_posted_call),
        cmocka_unit_test(what_was_posted_before_the_end_is_taken),
        cmocka_unit_test(a_full_ring_is_caught_up_with),
        cmocka_unit_test(calls_that_are_too_large_are_not_posted),
        cmocka_unit_test(without_a_ring_nothing_is_posted),
        cmocka_unit_test(a_host_that_ends_is_noticed_by_who_catches_up),
        cmocka_unit_test(a_host_that_has_left_is_told_at_once),
        cmocka_unit_test(a_request_behind_posted_calls_is_withdrawn_alone),
        cmocka_unit_test(the_ring_goes_back_when_it_is_empty),
        cmocka_unit_test(the_ring_stays_taken_while_the_host_may_read),
        cmocka_unit_test(a_ring_outside_the_memory_is_refused),
        cmocka_unit_test(posts_without_a_ring_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
