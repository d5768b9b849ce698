/* The arena: extents stay apart, what is given back is found again and is zero. */
#include "spec/wire/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGES = 64, SIZE = PAGES * MEMORY_PAGE, THREADS = 4, ROUNDS = 200 };

struct fixture {
    struct memory memory;
    struct arena arena;
};

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    if (memory_create(&fixture.memory, SIZE, NULL) < 0)
        return -1;
    return arena_init(&fixture.arena, &fixture.memory);
}

static int finish(void **state)
{
    (void)state;
    arena_finish(&fixture.arena);
    memory_finish(&fixture.memory);
    return 0;
}

static uint64_t take(uint64_t size)
{
    uint64_t offset = UINT64_MAX;

    assert_int_equal(arena_take(&fixture.arena, size, &offset), 0);
    return offset;
}

static void give(uint64_t offset)
{
    assert_int_equal(arena_give(&fixture.arena, offset), 0);
}

static uint64_t backed_bytes(void)
{
    struct stat status;

    assert_int_equal(fstat(fixture.memory.fd, &status), 0);
    return (uint64_t)status.st_blocks * 512;
}

static void the_first_gap_that_fits_is_used(void **state)
{
    uint64_t first, second, third;

    (void)state;
    first = take(1);
    second = take(2 * MEMORY_PAGE);
    third = take(MEMORY_PAGE + 1);
    assert_int_equal(first, 0);
    assert_int_equal(second, MEMORY_PAGE);
    assert_int_equal(third, 3 * MEMORY_PAGE);
    give(second);
    assert_int_equal(take(3 * MEMORY_PAGE), 5 * MEMORY_PAGE); /* does not fit the gap */
    assert_int_equal(take(MEMORY_PAGE), MEMORY_PAGE);
    assert_int_equal(take(0), 2 * MEMORY_PAGE);
}

static void what_was_given_back_comes_again_zeroed_and_costs_nothing_meanwhile(void **state)
{
    uint64_t before = backed_bytes(), offset = take(SIZE);
    uint8_t *bytes = memory_at(&fixture.memory, offset, SIZE);

    (void)state;
    assert_true(backed_bytes() >= before + SIZE);
    memset(bytes, 0xFF, SIZE);
    give(offset);
    assert_true(backed_bytes() <= before);
    offset = take(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(bytes[i], 0);
}

static void a_full_arena_says_so(void **state)
{
    uint64_t offset, last = 0;

    (void)state;
    for (int i = 0; i < PAGES; i++)
        last = take(MEMORY_PAGE);
    assert_int_equal(arena_take(&fixture.arena, 1, &offset), -ENOSPC);
    give(last);
    assert_int_equal(arena_take(&fixture.arena, MEMORY_PAGE + 1, &offset), -ENOSPC);
    assert_int_equal(take(1), last);
    assert_int_equal(arena_take(&fixture.arena, SIZE + 1, &offset), -ENOSPC);
    assert_int_equal(arena_take(&fixture.arena, UINT64_MAX, &offset), -ENOSPC);
}

static void only_what_was_taken_can_be_given_back(void **state)
{
    uint64_t offset = take(2 * MEMORY_PAGE);

    (void)state;
    assert_int_equal(arena_give(&fixture.arena, offset + MEMORY_PAGE), -EINVAL);
    assert_int_equal(arena_give(&fixture.arena, UINT64_MAX), -EINVAL);
    give(offset);
    assert_int_equal(arena_give(&fixture.arena, offset), -EINVAL);
}

static void a_file_under_our_number_is_left_alone(void **state)
{
    uint64_t before = take(MEMORY_PAGE), offset;
    int number = fixture.memory.fd, kept = dup(number), fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    memset(memory_at(&fixture.memory, before, 1), 'x', MEMORY_PAGE);
    assert_int_equal(dup3(fds[0], number, O_CLOEXEC), number);
    offset = take(MEMORY_PAGE);
    assert_int_equal(*(char *)memory_at(&fixture.memory, offset, 1), 0);
    assert_int_equal(arena_give(&fixture.arena, before), 0);
    assert_int_equal(*(char *)memory_at(&fixture.memory, before, 1), 0);
    assert_int_equal(fixture.arena.count, 1);
    assert_int_equal(dup3(kept, number, O_CLOEXEC), number);
    close(kept);
    close(fds[0]);
    close(fds[1]);
}

/* Fills what it took with its own number and looks whether anybody else wrote there. */
static void *take_and_give(void *argument)
{
    uint8_t number = (uint8_t)(uintptr_t)argument;
    uintptr_t faults = 0;

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t size = (uint64_t)(1 + (round + number) % 5) * MEMORY_PAGE, offset;
        uint8_t *bytes;

        if (arena_take(&fixture.arena, size, &offset) < 0) {
            faults++;
            continue;
        }
        bytes = memory_at(&fixture.memory, offset, size);
        memset(bytes, number, size);
        for (uint64_t i = 0; i < size; i++)
            faults += bytes[i] != number;
        faults += arena_give(&fixture.arena, offset) != 0;
    }
    return (void *)faults;
}

static void threads_do_not_get_the_same_bytes(void **state)
{
    pthread_t threads[THREADS];
    void *faults;

    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &faults), 0);
        assert_null(faults);
    }
    assert_int_equal(fixture.arena.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_gap_that_fits_is_used, start, finish),
        cmocka_unit_test_setup_teardown(what_was_given_back_comes_again_zeroed_and_costs_nothing_meanwhile, start,
                                        finish),
        cmocka_unit_test_setup_teardown(a_full_arena_says_so, start, finish),
        cmocka_unit_test_setup_teardown(only_what_was_taken_can_be_given_back, start, finish),
        cmocka_unit_test_setup_teardown(a_file_under_our_number_is_left_alone, start, finish),
        cmocka_unit_test_setup_teardown(threads_do_not_get_the_same_bytes, start, finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
