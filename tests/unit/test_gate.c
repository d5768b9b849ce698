/* Gates: a switch waits for calls and objects, and many threads never see two modes at once. */
#include "preload/gate.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000, TOGGLES = 2000 };

#define HOSTS_HANDLE(salt, place) (UINT64_C(0x5741) << 48 | (uint64_t)(salt) << 32 | (place))

static bool try_switch(struct gate *gate)
{
    sigset_t before;
    bool has_switched;

    gate_lock(&before);
    has_switched = gate_try_switch(gate);
    gate_unlock(&before);
    return has_switched;
}

static void wish(struct gate *gate, enum mode mode)
{
    sigset_t before;

    gate_lock(&before);
    gate_wish(gate, mode);
    gate_unlock(&before);
}

static void forget_dead(struct gate *gate, uint32_t salt_plus_one)
{
    sigset_t before;

    gate_lock(&before);
    gate_forget_dead(gate, salt_plus_one);
    gate_unlock(&before);
}

static void an_empty_gate_switches_at_once(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_REMOTE);
    assert_false(try_switch(&gate)); /* nobody wishes it */
    wish(&gate, MODE_NATIVE);
    assert_true(gate_is_pending(&gate));
    assert_true(try_switch(&gate));
    assert_int_equal(gate_mode(&gate), MODE_NATIVE);
    assert_false(gate_is_pending(&gate));
}

static void a_call_on_its_way_keeps_the_mode(void **state)
{
    struct passage passages[2]; /* a signal handler's lies below the one that it interrupts, which else would be left */
    struct passage *passage = &passages[1], *second = &passages[0];
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_REMOTE);
    assert_int_equal(gate_enter(&gate, passage), MODE_REMOTE);
    wish(&gate, MODE_COMPARE);
    assert_false(try_switch(&gate));
    assert_int_equal(gate_enter(&gate, second), MODE_REMOTE);
    assert_false(gate_leave(second));
    assert_true(gate_leave(passage)); /* the last one says so */
    assert_true(try_switch(&gate));
    assert_int_equal(gate_enter(&gate, passage), MODE_COMPARE);
    assert_false(gate_leave(passage));
}

static void a_call_that_was_left_by_longjmp_has_left(void **state)
{
    struct passage passage, next;
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_REMOTE);
    gate_enter(&gate, &passage);
    wish(&gate, MODE_NATIVE);
    memset(&passage, 0x55, sizeof(passage));                 /* its stack is in use for something else */
    assert_int_equal(gate_enter(&gate, &next), MODE_REMOTE); /* no other call is on its way now */
    assert_true(gate_leave(&next));
    assert_true(try_switch(&gate));
}

static void so_does_an_object(void **state)
{
    struct passage passage;
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_NATIVE);
    gate_object_given(&gate, "struct a *", 16);
    gate_object_given(&gate, "struct a *", 16);
    wish(&gate, MODE_REMOTE);
    assert_false(try_switch(&gate));
    gate_enter(&gate, &passage);
    gate_object_closing(&gate, "struct a *", 16);
    assert_false(try_switch(&gate)); /* the call that closes it has not ended */
    assert_true(gate_leave(&passage));
    assert_true(try_switch(&gate));
    live_objects_finish(&gate.objects);
}

static void a_wish_for_the_mode_it_has_takes_the_other_back(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_NATIVE);
    wish(&gate, MODE_REMOTE);
    wish(&gate, MODE_NATIVE);
    assert_false(gate_is_pending(&gate));
    assert_false(try_switch(&gate));
    assert_int_equal(gate_mode(&gate), MODE_NATIVE);
}

static void objects_of_an_ended_session_count_no_longer(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_REMOTE);
    gate_object_given(&gate, "struct a *", HOSTS_HANDLE(7, 1));
    gate_object_given(&gate, "struct a *", HOSTS_HANDLE(8, 1));
    wish(&gate, MODE_NATIVE);
    forget_dead(&gate, 8 + 1);
    assert_true(atomic_load(&gate.has_dead));
    assert_int_equal(gate_objects(&gate), 1);
    assert_false(try_switch(&gate));
    forget_dead(&gate, 0);
    assert_true(try_switch(&gate));
    live_objects_finish(&gate.objects);
}

