/*
 * The set of live objects, held against what should be in it; with threads, with what interrupts them, in children.
 *
 * The code is compiled in here with threads that let others run, now and then, before they look at what these change:
 * on few processors they would hardly ever meet where it matters.
 */
#include "spec/base/live_objects.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#ifdef __SANITIZE_THREAD__
enum { SLOWNESS = 4 };
#else
enum { SLOWNESS = 1 };
#endif

static __thread unsigned pace = 1;

static void let_others_run(void)
{
    pace = pace * 1103515245 + 12345;
    if (pace >> 25 == 0)
        sched_yield();
}

#undef atomic_load_explicit
#undef atomic_compare_exchange_strong_explicit
#define atomic_load_explicit(object, order) (let_others_run(), __atomic_load_n(object, order))
#define atomic_compare_exchange_strong_explicit(object, expected, wanted, order, otherwise) \
    (let_others_run(), __atomic_compare_exchange_n(object, expected, wanted, 0, order, otherwise))

#include "spec/base/live_objects.c"

enum { OBJECTS = 3000, STEPS = 60000, HANDLE_FIRST = 0x1000, HANDLE_STEP = 16 };

static const char a[] = "struct a *", b[] = "struct b *";

static uint64_t handle_of(unsigned object)
{
    return HANDLE_FIRST + (uint64_t)object * HANDLE_STEP;
}

static int add(struct live_objects *objects, const char *class, uint64_t value)
{
    struct live_view view;
    int added = live_objects_add(objects, class, value, &view);

    return added < 0 || (view.life & LIFE_STATE) == LIFE_LIVE ? added : -EPROTO;
}

static void what_is_given_twice_counts_once(void **state)
{
    struct live_objects objects = {0};

    (void)state;
    assert_int_equal(add(&objects, a, 16), 1);
    assert_int_equal(add(&objects, a, 16), 0);
    assert_int_equal(live_objects_count(&objects), 1);
    assert_true(live_objects_remove(&objects, a, 16));
    assert_false(live_objects_remove(&objects, a, 16));
    assert_int_equal(live_objects_count(&objects), 0);
    live_objects_finish(&objects);
}

static void an_address_is_another_object_in_another_class(void **state)
{
    struct live_objects objects = {0};

    (void)state;
    assert_int_equal(add(&objects, a, 16), 1);
    assert_int_equal(add(&objects, b, 16), 1);
    assert_int_equal(live_objects_count(&objects), 2);
    assert_false(live_objects_remove(&objects, "struct c *", 16));
    assert_false(live_objects_remove(&objects, b, 32));
    assert_true(live_objects_remove(&objects, (char[]){"struct a *"}, 16)); /* the text counts */
    assert_int_equal(live_objects_count(&objects), 1);
    live_objects_finish(&objects);
}

/* The two have the same order in the list. */
static void values_of_one_hash_are_two(void **state)
{
    const uint64_t inverse = UINT64_C(0xf1de83e19937733d); /* of the hash's factor */
    const uint64_t twins[] = {inverse * 10, inverse * 11};
    struct live_objects objects = {0};

    (void)state;
    assert_int_equal(inverse * UINT64_C(0x9e3779b97f4a7c15), 1);
    assert_int_equal(add(&objects, a, twins[0]), 1);
    assert_int_equal(add(&objects, a, twins[1]), 1);
    assert_int_equal(add(&objects, a, twins[0]), 0);
    assert_true(live_objects_remove(&objects, a, twins[0]));
    assert_int_equal(add(&objects, a, twins[1]), 0);
    assert_true(live_objects_remove(&objects, a, twins[1]));
    assert_int_equal(live_objects_count(&objects), 0);
    live_objects_finish(&objects);
}

static void nothing_is_in_an_empty_one(void **state)
{
    struct live_objects objects = {0};
    struct live_view view;

    (void)state;
    assert_false(live_objects_remove(&objects, a, 16));
    assert_false(live_objects_at(&objects, 0, &view));
    assert_false(live_objects_at(&objects, SIZE_MAX, &view));
    assert_int_equal(live_objects_count(&objects), 0);
    live_objects_finish(&objects);
}

