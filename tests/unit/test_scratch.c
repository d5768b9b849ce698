/* Memory of one call: pieces do not overlap, and what stays after a reset is small. */
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

static void a_reset_hands_out_the_first_block_again(void **state)
{
    void *first = scratch_take(*state, 100);

    assert_non_null(scratch_take(*state, 1 << 20));
    scratch_reset(*state);
    assert_ptr_equal(scratch_take(*state, 16 * 1024), first);
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
        cmocka_unit_test_setup_teardown(a_reset_hands_out_the_first_block_again, start, finish),
        cmocka_unit_test(an_empty_scratch_can_be_reset_and_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
