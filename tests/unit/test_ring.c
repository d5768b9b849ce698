/* The ring of calls that nobody waits for: both ends in one process, and entries that no guest of ours would write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/wire/memory.h"
#include "spec/wire/ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 100000, ENTRY = sizeof(struct ring_entry), IN_ONE_UNIT = RING_UNIT - ENTRY };

struct ends {
    struct ring guest, host;
    _Atomic uint32_t filled, emptied;
    uint8_t *bytes;
    struct frame frame; /* what was taken last */
};

/* `at`: what both ends have counted so far. */
static void ends_start(struct ends *ends, uint32_t at)
{
    memset(ends, 0, sizeof(*ends));
    ends->bytes = aligned_alloc(RING_UNIT, RING_SIZE);
    assert_non_null(ends->bytes);
    memset(ends->bytes, 0xee, RING_SIZE);
    ring_start(&ends->guest, ends->bytes, &ends->filled, &ends->emptied);
    ring_start(&ends->host, ends->bytes, &ends->filled, &ends->emptied);
    atomic_store(&ends->filled, at);
    atomic_store(&ends->emptied, at);
    ends->guest.at = ends->guest.seen = ends->host.at = ends->host.seen = at;
}

static void ends_finish(struct ends *ends)
{
    free(ends->bytes);
}

/* false: the ring is full.  The body is the number and what follows from it. */
static bool put(struct ends *ends, uint32_t number, uint32_t size)
{
    uint8_t *body = ring_reserve(&ends->guest, size);

    if (body == NULL)
        return false;
    for (uint32_t i = 0; i < size; i++)
        body[i] = (uint8_t)(number + i);
    ring_publish(&ends->guest, size, number, (int32_t)~number,
                 number % 2 ? memory_order_release : memory_order_seq_cst);
    return true;
}

static void expect_frame(const struct frame *frame, uint32_t number, uint32_t size)
{
    assert_int_equal(frame->header.function, number);
    assert_int_equal(frame->header.error_number, (int32_t)~number);
    assert_int_equal(frame->header.inline_size, size);
    assert_int_equal(frame->header.buffer_count, 0);
    assert_int_equal(frame_check(frame, FRAME_CALL), 0);
    for (uint32_t i = 0; i < size; i++)
        if (frame->body[i] != (uint8_t)(number + i))
            fail_msg("call %u: byte %u is wrong", number, i);
}

static void take(struct ends *ends, uint32_t number, uint32_t size)
{
    assert_int_equal(ring_take(&ends->host, &ends->frame), 0);
    expect_frame(&ends->frame, number, size);
    ring_release(&ends->host);
}

/* Any size from 0 to the largest, each of them now and then, small ones more often. */
static uint32_t size_of(uint32_t number)
{
    uint32_t some = number * UINT32_C(2654435761) >> 16;

    return number % 3 == 0 ? some % (RING_BODY_MOST + 1) : some % 100;
}

/* ---- what works ---- */

static void a_call_comes_out_as_it_went_in(void **state)
{
    struct ends ends;

    (void)state;
    ends_start(&ends, 0);
    assert_true(ring_is_empty(&ends.guest));
    assert_false(ring_has_more(&ends.host));
    assert_int_equal(ring_take(&ends.host, &ends.frame), -EAGAIN);
    assert_true(put(&ends, 7, 100));
    assert_true(ring_has_more(&ends.host));
    assert_false(ring_is_empty(&ends.guest));
    take(&ends, 7, 100);
    assert_true(ring_is_empty(&ends.guest));
    assert_int_equal(ring_take(&ends.host, &ends.frame), -EAGAIN);
    ends_finish(&ends);
}

static void a_ring_that_is_not_there_is_empty(void **state)
{
    const struct ring none = {0};

    (void)state;
    assert_true(ring_is_empty(&none));
}

static void it_is_not_empty_while_a_call_is_under_way(void **state)
{
    struct ends ends;

    (void)state;
    ends_start(&ends, 0);
    assert_true(put(&ends, 1, 1));
    assert_int_equal(ring_take(&ends.host, &ends.frame), 0);
    assert_false(ring_is_empty(&ends.guest));
    assert_false(ring_is_empty(&ends.host));
    ring_release(&ends.host);
    assert_true(ring_is_empty(&ends.guest));
    ends_finish(&ends);
}