static void a_place_has_another_life_each_time(void **state)
{
    struct live_objects objects = {0};
    struct live_view first, view = {0};

    (void)state;
    assert_int_equal(live_objects_add(&objects, a, 16, &first), 1);
    assert_true(live_objects_at(&objects, first.place, &view));
    assert_int_equal(view.life, first.life);
    assert_int_equal(view.value, 16);
    assert_true(live_objects_end(&objects, &first));
    assert_false(live_objects_at(&objects, first.place, &view));
    for (int i = 0; i < LIVE_OBJECTS_FIRST; i++) {
        assert_int_equal(live_objects_add(&objects, a, 16, &view), 1);
        assert_false(view.place == first.place && view.life == first.life);
        assert_false(live_objects_end(&objects, &first));
        assert_true(live_objects_end(&objects, &view));
    }
    live_objects_finish(&objects);
}

/* Additions and removals without an order; then each is removed, and is really gone. */
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
            assert_true(live_objects_remove(&objects, a, handle_of(object)));
        else
            assert_int_equal(add(&objects, a, handle_of(object)), 1);
        is_in[object] = !is_in[object];
        count = is_in[object] ? count + 1 : count - 1;
        assert_int_equal(atomic_load(&objects.taken), count);
    }
    assert_int_equal(live_objects_count(&objects), count);
    for (unsigned object = 0; object < OBJECTS; object++)
        assert_int_equal(live_objects_remove(&objects, a, handle_of(object)), is_in[object]);
    assert_int_equal(live_objects_count(&objects), 0);
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
        assert_int_equal(add(&objects, a, handle_of(object)), 1);
    assert_int_equal(live_objects_sweep(&objects, is_odd, NULL), OBJECTS / 2);
    assert_int_equal(live_objects_count(&objects), OBJECTS / 2);
    for (unsigned object = 0; object < OBJECTS; object += 2)
        assert_true(live_objects_remove(&objects, a, handle_of(object)));
    assert_int_equal(live_objects_count(&objects), 0);
    live_objects_finish(&objects);
}

static void there_are_no_more_than_may_be(void **state)
{
    struct live_objects objects = {.most = 2 * LIVE_OBJECTS_FIRST};

    (void)state;
    for (unsigned object = 0; object < 2 * LIVE_OBJECTS_FIRST; object++)
        assert_int_equal(add(&objects, a, handle_of(object)), 1);
    assert_int_equal(add(&objects, a, 8), -EMFILE);
    assert_int_equal(add(&objects, a, handle_of(0)), 0);
    assert_true(live_objects_remove(&objects, a, handle_of(7)));
    assert_int_equal(add(&objects, a, 8), 1);
    live_objects_finish(&objects);
}

/* ---- threads ---- */

enum { THREADS = 4, VALUES = 50, RANDOM_STEPS = 40000 / SLOWNESS, INTERRUPTIONS = 300, CHILDREN = 10 };

static struct live_objects shared;
static _Atomic int net[VALUES]; /* how often each was added, less how often it was removed */
static _Atomic unsigned done;
static __thread unsigned seed;
static __thread volatile sig_atomic_t is_inside; /* it may be interrupted */
static __thread sigjmp_buf outside;
static _Atomic bool handlers_jump;

static void step_at_random(unsigned *random)
{
    unsigned choice = (*random = *random * 1103515245 + 12345) >> 8;
    unsigned value = choice / 2 % VALUES;

    if (choice % 2)
        atomic_fetch_add(&net[value], add(&shared, a, handle_of(value)));
    else
        atomic_fetch_sub(&net[value], live_objects_remove(&shared, a, handle_of(value)));
}

static void interrupt(int number)
{
    unsigned random = seed ^ 0x5bd1e995;

    (void)number;
    if (!is_inside)
        return;
    for (int i = 0; i < 10; i++)
        step_at_random(&random);
    if (atomic_load(&handlers_jump))
        siglongjmp(outside, 1);
}

static void *run_at_random(void *number)
{
    seed = (unsigned)(uintptr_t)number;
    for (volatile int i = 0; i < RANDOM_STEPS; i++) {
        if (sigsetjmp(outside, 1) == 0) {
            is_inside = 1;
            step_at_random(&seed);
        }
        is_inside = 0;
    }
    atomic_fetch_add(&done, 1);
    return NULL;
}

