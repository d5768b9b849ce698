/* The library's own allocator, under names of its own: whole under threads, under handlers, and in a forked child. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

void *own_malloc(size_t size);
void own_free(void *data);
void *own_calloc(size_t count, size_t size);
void *own_realloc(void *data, size_t size);
void *own_reallocarray(void *data, size_t count, size_t size);
char *own_strndup(const char *string, size_t most);
char *own_strdup(const char *string);
int own_vasprintf(char **made, const char *format, va_list arguments);
int own_asprintf(char **made, const char *format, ...);
void own_qsort(void *base, size_t count, size_t size, int (*compare)(const void *left, const void *right));

#undef strdup
#undef strndup
#define malloc       own_malloc
#define free         own_free
#define calloc       own_calloc
#define realloc      own_realloc
#define reallocarray own_reallocarray
#define strndup      own_strndup
#define strdup       own_strdup
#define vasprintf    own_vasprintf
#define asprintf     own_asprintf
#define qsort        own_qsort
#include "preload/own_heap.c"

#include <cmocka.h>

enum { PIECES = 64, ROUNDS = 20000 };

static void pieces_of_all_sizes_hold_what_is_written(void **state)
{
    (void)state;
    for (size_t size = 0; size < 300000; size = size * 3 / 2 + 1) {
        unsigned char *piece = own_malloc(size), *other = own_malloc(size);

        assert_int_equal((uintptr_t)piece % 16, 0);
        memset(piece, 1, size);
        memset(other, 2, size);
        piece = own_realloc(piece, 3 * size + 5);
        for (size_t i = 0; i < size; i++)
            assert_true(piece[i] == 1 && other[i] == 2);
        own_free(piece);
        own_free(other);
    }
}

static void what_calloc_gives_is_zero_again(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        unsigned char *piece = own_calloc(100, 7);

        for (size_t at = 0; at < 700; at++)
            assert_int_equal(piece[at], 0);
        memset(piece, 3, 700);
        own_free(piece);
    }
}

static void sizes_that_overflow_fail(void **state)
{
    volatile size_t most = SIZE_MAX;

    (void)state;
    errno = 0;
    assert_null(own_calloc(most, 2));
    assert_int_equal(errno, ENOMEM);
    assert_null(own_malloc(most - 3));
    assert_null(own_reallocarray(NULL, most / 2, 3));
}

static void freed_memory_is_used_again(void **state)
{
    size_t used;

    (void)state;
    own_free(own_malloc(1000));
    used = atomic_load(&chunk->used);
    for (int i = 0; i < ROUNDS; i++)
        own_free(own_malloc(1000));
    assert_int_equal(atomic_load(&chunk->used), used);
}

static void texts_are_copied_and_made(void **state)
{
    char *made, *copy;

    (void)state;
    assert_int_equal(own_asprintf(&made, "%s %d", "number", 7), 8);
    assert_string_equal(made, "number 7");
    copy = own_strndup(made, 3);
    assert_string_equal(copy, "num");
    own_free(made);
    own_free(copy);
}

struct item {
    int key, place;
};

static int compare_keys(const void *left, const void *right)
{
    return ((const struct item *)left)->key - ((const struct item *)right)->key;
}

static void items_are_sorted_and_equal_ones_stay_in_order(void **state)
{
    struct item items[1000];
    struct sorting in_place = {sizeof(items[0]), compare_keys, NULL};

    (void)state;
    for (size_t count = 0; count <= 1000; count += count < 20 ? 1 : 245) {
        for (int slow = 0; slow < 2; slow++) {
            for (size_t i = 0; i < count; i++)
                items[i] = (struct item){(int)(i * 7919 % 31), (int)i};
            if (slow)
                sort_in_place((unsigned char *)items, count, &in_place);
            else
                own_qsort(items, count, sizeof(items[0]), compare_keys);
            for (size_t i = 1; i < count; i++)
                assert_true(items[i - 1].key < items[i].key ||
                            (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place));
        }
    }
}

/* ---- under threads and handlers; a piece that two have is seen by what is written to it ---- */

static _Atomic int wrong;

static void exercise(int rounds)
{
    unsigned char *pieces[PIECES] = {NULL}, mark = (unsigned char)(uintptr_t)&pieces >> 4 | 1;
    size_t sizes[PIECES] = {0};
    unsigned seed = (unsigned)(uintptr_t)&pieces;

    for (int i = 0; i < rounds; i++) {
        unsigned at = (seed = seed * 1103515245 + 12345) >> 16 & (PIECES - 1);

        if (pieces[at] && (pieces[at][0] != mark || pieces[at][sizes[at] - 1] != mark))
            atomic_fetch_add(&wrong, 1);
        own_free(pieces[at]);
        sizes[at] = (seed >> 8 & 255) + 1;
        pieces[at] = own_malloc(sizes[at]);
        memset(pieces[at], mark, sizes[at]);
    }
    for (size_t i = 0; i < PIECES; i++)
        own_free(pieces[i]);
}

static void *exercise_in_thread(void *unused)
{
    (void)unused;
    exercise(ROUNDS * 4);
    return NULL;
}

static void exercise_in_handler(int number)
{
    (void)number;
    exercise(100);
}

static void threads_and_handlers_share_nothing(void **state)
{
    struct sigaction action = {.sa_handler = exercise_in_handler};
    struct itimerval timer = {{.tv_usec = 500}, {.tv_usec = 500}};
    pthread_t threads[4];

    (void)state;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, exercise_in_thread, NULL);
    for (int i = 0; i < 30; i++) {
        pid_t pid = fork();

        if (pid == 0) { /* without the other threads, which were anywhere in it */
            exercise(1000);
            syscall(SYS_exit_group, atomic_load(&wrong) != 0); /* ThreadSanitizer's _exit() misses the threads */
        }
        for (int status = -1; pid > 0 && status != 0;)
            if (waitpid(pid, &status, 0) == pid && status != 0) {
                atomic_fetch_add(&wrong, 1);
                break;
            }
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    timer = (struct itimerval){{0}, {0}};
    setitimer(ITIMER_REAL, &timer, NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_all_sizes_hold_what_is_written),
        cmocka_unit_test(what_calloc_gives_is_zero_again),
        cmocka_unit_test(sizes_that_overflow_fail),
        cmocka_unit_test(freed_memory_is_used_again),
        cmocka_unit_test(texts_are_copied_and_made),
        cmocka_unit_test(items_are_sorted_and_equal_ones_stay_in_order),
        cmocka_unit_test(threads_and_handlers_share_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