/* The counts pass 2^32 on the way. */
static void calls_of_every_size_keep_their_order(void **state)
{
    struct ends ends;
    uint32_t taken = 0;

    (void)state;
    ends_start(&ends, UINT32_MAX - 5000);
    for (uint32_t number = 0; number < MANY; number++) {
        while (!put(&ends, number, size_of(number))) {
            for (uint32_t until = taken + 1 + number % 50; taken < until && taken < number; taken++)
                take(&ends, taken, size_of(taken));
        }
    }
    for (; taken < MANY; taken++)
        take(&ends, taken, size_of(taken));
    assert_true(ring_is_empty(&ends.guest));
    ends_finish(&ends);
}

static void a_small_call_takes_one_unit(void **state)
{
    struct ends ends;

    (void)state;
    ends_start(&ends, 0);
    assert_true(put(&ends, 1, IN_ONE_UNIT));
    assert_int_equal(atomic_load(&ends.filled), 1);
    assert_true(put(&ends, 2, IN_ONE_UNIT + 1));
    assert_int_equal(atomic_load(&ends.filled), 3);
    assert_true(put(&ends, 3, 0));
    assert_int_equal(atomic_load(&ends.filled), 4);
    ends_finish(&ends);
}

static void a_full_ring_takes_no_more_until_there_is_room(void **state)
{
    struct ends ends;
    uint32_t number = 0;

    (void)state;
    ends_start(&ends, 0);
    while (put(&ends, number, 1))
        number++;
    assert_int_equal(number, RING_UNITS);
    assert_false(put(&ends, number, 0));
    take(&ends, 0, 1);
    assert_false(put(&ends, number, RING_UNIT)); /* two units */
    assert_true(put(&ends, number, 1));
    assert_false(put(&ends, number + 1, 1));
    for (uint32_t taken = 1; taken <= number; taken++)
        take(&ends, taken, 1);
    assert_true(ring_is_empty(&ends.guest));
    ends_finish(&ends);
}

/* What does not fit before the end begins at the start, if that is free. */
static void a_call_lies_in_one_piece(void **state)
{
    struct ends ends;
    uint32_t number;

    (void)state;
    ends_start(&ends, 0);
    for (number = 0; number < RING_UNITS - 1; number++)
        assert_true(put(&ends, number, 1));
    assert_false(put(&ends, number, RING_BODY_MOST)); /* the last unit is skipped, but the start is taken */
    assert_int_equal(atomic_load(&ends.filled), RING_UNITS);
    for (uint32_t taken = 0; taken < number; taken++)
        take(&ends, taken, 1);
    assert_false(ring_is_empty(&ends.guest)); /* the skipped unit is there yet */
    assert_int_equal(ring_take(&ends.host, &ends.frame), -EAGAIN);
    assert_true(ring_is_empty(&ends.guest));
    assert_true(put(&ends, number, RING_BODY_MOST));
    take(&ends, number, RING_BODY_MOST);
    ends_finish(&ends);
}

static void what_was_skipped_is_passed_over(void **state)
{
    struct ends ends;

    (void)state;
    ends_start(&ends, RING_UNITS - 3);
    assert_true(put(&ends, 1, 1));
    assert_true(put(&ends, 2, 1000));
    assert_true(put(&ends, 3, 5));
    take(&ends, 1, 1);
    take(&ends, 2, 1000);
    take(&ends, 3, 5);
    assert_true(ring_is_empty(&ends.guest));
    ends_finish(&ends);
}

static void half_full_is_told(void **state)
{
    struct ends ends;

    (void)state;
    ends_start(&ends, 0);
    for (uint32_t number = 0; number < RING_UNITS / 2; number++)
        assert_true(put(&ends, number, 0));
    assert_false(ring_is_half_full(&ends.guest));
    assert_true(put(&ends, RING_UNITS / 2, 0));
    assert_true(ring_is_half_full(&ends.guest));
    take(&ends, 0, 0);
    assert_false(ring_is_half_full(&ends.guest));
    ends_finish(&ends);
}

static void *put_many(void *argument)
{
    for (uint32_t number = 0; number < MANY;)
        if (put(argument, number, size_of(number)))
            number++;
        else
            sched_yield();
    return NULL;
}

static void two_threads_need_nothing_else(void **state)
{
    struct ends ends;
    pthread_t guest;

    (void)state;
    ends_start(&ends, 0);
    assert_int_equal(pthread_create(&guest, NULL, put_many, &ends), 0);
    for (uint32_t number = 0; number < MANY;) {
        int rc = ring_take(&ends.host, &ends.frame);

        if (rc == -EAGAIN) {
            sched_yield();
            continue;
        }
        assert_int_equal(rc, 0);
        expect_frame(&ends.frame, number, size_of(number));
        ring_release(&ends.host);
        number++;
    }
    assert_int_equal(pthread_join(guest, NULL), 0);
    ends_finish(&ends);
}

/* ---- what must not ---- */

