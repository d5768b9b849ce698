/* The set of live objects, held against a plain array of what should be in it. */
#include "preload/live_objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OBJECTS = 3000, STEPS = 60000, HANDLE_FIRST = 0x1000, HANDLE_STEP = 16 };

static uint64_t handle_of(unsigned object)
{
    return HANDLE_FIRST + (uint64_t)object * HANDLE_STEP;
}

static void what_is_given_twice_counts_once(void **state)
{
    struct live_objects objects = {0};

    (void)state;
    assert_int_equal(live_objects_add(&objects, "struct a *", 16), 0);
    assert_int_equal(live_objects_add(&objects, "struct a *", 16), 0);
    assert_int_equal(objects.count, 1);
    live_objects_remove(&objects, "struct a *", 16);
    live_objects_remove(&objects, "struct a *", 16);
    assert_int_equal(objects.count, 0);
    live_objects_finish(&objects);
}

static void an_address_is_another_object_in_another_class(void **state)
{
    struct live_objects objects = {0};

    (void)state;
    assert_int_equal(live_objects_add(&objects, "struct a *", 16), 0);
    assert_int_equal(live_objects_add(&objects, "struct b *", 16), 0);
    assert_int_equal(objects.count, 2);
    live_objects_remove(&objects, "struct c *", 16);
    live_objects_remove(&objects, "struct b *", 32);
    assert_int_equal(objects.count, 2);
    live_objects_finish(&objects);
}

static void nothing_is_in_an_empty_one(void **state)
{
    struct live_objects objects = {0};

    (void)state;
    live_objects_remove(&objects, "struct a *", 16);
    assert_int_equal(objects.count, 0);
    live_objects_finish(&objects);
}

/* Additions and removals in an order that makes long runs of slots; then each is removed, and is really gone. */
static void it_holds_what_was_added_and_not_removed(void **state)
{
    static unsigned char is_in[OBJECTS];
    struct live_objects objects = {0};
    unsigned seed = 1;
    size_t count = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        unsigned object = ((seed = seed * 1103515245 + 12345) >> 8) % OBJECTS;

        if (is_in[object])
            live_objects_remove(&objects, "struct a *", handle_of(object));
        else
            assert_int_equal(live_objects_add(&objects, "struct a *", handle_of(object)), 0);
        is_in[object] = !is_in[object];
        count = is_in[object] ? count + 1 : count - 1;
        assert_int_equal(objects.count, count);
    }
    for (unsigned object = 0; object < OBJECTS; object++) {
        live_objects_remove(&objects, "struct a *", handle_of(object));
        count -= is_in[object];
        assert_int_equal(objects.count, count);
    }
    live_objects_finish(&objects);
}

static bool is_odd(uint64_t handle, const void *context)
{
    (void)context;
    return handle & HANDLE_STEP;
}

static void a_sweep_takes_all_that_it_is_to_and_no_other(void **state)
{
    struct live_objects objects = {0};

    (void)state;
    for (unsigned object = 0; object < OBJECTS; object++)
        assert_int_equal(live_objects_add(&objects, "struct a *", handle_of(object)), 0);
    assert_int_equal(live_objects_sweep(&objects, is_odd, NULL), OBJECTS / 2);
    assert_int_equal(objects.count, OBJECTS / 2);
    for (unsigned object = 0; object < OBJECTS; object += 2)
        live_objects_remove(&objects, "struct a *", handle_of(object));
    assert_int_equal(objects.count, 0);
    live_objects_finish(&objects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_twice_counts_once),
        cmocka_unit_test(an_address_is_another_object_in_another_class),
        cmocka_unit_test(nothing_is_in_an_empty_one),
        cmocka_unit_test(it_holds_what_was_added_and_not_removed),
        cmocka_unit_test(a_sweep_takes_all_that_it_is_to_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
