/*
 * Calls that nobody waits for: what the host's end notes of them, and in which order, before and behind calls that are
 * answered.
 */
#include "tests/unit/lane_ends.h"

/* The ring is made, and an answer has come since. */
static void pair_start_posting(struct pair *pair, enum medium medium, bool in_child)
{
    bool sent;

    atomic_store(&noted.count, 0);
    if (in_child)
        pair_fork(pair, medium);
    else
        pair_start(pair, medium);
    assert_int_equal(lane_ring_open(&pair->guest), 0);
    assert_int_equal(lane_ring_open(&pair->guest), 0);
    assert_int_equal(pair_call(pair, ECHO, clock_deadline_ns(20000), &sent), 0);
    assert_true(lane_is_settled(&pair->guest));
    assert_true(in_child || medium == MEDIUM_SOCKET || !pair_has_posted(pair));
}

static int post_until(struct pair *pair, enum function function, uint32_t number, uint64_t deadline_ns)
{
    struct frame *request = lane_request(&pair->guest);

    frame_start(request, FRAME_CALL, 1, function);
    request->header.inline_size = sizeof(number);
    memcpy(request->body, &number, sizeof(number));
    return lane_post(&pair->guest, deadline_ns);
}

/* -ETIMEDOUT where it would wait. */
static int post(struct pair *pair, enum function function, uint32_t number)
{
    return post_until(pair, function, number, 1);
}

static int post_patiently(struct pair *pair, enum function function, uint32_t number)
{
    return post_until(pair, function, number, clock_deadline_ns(20000));
}

static void settle(struct pair *pair)
{
    uint64_t deadline_ns = clock_deadline_ns(20000);
    bool sent;

    if (pair->guest.medium == MEDIUM_SOCKET)
        assert_int_equal(pair_call(pair, ECHO, deadline_ns, &sent), 0);
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

static void check_posted_calls_come_in_order(enum medium medium)
{
    struct pair pair;

    pair_start_posting(&pair, medium, false);
    for (uint32_t number = 0; number < NOTED_MOST; number++)
        assert_int_equal(post_patiently(&pair, NOTE, number), 0);
    settle(&pair);
    expect_noted(NOTED_MOST);
    pair_finish(&pair);
}

static void posted_calls_come_in_order(void **state)
{
    (void)state;
    check_posted_calls_come_in_order(MEDIUM_MEMORY);
    check_posted_calls_come_in_order(MEDIUM_SOCKET);
}

/* Each answered call is noted by its request's number. */
static void check_an_answered_call_comes_behind_posted_ones(enum medium medium)
{
    struct pair pair;
    uint32_t number = 0;
    bool sent;

    pair_start_posting(&pair, medium, false);
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

static void an_answered_call_comes_behind_posted_ones(void **state)
{
    (void)state;
    check_an_answered_call_comes_behind_posted_ones(MEDIUM_MEMORY);
    check_an_answered_call_comes_behind_posted_ones(MEDIUM_SOCKET);
}

/* Nobody wakes it for a single call: its naps must find it, whenever that comes. */
static void check_a_host_that_has_gone_to_sleep_takes_a_posted_call(enum medium medium)
{
    static const unsigned pauses_us[] = {0, 50, 500, 3000, 10000, 150000};
    struct pair pair;

    pair_start_posting(&pair, medium, false);
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

static void a_host_that_has_gone_to_sleep_takes_a_posted_call(void **state)
{
    (void)state;
    check_a_host_that_has_gone_to_sleep_takes_a_posted_call(MEDIUM_MEMORY);
    check_a_host_that_has_gone_to_sleep_takes_a_posted_call(MEDIUM_SOCKET);
}

static void check_what_was_posted_before_the_end_is_taken(enum medium medium)
{
    struct pair pair;

    pair_start_posting(&pair, medium, false);
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

static void what_was_posted_before_the_end_is_taken(void **state)
{
    (void)state;
    check_what_was_posted_before_the_end_is_taken(MEDIUM_MEMORY);
    check_what_was_posted_before_the_end_is_taken(MEDIUM_SOCKET);
}

static void a_full_ring_is_caught_up_with(void **state)
{
    struct pair pair;
    uint32_t number = 1;

    (void)state;
    pair_start_posting(&pair, MEDIUM_MEMORY, false);
    assert_int_equal(post(&pair, SLOW, 0), 0);
    while (post(&pair, NOTE, number) == 0)
        number++;
    assert_int_equal(number, RING_UNITS);
    assert_int_equal(post(&pair, NOTE, number), -ETIMEDOUT);
    assert_int_equal(post_patiently(&pair, NOTE, number), 0);
    settle(&pair);
    expect_noted(number + 1);
    pair_finish(&pair);
}

static void calls_that_are_too_large_are_not_posted(void **state)
{
    struct pair pair;
    struct frame *request = lane_request(&pair.guest);

    (void)state;
    pair_start_posting(&pair, MEDIUM_MEMORY, false);
    frame_start(request, FRAME_CALL, 1, NOTE);
    memset(request->body, 0, RING_BODY_MOST + 1);
    request->header.inline_size = RING_BODY_MOST + 1;
    assert_int_equal(lane_post(&pair.guest, 0), -ENOTSUP);
    request->header.inline_size = RING_BODY_MOST;
    assert_int_equal(lane_post(&pair.guest, 0), 0);
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.size = 1, .flags = BUFFER_IN};
    assert_int_equal(lane_post(&pair.guest, 0), -ENOTSUP);
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
    pair_finish(&pair);
}

static void a_host_that_ends_is_noticed_by_who_catches_up(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, MEDIUM_MEMORY, true);
    assert_int_equal(post(&pair, DIE, 0), 0);
    while (post(&pair, NOTE, 1) == 0)
        ;
    assert_int_equal(post_patiently(&pair, NOTE, 1), -ECONNRESET);
    assert_false(lane_is_settled(&pair.guest));
    pair_finish(&pair);
}

static void a_host_that_has_left_is_told_at_once(void **state)
{
    struct pair pair;
    int rc = 0;

    (void)state;
    pair_start_posting(&pair, MEDIUM_MEMORY, false);
    assert_int_equal(post(&pair, LEAVE, 0), 0);
    assert_int_equal(pthread_join(pair.thread, NULL), 0);
    pair.thread = 0;
    rc = post(&pair, NOTE, 1);
    assert_int_equal(rc, -ECONNRESET);
    pair_finish(&pair);
}

/* What is posted while nobody is there is not withdrawn with the request behind it. */
static void a_host_that_has_done_more_than_there_was_is_refused(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, MEDIUM_MEMORY, false);
    pair.guest.ring.seen = pair.guest.ring.at - RING_UNITS; /* it was full: so there is a look before the next */
    atomic_store(pair.guest.ring.emptied, pair.guest.ring.at + 1);
    assert_int_equal(post_patiently(&pair, NOTE, 1), -EBADMSG);
    pair_finish(&pair);
}

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
    assert_true(pair_has_posted(&pair));
    lane_close(&pair.guest);
    assert_int_equal(pthread_create(&pair.thread, NULL, host_run, &pair), 0);
    pair_finish(&pair);
}