/* What the host makes of an entry at unit `at`, of `units` that are said to be filled. */
static int taken_from(uint32_t at, struct ring_entry entry, uint32_t units)
{
    struct ends ends;
    int rc;

    ends_start(&ends, at);
    memcpy(ends.bytes + (size_t)(at % RING_UNITS) * RING_UNIT, &entry, sizeof(entry));
    atomic_store(&ends.filled, at + units);
    rc = ring_take(&ends.host, &ends.frame);
    ends_finish(&ends);
    return rc;
}

static void hostile_entries_are_refused(void **state)
{
    const uint32_t largest = (RING_BODY_MOST + ENTRY + RING_UNIT - 1) / RING_UNIT;

    (void)state;
    assert_int_equal(taken_from(0, (struct ring_entry){.size = 10, .function = 1}, 1), 0);
    assert_int_equal(taken_from(0, (struct ring_entry){.size = RING_BODY_MOST}, largest), 0);
    assert_int_equal(taken_from(0, (struct ring_entry){.size = RING_BODY_MOST + 1}, RING_UNITS), -EBADMSG);
    assert_int_equal(taken_from(0, (struct ring_entry){.size = UINT32_MAX - 1}, RING_UNITS), -EBADMSG);
    assert_int_equal(taken_from(0, (struct ring_entry){.size = 10, .reserved = 1}, 1), -EBADMSG);
    assert_int_equal(taken_from(0, (struct ring_entry){.size = 8, .function = FRAME_NO_FUNCTION}, 1), -EBADMSG);
    assert_int_equal(taken_from(0, (struct ring_entry){.size = IN_ONE_UNIT + 1}, 1), -EBADMSG); /* not all filled */
    assert_int_equal(taken_from(RING_UNITS - 1, (struct ring_entry){.size = IN_ONE_UNIT}, 9), 0);
    assert_int_equal(taken_from(RING_UNITS - 1, (struct ring_entry){.size = IN_ONE_UNIT + 1}, 9), -EBADMSG);
}

static void hostile_skips_are_refused(void **state)
{
    const struct ring_entry skip = {.size = RING_SKIP};

    (void)state;
    assert_int_equal(taken_from(RING_UNITS - 2, skip, 1), -EBADMSG); /* beyond what is filled */
    assert_int_equal(taken_from(RING_UNITS - 2, skip, 2), -EAGAIN);
    assert_int_equal(taken_from(RING_UNITS - 2, skip, 3), -EBADMSG); /* behind it lies what nobody wrote */
    assert_int_equal(taken_from(0, skip, RING_UNITS), -EAGAIN);
}

static void a_count_that_jumps_is_refused(void **state)
{
    const struct ring_entry entry = {.size = 1};

    (void)state;
    assert_int_equal(taken_from(0, entry, RING_UNITS), 0);
    assert_int_equal(taken_from(0, entry, RING_UNITS + 1), -EBADMSG);
    assert_int_equal(taken_from(0, entry, UINT32_MAX), -EBADMSG);
    assert_int_equal(taken_from(UINT32_MAX, entry, RING_UNITS + 1), -EBADMSG);
}

static void a_host_that_has_emptied_more_than_there_was_gets_nothing(void **state)
{
    struct ends ends;
    uint32_t number = 0;

    (void)state;
    ends_start(&ends, 0);
    while (put(&ends, number, 0))
        number++;
    atomic_store(&ends.emptied, RING_UNITS + 1);
    assert_false(put(&ends, number, 0));
    assert_false(put(&ends, number, 0));
    atomic_store(&ends.emptied, UINT32_MAX);
    assert_false(put(&ends, number, 0));
    atomic_store(&ends.emptied, 1);
    assert_true(put(&ends, number, 0));
    ends_finish(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_comes_out_as_it_went_in),
        cmocka_unit_test(a_ring_that_is_not_there_is_empty),
        cmocka_unit_test(it_is_not_empty_while_a_call_is_under_way),
        cmocka_unit_test(calls_of_every_size_keep_their_order),
        cmocka_unit_test(a_small_call_takes_one_unit),
        cmocka_unit_test(a_full_ring_takes_no_more_until_there_is_room),
        cmocka_unit_test(a_call_lies_in_one_piece),
        cmocka_unit_test(what_was_skipped_is_passed_over),
        cmocka_unit_test(half_full_is_told),
        cmocka_unit_test(two_threads_need_nothing_else),
        cmocka_unit_test(hostile_entries_are_refused),
        cmocka_unit_test(hostile_skips_are_refused),
        cmocka_unit_test(a_count_that_jumps_is_refused),
        cmocka_unit_test(a_host_that_has_emptied_more_than_there_was_gets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