static void native_objects_outlive_a_session(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_NATIVE);
    gate_object_given(&gate, "struct a *", 0x7fff12345670);
    wish(&gate, MODE_REMOTE);
    forget_dead(&gate, 0);
    assert_false(atomic_load(&gate.has_dead));
    assert_false(try_switch(&gate));
    live_objects_finish(&gate.objects);
}

static void how_many_live_is_shown(void **state)
{
    uint32_t shown = 7;
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_NATIVE);
    gate_object_given(&gate, "struct a *", 16);
    gate_show_objects(&gate, &shown);
    assert_int_equal(shown, 1);
    gate_object_given(&gate, "struct a *", 32);
    gate_object_given(&gate, "struct b *", 32);
    assert_int_equal(shown, 3);
    gate_object_closing(&gate, "struct a *", 32);
    gate_object_closing(&gate, "struct a *", 32);
    assert_int_equal(shown, 2);
    gate_show_objects(&gate, NULL);
    gate_object_closing(&gate, "struct a *", 16);
    assert_int_equal(shown, 2);
    assert_int_equal(gate_objects(&gate), 1);
    live_objects_finish(&gate.objects);
}

static void a_child_is_not_in_its_parents_calls(void **state)
{
    struct passage passage;
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_REMOTE);
    gate_enter(&gate, &passage);
    gate_object_given(&gate, "struct a *", 16);
    gate_object_given(&gate, "struct a *", HOSTS_HANDLE(7, 1));
    wish(&gate, MODE_NATIVE);
    gates_start_over();
    gate_start_over(&gate);
    assert_false(gate_leave(&passage)); /* and does not leave what it never entered */
    gate_object_closing(&gate, "struct a *", 16);
    assert_true(try_switch(&gate));
    live_objects_finish(&gate.objects);
}

static void a_thread_that_ends_in_a_call_has_left(void **state)
{
    struct passage passage;
    struct gate gate;

    (void)state;
    gate_init(&gate, MODE_REMOTE);
    gate_enter(&gate, &passage);
    wish(&gate, MODE_NATIVE);
    gate_thread_ended();
    assert_true(try_switch(&gate));
    assert_false(gate_leave(&passage)); /* only once */
    wish(&gate, MODE_REMOTE);
    assert_true(try_switch(&gate));
}

/* ---- threads ---- */

static struct gate shared;
static _Atomic int inside[2]; /* calls in each of two modes */
static _Atomic int both, switches;

static void *call_and_switch(void *unused)
{
    struct passage passage;

    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        enum mode mode = gate_enter(&shared, &passage);

        atomic_fetch_add(&inside[mode], 1);
        if (atomic_load(&inside[!mode]))
            atomic_fetch_add(&both, 1);
        atomic_fetch_sub(&inside[mode], 1);
        if (gate_leave(&passage) && try_switch(&shared))
            atomic_fetch_add(&switches, 1);
        sched_yield();
    }
    return NULL;
}

static void threads_are_never_inside_in_two_modes(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    gate_init(&shared, MODE_REMOTE);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_and_switch, NULL), 0);
    for (int i = 0; i < TOGGLES; i++) {
        wish(&shared, i % 2 ? MODE_REMOTE : MODE_NATIVE);
        switches += try_switch(&shared);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(both, 0);
    assert_true(switches > 0);
    wish(&shared, MODE_COMPARE);
    assert_true(try_switch(&shared)); /* every call has left */
}

/* ---- objects, in threads and in what interrupts them ---- */

enum { MINE = 3, COMMON = 2, SIGNALS = 300 };

static uint32_t shown_objects;
static _Atomic int strays; /* calls of a mode that met an object of the other one */
static _Atomic int in_mode[2];
static _Atomic bool is_over;
static __thread unsigned thread_number;

