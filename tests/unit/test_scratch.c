/* Memory of one call: pieces do not overlap, and what stays after a reset is what recent calls needed. */
#include "spec/base/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int finish(void **state)
{
    scratch_finish(*state);
    return 0;
}

static int start(void **state)
{
    static struct scratch scratch;

    *state = &scratch;
    return 0;
}

static void pieces_are_aligned_and_apart(void **state)
{
    struct scratch *scratch = *state;
    unsigned char *piece[100];

    for (size_t i = 0; i < 100; i++) {
        piece[i] = scratch_take(scratch, i * 37);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % 16, 0);
        memset(piece[i], (int)i, i * 37);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t at = 0; at < i * 37; at++)
            assert_int_equal(piece[i][at], i);
    }
}

static void size_zero_is_a_pointer(void **state)
{
    assert_non_null(scratch_take(*state, 0));
}

static void a_piece_larger_than_the_first_block_is_whole(void **state)
{
    unsigned char *small = scratch_take(*state, 1);
    unsigned char *large = scratch_take(*state, 1 << 20);

    assert_non_null(small);
    assert_non_null(large);
    memset(large, 1, 1 << 20);
    *small = 2;
    assert_int_equal(large[0], 1);
}

static void a_piece_larger_than_memory_is_refused(void **state)
{
    assert_null(scratch_take(*state, SIZE_MAX));
    assert_null(scratch_take(*state, SIZE_MAX - 15));
    assert_null(scratch_take(*state, SIZE_MAX / 2));
    assert_non_null(scratch_take(*state, 100));
}

/* How much of the piece of a call lies in the block that is kept. */
static size_t kept(struct scratch *scratch)
{
    scratch_reset(scratch);
    assert_non_null(scratch_take(scratch, 1));
    scratch_reset(scratch);
    return scratch->left;
}

static void make_calls(struct scratch *scratch, int count, size_t size)
{
    for (int i = 0; i < count; i++) {
        scratch_reset(scratch);
        assert_non_null(scratch_take(scratch, size));
    }
}

static void calls_like_the_one_before_share_its_memory(void **state)
{
    struct scratch *scratch = *state;
    unsigned char *first, *second;

    make_calls(scratch, 1, 60000);
    scratch_reset(scratch);
    first = scratch_take(scratch, 60000);
    for (int i = 0; i < 10 * SCRATCH_CALLS; i++) {
        scratch_reset(scratch);
        assert_ptr_equal(scratch_take(scratch, 60000), first);
    }
    second = scratch_take(scratch, 500); /* it has all been one block */
    assert_ptr_equal(second, first + 60000 / 16 * 16);
}

static void many_pieces_are_one_block_the_next_time(void **state)
{
    struct scratch *scratch = *state;
    unsigned char *before;

    for (int i = 0; i < 100; i++)
        assert_non_null(scratch_take(scratch, 1024));
    scratch_reset(scratch);
    before = scratch_take(scratch, 1024);
    for (int i = 1; i < 100; i++, before += 1024)
        assert_ptr_equal(scratch_take(scratch, 1024), before + 1024);
}

static void a_large_call_long_ago_is_forgotten(void **state)
{
    struct scratch *scratch = *state;

    make_calls(scratch, 1, SCRATCH_MOST);
    assert_int_equal(kept(scratch), SCRATCH_MOST);
    make_calls(scratch, SCRATCH_CALLS / 2, 100);
    assert_int_equal(kept(scratch), SCRATCH_MOST); /* not at once */
    make_calls(scratch, 2 * SCRATCH_CALLS, 30000);
    assert_int_equal(kept(scratch), 32 * 1024);
    make_calls(scratch, 2 * SCRATCH_CALLS, 100);
    assert_int_equal(kept(scratch), SCRATCH_LEAST);
}

static void no_call_keeps_more_than_may_be(void **state)
{
    struct scratch *scratch = *state;

    make_calls(scratch, 10, 5 * SCRATCH_MOST);
    assert_int_equal(kept(scratch), SCRATCH_MOST);
}

static void a_block_is_used_up_to_its_end(void **state)
{
    struct scratch *scratch = *state;
    unsigned char *first = scratch_take(scratch, SCRATCH_LEAST - 32);

    assert_ptr_equal(scratch_take(scratch, 17), first + SCRATCH_LEAST - 32);
    assert_int_equal(scratch->left, 0);
    assert_int_equal(kept(scratch), SCRATCH_LEAST);
}

static void an_empty_scratch_can_be_reset_and_finished(void **state)
{
    struct scratch scratch = {0};

    (void)state;
    scratch_reset(&scratch);
    scratch_finish(&scratch);
    assert_non_null(scratch_take(&scratch, 8));
    scratch_finish(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_are_aligned_and_apart, start, finish),
        cmocka_unit_test_setup_teardown(size_zero_is_a_pointer, start, finish),
        cmocka_unit_test_setup_teardown(a_piece_larger_than_the_first_block_is_whole, start, finish),
        cmocka_unit_test_setup_teardown(a_piece_larger_than_memory_is_refused, start, finish),
        cmocka_unit_test_setup_teardown(calls_like_the_one_before_share_its_memory, start, finish),
        cmocka_unit_test_setup_teardown(many_pieces_are_one_block_the_next_time, start, finish),
        cmocka_unit_test_setup_teardown(a_large_call_long_ago_is_forgotten, start, finish),
        cmocka_unit_test_setup_teardown(no_call_keeps_more_than_may_be, start, finish),
        cmocka_unit_test_setup_teardown(a_block_is_used_up_to_its_end, start, finish),
        cmocka_unit_test(an_empty_scratch_can_be_reset_and_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
