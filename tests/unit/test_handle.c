/* A client's handles: what is good, and everything that only looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spec/call/handle.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static char objects[4];

static int start(void **state)
{
    struct handle_table *table = malloc(sizeof(*table));

    *state = table;
    if (!table)
        return -1;
    handle_table_init(table, 0x1234);
    return 0;
}

static int finish(void **state)
{
    handle_table_finish(*state);
    free(*state);
    return 0;
}

static uint64_t add(struct handle_table *table, const char *class, void *pointer)
{
    uint64_t wire = 0;

    assert_int_equal(handle_table_add(table, class, pointer, &wire), 0);
    return wire;
}

static void *find(struct handle_table *table, const char *class, uint64_t wire)
{
    void *pointer = objects + 3;

    assert_int_equal(handle_table_find(table, class, wire, &pointer), 0);
    return pointer;
}

static void assert_unknown(struct handle_table *table, const char *class, uint64_t wire)
{
    void *pointer = objects;

    assert_int_equal(handle_table_find(table, class, wire, &pointer), -EBADF);
    assert_null(pointer);
}

static void a_handle_leads_to_its_pointer(void **state)
{
    uint64_t a = add(*state, "box", objects), b = add(*state, "box", objects + 1);

    assert_ptr_equal(find(*state, "box", a), objects);
    assert_ptr_equal(find(*state, "box", b), objects + 1);
    assert_int_equal(handle_table_live(*state), 2);
}

static void null_is_zero_both_ways(void **state)
{
    assert_int_equal(add(*state, "box", NULL), 0);
    assert_null(find(*state, "box", 0));
    assert_int_equal(handle_table_live(*state), 0);
}

static void the_same_pointer_keeps_its_handle_within_its_class(void **state)
{
    uint64_t wire = add(*state, "box", objects);

    assert_int_equal(add(*state, "box", objects), wire);
    assert_int_not_equal(add(*state, "lid", objects), wire);
    assert_int_equal(handle_table_live(*state), 2);
}

static void a_handle_is_no_address(void **state)
{
    uint64_t wire = add(*state, "box", objects);

    assert_int_equal(wire >> 48, 0x5741); /* not canonical, so nothing can lie there */
    assert_int_equal(wire >> 32 & 0xFFFF, 0x1234);
}

static void a_handle_of_another_class_is_unknown(void **state)
{
    assert_unknown(*state, "lid", add(*state, "box", objects));
}

static void a_forged_handle_is_unknown(void **state)
{
    uint64_t wire = add(*state, "box", objects);

    for (int bit = 0; bit < 64; bit++)
        assert_unknown(*state, "box", wire ^ (uint64_t)1 << bit);
    assert_unknown(*state, "box", (uintptr_t)objects);
    assert_unknown(*state, "box", UINT64_MAX);
}

static void a_handle_of_another_session_is_unknown(void **state)
{
    struct handle_table other;

    handle_table_init(&other, 0x1235);
    assert_unknown(*state, "box", add(&other, "box", objects));
    add(*state, "box", objects);
    assert_unknown(*state, "box", add(&other, "box", objects));
    handle_table_finish(&other);
}

static void a_removed_handle_is_unknown(void **state)
{
    uint64_t wire = add(*state, "box", objects);

    assert_true(handle_table_remove(*state, "box", objects));
    assert_unknown(*state, "box", wire);
    assert_int_equal(handle_table_live(*state), 0);
}

static void removing_nonsense_removes_nothing(void **state)
{
    uint64_t wire = add(*state, "box", objects);

    assert_false(handle_table_remove(*state, "box", NULL));
    assert_false(handle_table_remove(*state, "box", objects + 1));
    assert_false(handle_table_remove(*state, "lid", objects));
    assert_ptr_equal(find(*state, "box", wire), objects);
    assert_int_equal(handle_table_live(*state), 1);
}

/* An object closed and opened over and over at one address: more often than there are generations. */
static void a_removed_handle_stays_unknown_for_long(void **state)
{
    uint64_t wire = add(*state, "box", objects);

    assert_true(handle_table_remove(*state, "box", objects));
    for (int i = 0; i < 100000; i++) {
        uint64_t next = add(*state, "box", objects);

        if (next == wire)
            fail_msg("the handle is back after %d others", i);
        assert_true(handle_table_remove(*state, "box", objects));
    }
    assert_unknown(*state, "box", wire);
}

static void handles_stay_good_while_the_table_grows(void **state)
{
    enum { COUNT = 5000 };
    static char many[COUNT];
    static uint64_t wires[COUNT];

    for (int i = 0; i < COUNT; i++)
        wires[i] = add(*state, "box", &many[i]);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(find(*state, "box", wires[i]), &many[i]);
    assert_int_equal(handle_table_live(*state), COUNT);
}

#ifdef __SANITIZE_THREAD__
enum { FULL = HANDLES_MOST / 16 }; /* what it keeps of each atomic takes seconds */
#else
enum { FULL = HANDLES_MOST };
#endif

static void a_full_table_refuses_more(void **state)
{
    struct handle_table *table = *state;
    size_t most = table->objects.most = FULL;
    char *many = calloc(most + 1, 1);
    uint64_t wire;

    assert_non_null(many);
    for (size_t i = 0; i < most; i++)
        if (handle_table_add(table, "box", many + i, &wire))
            fail();
    assert_int_equal(handle_table_add(table, "box", many + most, &wire), -EMFILE);
    assert_int_equal(wire, 0);
    assert_true(handle_table_remove(table, "box", many));
    assert_int_equal(handle_table_add(table, "box", many + most, &wire), 0);
    free(many);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 4000, COMMON = 8 };

