/* A call's mark is there as long as the call is, and not taken for one that was left. */
#include "preload/call_mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void mark_that_stands_is_not_left(void **state)
{
    struct call_mark outer, own;

    (void)state;
    call_mark_set(&outer);
    call_mark_set(&own);
    assert_false(call_mark_is_left(&outer, &own) && &outer > &own);
    call_mark_clear(&outer);
    assert_true(call_mark_is_left(&outer, &own));
}

/* Elsewhere, as on a coroutine's stack: neither higher nor lower addresses matter. */
static void mark_on_another_stack_is_not_left(void **state)
{
    struct call_mark *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static struct call_mark lower;
    struct call_mark own;

    (void)state;
    call_mark_set(&own);
    call_mark_set(other);
    call_mark_set(&lower);
    assert_false(call_mark_is_left(other, &own));
    assert_false(call_mark_is_left(&lower, &own));
    memset(other, 0x55, sizeof(*other));
    assert_true(call_mark_is_left(other, &own));
    munmap(other, 4096);
    assert_true(call_mark_is_left(other, &own)); /* and nothing crashes */
}

static void copy_of_a_mark_is_none(void **state)
{
    struct call_mark marks[2], own;
    static struct call_mark copy;

    (void)state;
    call_mark_set(&marks[0]);
    memcpy(&copy, (const void *)&marks[0], sizeof(copy));
    assert_true(call_mark_is_left(&copy, &own));
}

static volatile uintptr_t left_at;

static __attribute__((noinline)) void leave(void)
{
    struct call_mark left;

    call_mark_set(&left);
    left_at = (uintptr_t)&left;
}

static __attribute__((noinline)) bool ask_from(const struct call_mark *left)
{
    volatile char frame[512];
    struct call_mark own;

    memset((char *)(uintptr_t)frame, 1, sizeof(frame));
    call_mark_set(&own);
    return call_mark_is_left(left, &own);
}

static void mark_of_a_frame_that_is_gone_is_left(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* frames have other places */
#endif
    leave();
    assert_true(ask_from((const struct call_mark *)left_at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mark_that_stands_is_not_left),
        cmocka_unit_test(mark_on_another_stack_is_not_left),
        cmocka_unit_test(copy_of_a_mark_is_none),
        cmocka_unit_test(mark_of_a_frame_that_is_gone_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