static void the_ring_goes_back_when_it_is_empty(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, MEDIUM_MEMORY, false);
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
    pair_start_posting(&pair, MEDIUM_MEMORY, false);
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

/* ---- over a socket ---- */

/* Each with bytes of its own, of every size, behind one another in what is read at once. */
static void buffers_travel_with_posted_calls(void **state)
{
    struct pair pair;
    struct frame *request = lane_request(&pair.guest);

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    for (uint32_t number = 0; number < 3000; number++) {
        uint64_t offset, size = number * 37 % 9000;
        uint8_t *payload = lane_reserve(&pair.guest, size, &offset);

        memset(payload, (uint8_t)number, size);
        frame_start(request, FRAME_CALL, number, NOTE_BUFFER);
        request->header.buffer_count = 1;
        request->buffers[0] = (struct frame_buffer){.offset = offset, .size = size, .flags = BUFFER_IN};
        assert_int_equal(lane_post(&pair.guest, clock_deadline_ns(20000)), 0);
        memset(payload, 0xee, size);
    }
    settle(&pair);
    expect_noted(3000);
    pair_finish(&pair);
}

static void a_full_socket_is_waited_for(void **state)
{
    struct pair pair;
    uint32_t number = 1;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    assert_int_equal(post(&pair, SLOW, 0), 0);
    while (post(&pair, NOTE, number) == 0)
        assert_true(++number < NOTED_MOST - 1);
    assert_int_equal(atomic_load(&pair.guest.counts.filled), number); /* none that was not sent */
    assert_int_equal(post_patiently(&pair, NOTE, number), 0);
    settle(&pair);
    expect_noted(number + 1);
    pair_finish(&pair);
}

static void what_is_over_is_known_by_an_answer_or_the_host(void **state)
{
    struct pair pair;
    bool sent;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    for (uint32_t number = 0; number < 10; number++)
        assert_int_equal(post(&pair, NOTE, number), 0);
    assert_false(lane_is_settled(&pair.guest));
    lane_counts_note_over(&pair.guest.counts, 9);
    assert_false(lane_is_settled(&pair.guest));
    lane_counts_note_over(&pair.guest.counts, 10);
    assert_true(lane_is_settled(&pair.guest));
    lane_counts_note_over(&pair.guest.counts, 5);
    assert_true(lane_is_settled(&pair.guest)); /* an older answer */
    lane_counts_note_over(&pair.guest.counts, 1000);
    assert_true(lane_is_settled(&pair.guest)); /* more than there were */
    assert_int_equal(post(&pair, NOTE, 10), 0);
    assert_false(lane_is_settled(&pair.guest));
    assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20000), &sent), 0);
    assert_true(lane_is_settled(&pair.guest));
    expect_noted(11);
    pair_finish(&pair);
}