static void interrupt_all(pthread_t *threads, void (*meanwhile)(void))
{
    struct sigaction action = {.sa_handler = interrupt}, before;

    sigaction(SIGUSR1, &action, &before);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_at_random, (void *)(i + 1)), 0);
    for (int i = 0; i < INTERRUPTIONS && atomic_load(&done) == 0; i++) {
        pthread_kill(threads[i % THREADS], SIGUSR1);
        if (meanwhile && i % (INTERRUPTIONS / CHILDREN) == 0)
            meanwhile();
        sched_yield();
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    sigaction(SIGUSR1, &before, NULL);
}

static void start_over(void)
{
    live_objects_finish(&shared);
    memset((void *)net, 0, sizeof(net));
    atomic_store(&done, 0);
}

static void threads_and_handlers_add_and_remove_each_once(void **state)
{
    pthread_t threads[THREADS];
    size_t count = 0;

    (void)state;
    start_over();
    interrupt_all(threads, NULL);
    for (unsigned value = 0; value < VALUES; value++) {
        assert_in_range(net[value], 0, 1);
        count += (size_t)net[value];
    }
    assert_int_equal(live_objects_count(&shared), count);
    for (unsigned value = 0; value < VALUES; value++)
        assert_int_equal(live_objects_remove(&shared, a, handle_of(value)), net[value]);
    assert_int_equal(atomic_load(&shared.taken), 0);
    start_over();
}

/* What was left in the midst is whole: each can be added and removed as ever. */
static void assert_usable(void)
{
    for (unsigned value = 0; value < VALUES; value++)
        live_objects_remove(&shared, a, handle_of(value));
    assert_int_equal(live_objects_count(&shared), 0);
    for (unsigned value = 0; value < VALUES; value++)
        assert_int_equal(add(&shared, a, handle_of(value)), 1);
    assert_int_equal(live_objects_count(&shared), VALUES);
    for (unsigned value = 0; value < VALUES; value++)
        assert_true(live_objects_remove(&shared, a, handle_of(value)));
    assert_int_equal(live_objects_count(&shared), 0);
}

static void it_can_be_left_at_any_time(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    start_over();
    atomic_store(&handlers_jump, true);
    interrupt_all(threads, NULL);
    atomic_store(&handlers_jump, false);
    assert_usable();
    start_over();
}

static int check_child(void)
{
    size_t count = live_objects_count(&shared), removed = 0;

    for (unsigned value = 0; value < VALUES; value++)
        removed += live_objects_remove(&shared, a, handle_of(value));
    for (unsigned value = 0; value < VALUES; value++)
        if (add(&shared, a, handle_of(value)) != 1)
            return 2;
    return removed == count && live_objects_count(&shared) == VALUES ? 0 : 1;
}

static void fork_a_child(void)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        alarm(30);
        _exit(check_child());
    }
    assert_true(child > 0);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_int_equal(status, 0);
}

static void a_child_finds_it_whole(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    start_over();
    interrupt_all(threads, fork_a_child);
    start_over();
}

/* ---- threads that find, grow and sweep ---- */