/* What a call that makes, and one that closes an object do; the object is the thread's own. */
static void give_and_close(uint64_t handle)
{
    struct passage passage;
    enum mode mode = gate_enter(&shared, &passage), then;

    gate_object_given(&shared, "struct a *", handle);
    gate_object_given(&shared, "struct a *", handle);
    atomic_fetch_add(&in_mode[mode], 1);
    if (gate_leave(&passage))
        try_switch(&shared);
    then = gate_enter(&shared, &passage);
    if (then != mode || atomic_load(&in_mode[!mode]))
        atomic_fetch_add(&strays, 1);
    atomic_fetch_sub(&in_mode[mode], 1);
    gate_object_closing(&shared, "struct a *", handle);
    if (gate_leave(&passage) && try_switch(&shared))
        atomic_fetch_add(&switches, 1);
}

/* Two threads, or a thread and its handler, may give the same object, and close it. */
static void meet(uint64_t handle)
{
    struct passage passage;

    gate_enter(&shared, &passage);
    gate_object_given(&shared, "struct a *", handle);
    gate_object_closing(&shared, "struct a *", handle);
    if (gate_leave(&passage))
        try_switch(&shared);
}

static void interrupt(int number)
{
    (void)number;
    if (!thread_number)
        return;
    give_and_close(0x100000 + (uint64_t)thread_number * 64);
    meet(0x200000);
}

static void *make_objects(void *number)
{
    thread_number = (unsigned)(uintptr_t)number;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        give_and_close(0x1000 + (uint64_t)(thread_number * MINE + i % MINE) * 16);
        meet(0x200000 + (uint64_t)(i % COMMON) * 16);
    }
    while (!atomic_load(&is_over))
        sched_yield();
    return NULL;
}

static void toggle_and_interrupt(pthread_t *threads)
{
    for (int i = 0; i < SIGNALS; i++) {
        pthread_kill(threads[i % THREADS], SIGUSR1);
        wish(&shared, i % 2 ? MODE_REMOTE : MODE_NATIVE);
        if (try_switch(&shared))
            atomic_fetch_add(&switches, 1);
        sched_yield();
    }
    atomic_store(&is_over, true);
}

static void objects_of_threads_and_handlers_are_counted_exactly(void **state)
{
    struct sigaction action = {.sa_handler = interrupt}, before;
    pthread_t threads[THREADS];

    (void)state;
    gate_init(&shared, MODE_REMOTE);
    gate_show_objects(&shared, &shown_objects);
    sigaction(SIGUSR1, &action, &before);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_objects, (void *)(i + 1)), 0);
    toggle_and_interrupt(threads);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    sigaction(SIGUSR1, &before, NULL);
    assert_int_equal(strays, 0);
    assert_int_equal(gate_objects(&shared), 0);
    assert_int_equal(live_objects_count(&shared.objects), 0);
    assert_int_equal(__atomic_load_n(&shown_objects, __ATOMIC_SEQ_CST), 0);
    wish(&shared, MODE_COMPARE);
    assert_true(try_switch(&shared));
    live_objects_finish(&shared.objects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_gate_switches_at_once),
        cmocka_unit_test(a_call_on_its_way_keeps_the_mode),
        cmocka_unit_test(a_call_that_was_left_by_longjmp_has_left),
        cmocka_unit_test(so_does_an_object),
        cmocka_unit_test(a_wish_for_the_mode_it_has_takes_the_other_back),
        cmocka_unit_test(objects_of_an_ended_session_count_no_longer),
        cmocka_unit_test(native_objects_outlive_a_session),
        cmocka_unit_test(how_many_live_is_shown),
        cmocka_unit_test(a_child_is_not_in_its_parents_calls),
        cmocka_unit_test(a_thread_that_ends_in_a_call_has_left),
        cmocka_unit_test(threads_are_never_inside_in_two_modes),
        cmocka_unit_test(objects_of_threads_and_handlers_are_counted_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