static char common[COMMON], own[THREADS][ROUNDS % 97 + 1];
static struct handle_table *shared;
static _Atomic uint64_t of_common[COMMON]; /* handles that some thread was given */
static _Atomic int faults;

static void expect(bool is_so)
{
    if (!is_so)
        atomic_fetch_add(&faults, 1);
}

/* A handle of the thread's own is good until it is closed, and never again. */
static void open_and_close(char *pointer)
{
    uint64_t wire = 0, again = 0;
    void *found;

    expect(handle_table_add(shared, "box", pointer, &wire) == 0);
    expect(handle_table_find(shared, "box", wire, &found) == 0 && found == pointer);
    expect(handle_table_add(shared, "box", pointer, &again) == 0 && again == wire);
    expect(handle_table_remove(shared, "box", pointer));
    expect(handle_table_find(shared, "box", wire, &found) == -EBADF && !found);
}

/* Somebody else's may be closed at any time, but never leads anywhere else. */
static void use_what_others_close(unsigned round)
{
    unsigned which = round % COMMON;
    uint64_t wire;
    void *found;

    expect(handle_table_add(shared, "lid", &common[which], &wire) == 0);
    atomic_store(&of_common[which], wire);
    wire = atomic_load(&of_common[(round / COMMON) % COMMON]);
    if (handle_table_find(shared, "lid", wire, &found) == 0)
        expect(wire == 0 ? !found : found == &common[(round / COMMON) % COMMON]);
    expect(handle_table_find(shared, "lid", wire ^ UINT64_C(1) << 32, &found) == -EBADF); /* of another session */
    if (round % 3 == 0)
        (void)handle_table_remove(shared, "lid", &common[(round / COMMON) % COMMON]);
}

static void *use_handles(void *number)
{
    size_t thread = (uintptr_t)number;

    for (unsigned i = 0; i < ROUNDS; i++) {
        open_and_close(&own[thread][i % sizeof(own[0])]);
        use_what_others_close(i * (unsigned)(thread + 1));
    }
    return NULL;
}

static void threads_use_each_others_handles(void **state)
{
    pthread_t threads[THREADS];
    uint64_t wire;

    shared = *state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_handles, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(faults, 0);
    for (int i = 0; i < COMMON; i++) {
        wire = add(shared, "lid", &common[i]);
        assert_ptr_equal(find(shared, "lid", wire), &common[i]);
        assert_true(handle_table_remove(shared, "lid", &common[i]));
        assert_unknown(shared, "lid", wire);
    }
    assert_int_equal(handle_table_live(shared), 0);
}

static pthread_barrier_t barrier;
static _Atomic uint64_t given[THREADS];
static _Atomic unsigned removed; /* times that a thread was told that it has */

static void *give_the_same(void *number)
{
    size_t thread = (uintptr_t)number;
    uint64_t wire;

    for (unsigned i = 0; i < ROUNDS / 8; i++) {
        pthread_barrier_wait(&barrier);
        expect(handle_table_add(shared, "box", &common[0], &wire) == 0);
        atomic_store(&given[thread], wire);
        pthread_barrier_wait(&barrier);
        for (size_t other = 0; other < THREADS; other++)
            expect(atomic_load(&given[other]) == wire);
        pthread_barrier_wait(&barrier);
        if (handle_table_remove(shared, "box", &common[0]))
            atomic_fetch_add(&removed, 1);
        expect(handle_table_find(shared, "box", wire, &(void *){NULL}) == -EBADF);
    }
    return NULL;
}

static void one_pointer_given_to_many_threads_has_one_handle(void **state)
{
    pthread_t threads[THREADS];

    shared = *state;
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, give_the_same, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(faults, 0);
    assert_int_equal(removed, ROUNDS / 8);
    assert_int_equal(handle_table_live(shared), 0);
}

static void the_guests_door_leaves_values_as_they_are(void **state)
{
    uint64_t wire = 0;
    void *local = NULL;

    (void)state;
    assert_int_equal(handle_door_guest.export(NULL, "box", objects, &wire), 0);
    assert_int_equal(wire, (uintptr_t)objects);
    assert_int_equal(handle_door_guest.import(NULL, "box", wire, &local), 0);
    assert_ptr_equal(local, objects);
}

#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLE(a_handle_leads_to_its_pointer),
        WITH_TABLE(null_is_zero_both_ways),
        WITH_TABLE(the_same_pointer_keeps_its_handle_within_its_class),
        WITH_TABLE(a_handle_is_no_address),
        WITH_TABLE(a_handle_of_another_class_is_unknown),
        WITH_TABLE(a_forged_handle_is_unknown),
        WITH_TABLE(a_handle_of_another_session_is_unknown),
        WITH_TABLE(a_removed_handle_is_unknown),
        WITH_TABLE(removing_nonsense_removes_nothing),
        WITH_TABLE(a_removed_handle_stays_unknown_for_long),
        WITH_TABLE(handles_stay_good_while_the_table_grows),
        WITH_TABLE(a_full_table_refuses_more),
        WITH_TABLE(threads_use_each_others_handles),
        WITH_TABLE(one_pointer_given_to_many_threads_has_one_handle),
        cmocka_unit_test(the_guests_door_leaves_values_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