static void *grow_and_look(void *number)
{
    uint64_t first = (uint64_t)(uintptr_t)number * OBJECTS;
    struct live_view view, seen;

    for (unsigned i = 0; i < OBJECTS; i++) {
        if (live_objects_add(&shared, b, handle_of((unsigned)first + i), &view) != 1 ||
            !live_objects_at(&shared, view.place, &seen) || seen.value != view.value || seen.life != view.life)
            atomic_fetch_add(&done, 1);
        if (i % 2 && !live_objects_end(&shared, &view))
            atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static bool is_low(uint64_t handle, const void *context)
{
    return handle < *(const uint64_t *)context;
}

static void it_grows_while_threads_use_it(void **state)
{
    pthread_t threads[THREADS];
    uint64_t limit = handle_of(OBJECTS); /* what the first thread adds */
    size_t swept = 0;

    (void)state;
    start_over();
    for (uintptr_t i = 1; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, grow_and_look, (void *)i), 0);
    for (unsigned i = 0; i < OBJECTS; i++) {
        assert_int_equal(add(&shared, a, handle_of(i)), 1);
        if (i % 100 == 99)
            swept += live_objects_sweep(&shared, is_low, &limit);
    }
    for (int i = 1; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(done, 0);
    assert_int_equal(swept, OBJECTS);
    assert_int_equal(live_objects_count(&shared), (THREADS - 1) * OBJECTS / 2);
    assert_int_equal(atomic_load(&shared.taken), (THREADS - 1) * OBJECTS / 2);
    start_over();
}

/* ---- threads that meet at what is new, and at what is used again ---- */

enum { FRESH = 150 / SLOWNESS, EACH = 40, FEW = 6, SPARE = 8, FEW_STEPS = 4000 };

static struct live_objects fresh[FRESH];
static pthread_barrier_t barrier;

static void *fill_fresh_ones(void *number)
{
    pace = (unsigned)(uintptr_t)number * 7919;
    for (int i = 0; i < FRESH; i++) {
        pthread_barrier_wait(&barrier);
        for (unsigned object = 0; object < EACH; object++)
            if (add(&fresh[i], a, handle_of((unsigned)(uintptr_t)number * EACH + object)) != 1)
                atomic_fetch_add(&done, 1);
    }
    return NULL;
}

static void run_threads(void *(*run)(void *))
{
    pthread_t threads[THREADS];

    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void threads_may_begin_it_together(void **state)
{
    (void)state;
    start_over();
    pthread_barrier_init(&barrier, NULL, THREADS);
    run_threads(fill_fresh_ones);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(done, 0);
    for (int i = 0; i < FRESH; i++) {
        assert_int_equal(live_objects_count(&fresh[i]), THREADS * EACH);
        for (unsigned object = EACH; object < (THREADS + 1) * EACH; object++)
            assert_true(live_objects_remove(&fresh[i], a, handle_of(object)));
        live_objects_finish(&fresh[i]);
    }
}

static void *reuse_places(void *number)
{
    unsigned random = (unsigned)(uintptr_t)number;

    pace = random * 7919;
    for (int i = 0; i < FEW_STEPS; i++) {
        unsigned choice = (random = random * 1103515245 + 12345) >> 8;
        unsigned value = choice / 2 % FEW;
        int added = choice % 2 ? add(&shared, a, handle_of(value)) : 0;

        atomic_fetch_add(&net[value], choice % 2 ? added : -live_objects_remove(&shared, a, handle_of(value)));
        if (added < 0)
            atomic_fetch_add(&done, 1);
    }
    return NULL;
}

/* So few places are free that links soon lead again where they led before. */
static void places_may_be_used_again_at_once(void **state)
{
    size_t count = 0;

    (void)state;
    start_over();
    shared.most = LIVE_OBJECTS_FIRST;
    for (unsigned object = 0; object < LIVE_OBJECTS_FIRST - FEW - SPARE; object++)
        assert_int_equal(add(&shared, b, handle_of(object)), 1);
    run_threads(reuse_places);
    assert_int_equal(done, 0);
    for (unsigned value = 0; value < FEW; value++) {
        assert_in_range(net[value], 0, 1);
        count += (size_t)net[value];
    }
    assert_int_equal(live_objects_count(&shared), LIVE_OBJECTS_FIRST - FEW - SPARE + count);
    for (unsigned value = 0; value < FEW; value++)
        assert_int_equal(live_objects_remove(&shared, a, handle_of(value)), net[value]);
    for (unsigned object = 0; object < LIVE_OBJECTS_FIRST - FEW - SPARE; object++)
        assert_true(live_objects_remove(&shared, b, handle_of(object)));
    assert_int_equal(atomic_load(&shared.taken), 0);
    start_over();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_twice_counts_once),
        cmocka_unit_test(an_address_is_another_object_in_another_class),
        cmocka_unit_test(values_of_one_hash_are_two),
        cmocka_unit_test(nothing_is_in_an_empty_one),
        cmocka_unit_test(a_place_has_another_life_each_time),
        cmocka_unit_test(it_holds_what_was_added_and_not_removed),
        cmocka_unit_test(a_sweep_takes_all_that_it_is_to_and_no_other),
        cmocka_unit_test(there_are_no_more_than_may_be),
        cmocka_unit_test(threads_and_handlers_add_and_remove_each_once),
        cmocka_unit_test(it_can_be_left_at_any_time),
        cmocka_unit_test(a_child_finds_it_whole),
        cmocka_unit_test(it_grows_while_threads_use_it),
        cmocka_unit_test(threads_may_begin_it_together),
        cmocka_unit_test(places_may_be_used_again_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