static void of_a_closed_socket_lane_the_counts_are_left(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    assert_int_equal(post(&pair, NOTE, 0), 0);
    assert_int_equal(atomic_load(&pair.guest.counts.emptied), 0);
    lane_close(&pair.guest);
    assert_int_equal(atomic_load(&pair.guest.counts.filled), 1);
    assert_int_equal(atomic_load(&pair.guest.counts.emptied), 0);
    assert_true(lane_is_settled(&pair.guest));
    pair_finish(&pair);
}

static void a_host_that_has_gone_is_told_at_once_over_a_socket(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    assert_int_equal(post(&pair, LEAVE, 0), 0);
    assert_int_equal(pthread_join(pair.thread, NULL), 0);
    pair.thread = 0;
    assert_int_equal(post(&pair, NOTE, 1), -ECONNRESET);
    pair_finish(&pair);
}

/* What it has sent is still made, and then the lane's thread ends, though the guest's end is open. */
static void a_socket_lane_is_emptied_before_it_ends(void **state)
{
    struct pair pair;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    assert_int_equal(post(&pair, SLOW, 0), 0);
    for (uint32_t number = 1; number < 500; number++)
        assert_int_equal(post(&pair, NOTE, number), 0);
    assert_true(pair_has_posted(&pair));
    assert_int_equal(pthread_join(pair.thread, NULL), 0);
    pair.thread = 0;
    expect_noted(500);
    assert_int_equal(post(&pair, NOTE, 500), -ECONNRESET);
    pair_finish(&pair);
}

/* Nothing can be posted behind it, so who wants to end need not wait. */
static void a_call_that_is_waited_for_holds_nobody_back(void **state)
{
    struct pair pair;
    uint64_t deadline_ns = clock_deadline_ns(20000);
    bool sent;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    assert_int_equal(pair_call(&pair, SILENT, clock_deadline_ns(20), &sent), -ETIMEDOUT);
    pair_finish(&pair);

    pair_open(&pair, MEDIUM_SOCKET);
    assert_int_equal(pair_call(&pair, ECHO, clock_deadline_ns(20), &sent), -ETIMEDOUT);
    assert_true(pair_has_posted(&pair));
    assert_int_equal(lane_receive(&pair.host), 0);
    assert_false(pair_has_posted(&pair));
    frame_start(lane_reply(&pair.host), FRAME_RESULT, 1, ECHO);
    assert_int_equal(lane_answer(&pair.host), 0);
    assert_true(pair_has_posted(&pair));
    assert_false(clock_is_past(deadline_ns));
    pair_finish(&pair);
}

static void calls_that_the_socket_does_not_hold_are_not_posted(void **state)
{
    struct pair pair;
    struct frame *request = lane_request(&pair.guest);
    uint64_t offset;

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    assert_non_null(lane_reserve(&pair.guest, 1 << 20, &offset));
    frame_start(request, FRAME_CALL, 0, NOTE_BUFFER);
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.offset = offset, .size = (128 << 10) + 1, .flags = BUFFER_IN};
    assert_int_equal(lane_post(&pair.guest, 0), -ENOTSUP);
    request->buffers[0].size--;
    assert_int_equal(lane_post(&pair.guest, 0), 0);
    settle(&pair);
    expect_noted(1);
    pair_finish(&pair);
}

static void a_posted_call_with_room_for_an_answer_is_none(void **state)
{
    struct pair pair;
    struct frame *request = lane_request(&pair.guest);

    (void)state;
    pair_start_posting(&pair, MEDIUM_SOCKET, false);
    frame_start(request, FRAME_CALL, 1, NOTE);
    request->header.flags = FRAME_ROOM_FOR_BODY;
    request->header.buffer_count = 1;
    request->buffers[0] = (struct frame_buffer){.size = 1, .flags = BUFFER_OUT};
    assert_int_equal(lane_post(&pair.guest, 0), -ENOTSUP);
    assert_int_equal(request->header.flags, FRAME_ROOM_FOR_BODY); /* it can still be made */
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
        cmocka_unit_test(a_host_that_has_done_more_than_there_was_is_refused),
        cmocka_unit_test(a_request_behind_posted_calls_is_withdrawn_alone),
        cmocka_unit_test(the_ring_goes_back_when_it_is_empty),
        cmocka_unit_test(the_ring_stays_taken_while_the_host_may_read),
        cmocka_unit_test(a_ring_outside_the_memory_is_refused),
        cmocka_unit_test(posts_without_a_ring_are_refused),
        cmocka_unit_test(buffers_travel_with_posted_calls),
        cmocka_unit_test(a_full_socket_is_waited_for),
        cmocka_unit_test(what_is_over_is_known_by_an_answer_or_the_host),
        cmocka_unit_test(of_a_closed_socket_lane_the_counts_are_left),
        cmocka_unit_test(a_host_that_has_gone_is_told_at_once_over_a_socket),
        cmocka_unit_test(a_socket_lane_is_emptied_before_it_ends),
        cmocka_unit_test(a_call_that_is_waited_for_holds_nobody_back),
        cmocka_unit_test(calls_that_the_socket_does_not_hold_are_not_posted),
        cmocka_unit_test(a_posted_call_with_room_for_an_answer_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
